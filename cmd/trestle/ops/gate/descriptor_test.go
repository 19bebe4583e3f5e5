package gate

import (
	"testing"

	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"google.golang.org/protobuf/proto"
)

func TestDescriptorAndSource(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"a/option.proto": "syntax = \"proto3\";\npackage a;\nimport \"google/protobuf/descriptor.proto\";\nextend google.protobuf.FieldOptions { string note = 50001; }\n",
		"a/other.proto":  "syntax = \"proto3\";\npackage a;\nmessage Other { int32 n = 1; }\n",
	}
	const source = "syntax = \"proto3\";\npackage a;\nimport \"a/option.proto\";\nimport \"a/other.proto\";\nimport \"google/protobuf/timestamp.proto\";\n" +
		"// Event is one.\nmessage Event {\n  Other other = 1 [(a.note) = \"kept\"];\n  google.protobuf.Timestamp at = 2;\n  message Inner { repeated string s = 1; }\n}\n"
	first, err := (Checker{}).Descriptor(t.Context(), devregistry.Candidate{Subject: "events-value", Schema: source, Texts: texts})
	if err != nil {
		t.Fatal(err)
	}
	serialized, err := proto.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := (Checker{}).Source(t.Context(), serialized, texts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := (Checker{}).Descriptor(t.Context(), devregistry.Candidate{Subject: "events-value", Schema: printed, Texts: texts})
	if err != nil {
		t.Fatalf("%v:\n%s", err, printed)
	}
	bytesAgain, err := proto.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(serialized) != string(bytesAgain) {
		t.Errorf("got\n%v\nwant\n%v\nprinted as\n%s", again, first, printed)
	}
}
