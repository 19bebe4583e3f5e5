package event_test

import (
	"testing"

	"github.com/omninode/trestle/runtime/genapi/protobin"
	"github.com/omninode/trestle/runtime/jsonio"
	"google.golang.org/protobuf/proto"
)

// TestSecondKeyOfAnotherType reads entries of maps whose second key is of another wire type: dynamic messages panic there, and
// generated ones pass over that key. It stands in a map, in a message of a list, and in one of a map.
func TestSecondKeyOfAnotherType(t *testing.T) {
	t.Parallel()
	types, _ := typesOf(t, "a/v1/a.proto", `syntax = "proto3";
package a.v1;
import "trestle/v1/options.proto";
// A has maps.
message A {
  option (trestle.v1.event) = {topic: "a"};
  // Names by number.
  map<int32, string> names = 1;
  // More.
  repeated A more = 2;
  // More by name.
  map<string, A> by_name = 3;
}
`)
	entry := []byte{0x0a, 8, 0x08, 1, 0x0a, 1, 'a', 0x12, 1, 'b'} // names[1] = "b", and a key "a"
	inList := append([]byte{0x12, byte(len(entry))}, entry...)
	inMap := append([]byte{0x1a, byte(len(entry) + 5), 0x0a, 1, 'x', 0x12, byte(len(entry))}, entry...)
	for want, data := range map[string][]byte{
		`{"names":{"1":"b"}}`:                   entry,
		`{"more":[{"names":{"1":"b"}}]}`:        inList,
		`{"by_name":{"x":{"names":{"1":"b"}}}}`: inMap,
	} {
		read, wanted := types.Events()[0].New(), types.Events()[0].New()
		if err := protobin.Unmarshal(data, read.(proto.Message)); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		wanted.DecodeJSON(jsonio.NewReader([]byte(want)))
		if !proto.Equal(wanted.(proto.Message), read.(proto.Message)) {
			t.Errorf("read %v, want %s", read, want)
		}
	}
}
