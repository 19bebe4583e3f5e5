package event_test

import (
	"testing"

	"github.com/omninode/trestle/runtime/genapi/protobin"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"google.golang.org/protobuf/proto"
)

// TestSecondKeyOfAnotherType reads an entry of a map whose second key is of another wire type: dynamic messages panic there.
func TestSecondKeyOfAnotherType(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"a/v1/a.proto": []byte(`syntax = "proto3";
package a.v1;
import "trestle/v1/options.proto";
// A has a map.
message A {
  option (trestle.v1.event) = {topic: "a"};
  // Names by number.
  map<int32, string> names = 1;
}
`)}))
	if err != nil {
		t.Fatal(err)
	}
	m := event.Events(set)[0].New().(proto.Message)
	if err := protobin.Unmarshal([]byte{0x0a, 5, 0x08, 1, 0x0a, 1, 'a'}, m); err == nil {
		t.Error("no error")
	}
}
