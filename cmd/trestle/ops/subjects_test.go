package ops

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/load"
)

const unitProto = `syntax = "proto3";
package acme.units.v1;

// Unit is what something is counted in.
message Unit {
  string name = 1;
}
`

const countProto = `syntax = "proto3";
package acme.counts.v1;

import "acme/units/v1/unit.proto";
import "trestle/v1/options.proto";

option (trestle.v1.family) = {envelope: ENVELOPE_ONEX_V1};

// Counted is protobuf on its topic.
message Counted {
  option (trestle.v1.event) = {role: ROLE_EVENT, topic: "counts", encoding: ENCODING_PROTOBUF};
  int64 n = 1;
  acme.units.v1.Unit unit = 2;
}

// Noted is JSON.
message Noted {
  option (trestle.v1.event) = {role: ROLE_EVENT, topic: "notes"};
  string note = 1;
}
`

// A subject's digest is the one that events carry, whatever an environment calls the subject.
func TestSubjectsHaveTheDigestsOfEvents(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
		"acme/units/v1/unit.proto": []byte(unitProto), "acme/counts/v1/count.proto": []byte(countProto),
	}))
	if err != nil {
		t.Fatal(err)
	}
	carried := map[string]string{}
	for _, info := range EventTypesOf(set) {
		carried[info.Topic.Name+"-value"] = info.SchemaDigest
	}
	for _, prefix := range []string{"", "staging."} {
		declared, err := subjectsIn(set, Environment{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for name, digest := range carried {
			want[prefix+name] = digest
		}
		got := map[string]string{}
		for _, s := range declared {
			if s.Digest == "" {
				t.Errorf("%s has no digest", s.Name)
			}
			if _, ok := want[s.Name]; ok {
				got[s.Name] = s.Digest
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(declared) < 4 {
			t.Errorf("prefix %q, of %d subjects: (-carried +declared):\n%s", prefix, len(declared), diff)
		}
	}
}
