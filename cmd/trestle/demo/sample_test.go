package demo

import (
	"strings"
	"testing"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
)

// TestSamples makes examples of schemas that are hard to break or to fill: every one that takes part is valid, carries
// its conversation's ids, and has an invalid twin.
func TestSamples(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"a/v1/a.proto": []byte(`syntax = "proto3";
package a.v1;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_ONEX_V1 dead_letter_pattern: "{topic}_dlq"};
message Asked {
  option (trestle.v1.event) = {topic: "asked" key: "correlation_id" role: ROLE_REQUEST reply: "Answered"};
  string correlation_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.uuid = true];
  string session_id = 2 [(buf.validate.field).required = true, (buf.validate.field).string.uuid = true];
  int64 count = 3 [(buf.validate.field).int64.lte = 5];
}
message Answered {
  option (trestle.v1.event) = {topic: "answered" key: "correlation_id" role: ROLE_RESPONSE};
  string correlation_id = 1 [(buf.validate.field).string.uuid = true];
}
message Free {
  option (trestle.v1.event) = {topic: "free"};
}
message Bare {
  option (trestle.v1.event) = {topic: "bare" envelope: ENVELOPE_NONE encoding: ENCODING_PROTOBUF};
  string correlation_id = 1;
  repeated string lines = 2;
}
message Impossible {
  option (trestle.v1.event) = {topic: "impossible"};
  int64 n = 1 [(buf.validate.field).cel = {id: "never", message: "never", expression: "false"}, (buf.validate.field).required = true];
}`)}))
	if err != nil {
		t.Fatal(err)
	}
	samples, leftOut, err := newSamples(set, event.Events(set))
	if err != nil {
		t.Fatal(err)
	}
	if len(leftOut) != 1 || !strings.HasPrefix(leftOut[0], "Impossible is left out: no example is found that its rules allow") {
		t.Errorf("left out: %q", leftOut)
	}
	rules := map[string]string{"Asked": "int64.lte", "Answered": "type", "Free": "type", "Bare": "type"}
	for _, s := range samples {
		want, ok := rules[s.info.Type]
		if !ok {
			t.Errorf("%s takes part", s.info.Type)
			continue
		}
		delete(rules, s.info.Type)
		c := newConversation()
		_, env, err := trestle.ReadText(s.info, s.document(c), trestle.TextOptions{})
		if err != nil {
			t.Errorf("%s: the example is invalid: %v", s.info.Type, err)
		}
		if strings.HasPrefix(s.info.Type, "A") && env.CorrelationID != c.correlationID {
			t.Errorf("%s: correlation id %q, want the conversation's, %q", s.info.Type, env.CorrelationID, c.correlationID)
		}
		if got := s.rule(s.invalid); got != want {
			t.Errorf("%s: %s breaks %q, want %q", s.info.Type, s.invalid, got, want)
		}
		if wantReply := map[string]string{"Asked": "a.v1.Answered"}[s.info.Type]; s.reply != wantReply {
			t.Errorf("%s: reply %q, want %q", s.info.Type, s.reply, wantReply)
		}
	}
	if len(rules) > 0 {
		t.Errorf("missing: %v", rules)
	}
}
