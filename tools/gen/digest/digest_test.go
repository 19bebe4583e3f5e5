package digest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

const root = "../../.."

const sharedProto = `syntax = "proto3";
package acme.shared.v1;

// Money is an amount.
message Money {
  // Cents are a hundredth.
  int64 cents = 1;
}
`

const orderProto = `// Orders.
syntax = "proto3";
package acme.orders.v1;

import "trestle/v1/options.proto";
import "acme/shared/v1/money.proto";
import "buf/validate/validate.proto";

option (trestle.v1.family) = {envelope: ENVELOPE_ONEX_V1};

// OrderPlaced says that an order was placed.
message OrderPlaced {
  option (trestle.v1.event) = {role: ROLE_EVENT, topic: "orders", encoding: ENCODING_PROTOBUF};
  // The order.
  string order_id = 1 [(buf.validate.field).string.min_len = 1];
  acme.shared.v1.Money total = 2;
}

// OrderNoted says that an order was noted.
message OrderNoted {
  option (trestle.v1.event) = {role: ROLE_EVENT, topic: "notes"};
  // The note.
  string note = 1 [(buf.validate.field).string.max_len = 80, json_name = "note"];
  Kind kind = 2;
}

// Kind is one.
enum Kind {
  // None.
  KIND_UNSPECIFIED = 0;
  // Short.
  KIND_SHORT = 1;
}
`

func loadFiles(t *testing.T, files map[string]string) *schema.Set {
	t.Helper()
	sources := map[string][]byte{}
	for name, text := range files {
		sources[name] = []byte(text)
	}
	set, err := load.Schemas(t.Context(), load.Files(sources))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func digestOf(t *testing.T, set *schema.Set, eventType string) string {
	t.Helper()
	d, err := digest.New(set).Event(set.Event(eventType))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var form = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestEditsOfProtobuf(t *testing.T) {
	t.Parallel()
	type files map[string]string
	of := func(order, shared string) files {
		return files{"acme/orders/v1/order.proto": order, "acme/shared/v1/money.proto": shared}
	}
	before := loadFiles(t, of(orderProto, sharedProto))
	placed, noted := digestOf(t, before, "OrderPlaced"), digestOf(t, before, "OrderNoted")
	if !form.MatchString(placed) || !form.MatchString(noted) || placed == noted {
		t.Fatalf("digests %s and %s", placed, noted)
	}
	replace := func(old, new string) files {
		if !strings.Contains(orderProto, old) {
			t.Fatalf("%q is not there", old)
		}
		return of(strings.Replace(orderProto, old, new, 1), sharedProto)
	}
	for _, tt := range []struct {
		name          string
		files         files
		placed, noted bool // whether the digest of OrderPlaced, protobuf, and of OrderNoted, JSON, changes
	}{
		{"a comment of a file", replace("// Orders.", "// All about orders.\n"), false, false},
		{"a comment of the event", replace("says that an order was noted", "tells of a note"), false, false},
		{"a comment of a field", replace("// The note.", "// What was noted."), false, false},
		{"a comment of a value", replace("// Short.", "// A short one."), false, false},
		{"a comment of an import", of(orderProto, strings.Replace(sharedProto, "Cents are", "A cent is", 1)), false, false},
		{"layout", replace("string order_id = 1 [", "string order_id=1\n  ["), false, false},
		{"the order of imports", replace("import \"acme/shared/v1/money.proto\";\nimport \"buf/validate/validate.proto\";",
			"import \"buf/validate/validate.proto\";\nimport \"acme/shared/v1/money.proto\";"), false, false},
		{"a name in JSON that goes without saying", replace(`, json_name = "note"`, ""), false, false},
		{"the name of a file", files{"acme/orders/v1/all.proto": orderProto, "acme/shared/v1/money.proto": sharedProto}, false, false},
		{"a new field of one event", replace("acme.shared.v1.Money total = 2;", "acme.shared.v1.Money total = 2;\n  // A.\n  int32 added = 3;"), true, false},
		{"a new field of the other, of the same file", replace("Kind kind = 2;", "Kind kind = 2;\n  // A.\n  int32 added = 3;"), true, true},
		{"a number", replace("total = 2", "total = 3"), true, false},
		{"a constraint", replace("min_len = 1", "min_len = 2"), true, false},
		{"a constraint of JSON", replace("max_len = 80", "max_len = 81"), true, true},
		{"a value", replace("KIND_SHORT = 1;", "KIND_SHORT = 1;\n  // Long.\n  KIND_LONG = 2;"), true, true},
		{"the order of fields", replace("string note = 1 [(buf.validate.field).string.max_len = 80, json_name = \"note\"];\n  Kind kind = 2;",
			"Kind kind = 2;\n  // The note.\n  string note = 1 [(buf.validate.field).string.max_len = 80];"), true, false},
		{"an import", of(orderProto, strings.Replace(sharedProto, "int64", "sint64", 1)), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			after := loadFiles(t, tt.files)
			if changed := digestOf(t, after, "OrderPlaced") != placed; changed != tt.placed {
				t.Errorf("the digest of protobuf has changed: %t", changed)
			}
			if changed := digestOf(t, after, "OrderNoted") != noted; changed != tt.noted {
				t.Errorf("the digest of JSON has changed: %t", changed)
			}
		})
	}
}

func TestEditsOfJSON(t *testing.T) {
	t.Parallel()
	const text = `{"type":"object","required":["a","description"],"description":"D",
		"properties":{"a":{"$ref":"Source.json"},"description":{"type":["string","null"],"enum":["x","y",null],"description":"E"},"c":{"const":{"description":"F"},"default":1.0}}}`
	const source = `{"description":"S","properties":{"host":{"type":"string"}}}`
	of := func(text, source string) string {
		d, err := digest.JSON(text, map[string]string{"Source.json": source})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := of(text, source)
	for _, tt := range []struct {
		name, old, new string
		changes        bool
	}{
		{"white space", `,"required"`, ` , "required"`, false},
		{"a description", `"description":"D",`, ``, false},
		{"a description below", `"E"`, `"other"`, false},
		{"a comment", `"type":"object"`, `"type":"object","$comment":"made by hand"`, false},
		{"the order of members", `"type":"object","required":["a","description"]`, `"required":["a","description"],"type":"object"`, false},
		{"the order of what is required", `["a","description"]`, `["description","a"]`, false},
		{"the order of types", `["string","null"]`, `["null","string"]`, false},
		{"the order of values", `["x","y",null]`, `[null,"y","x"]`, false},
		{"an escape", `"x"`, `"\u0078"`, false},
		{"what is required", `["a","description"]`, `["a"]`, true},
		{"a property that is named as a description", `,"description":{"type"`, `,"other":{"type"`, true},
		{"a constant that has a description", `"F"`, `"G"`, true},
		{"how a number is written", `1.0`, `1`, true},
		{"a format", `"type":["string"`, `"format":"uuid","type":["string"`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(text, tt.old) {
				t.Fatal("nothing to edit")
			}
			if changed := of(strings.Replace(text, tt.old, tt.new, 1), source) != want; changed != tt.changes {
				t.Errorf("the digest has changed: %t", changed)
			}
		})
	}
	if of(text, strings.Replace(source, `"S"`, `"T"`, 1)) != want {
		t.Error("a description of what is referred to changes the digest")
	}
	if of(text, strings.Replace(source, "string", "integer", 1)) == want {
		t.Error("what is referred to does not change the digest")
	}
	if other, err := digest.JSON(text, map[string]string{"Sources.json": source}); err != nil || other == want {
		t.Error("the name of what is referred to does not change the digest")
	}
	if _, err := digest.JSON(`{`, nil); err == nil {
		t.Error("half a text has a digest")
	}
}

// The digest of a file is the same whoever has compiled it, and whether or not this program knows its options.
func TestCompilersAgree(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(root+"/schemas"))
	if err != nil {
		t.Fatal(err)
	}
	linked := codegenv1.Events()[0].New().(proto.Message).ProtoReflect().Descriptor().ParentFile()
	file := set.Event(codegenv1.Events()[0].Type).Message.File
	if file.Path != linked.Path() {
		t.Fatalf("%s and %s", file.Path, linked.Path())
	}
	read := func(image []byte) protoreflect.FileDescriptor {
		set, err := load.Schemas(t.Context(), load.ImageBytes(image))
		if err != nil {
			t.Fatal(err)
		}
		return set.Event(codegenv1.Events()[0].Type).Message.File.Proto
	}
	want, err := digest.New(set).Protobuf(file.Proto)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]protoreflect.FileDescriptor{
		"linked": linked, "from an image": read(imageOf(t, linked)), "without names in JSON": withoutJSONNames(t, linked),
	} {
		if got, err := digest.New(set).Protobuf(f); err != nil || got != want {
			t.Errorf("%s: %s, %v; compiled: %s", name, got, err, want)
		}
	}
}

// imageOf is a file with all that it imports, serialized.
func imageOf(t *testing.T, f protoreflect.FileDescriptor) []byte {
	t.Helper()
	image, seen := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		image.File = append(image.File, protodesc.ToFileDescriptorProto(f))
	}
	add(f)
	serialized, err := proto.Marshal(image)
	if err != nil {
		t.Fatal(err)
	}
	return serialized
}

// withoutJSONNames is a file as of a compiler that leaves out what goes without saying.
func withoutJSONNames(t *testing.T, of protoreflect.FileDescriptor) protoreflect.FileDescriptor {
	t.Helper()
	var image descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(imageOf(t, of), &image); err != nil {
		t.Fatal(err)
	}
	n := 0
	clear := func(fields []*descriptorpb.FieldDescriptorProto) {
		for _, f := range fields {
			f.JsonName = nil
			n++
		}
	}
	var each func(messages []*descriptorpb.DescriptorProto)
	each = func(messages []*descriptorpb.DescriptorProto) {
		for _, m := range messages {
			clear(m.Field)
			clear(m.Extension)
			each(m.NestedType)
		}
	}
	for _, f := range image.File {
		clear(f.Extension)
		each(f.MessageType)
	}
	if n == 0 {
		t.Error("there were no names")
	}
	files, err := protodesc.NewFiles(&image)
	if err != nil {
		t.Fatal(err)
	}
	f, err := files.FindFileByPath(of.Path())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What docs/formats.md says is enough to make the digests that generated code has.
func TestDocumentedInPython(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(root + "/docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(page), "```python\n")
	program, _, found := strings.Cut(program, "```")
	if !found {
		t.Fatal("docs/formats.md has no program")
	}
	set, err := load.Schemas(t.Context(), load.Dir(root+"/schemas"))
	if err != nil {
		t.Fatal(err)
	}
	type document struct {
		Text       string
		References map[string]string
	}
	var asked []document
	var want []string
	for _, e := range set.Events() {
		if e.Encoding != schema.EncodingJSON {
			continue
		}
		read := func(at string) string {
			text, err := os.ReadFile(filepath.Join(root, "gen", filepath.FromSlash(at)))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		at, references := jsonschema.Path(e), map[string]string{}
		for _, name := range jsonschema.References(e) {
			references[name] = read(path.Join(path.Dir(at), name))
		}
		asked, want = append(asked, document{read(at), references}), append(want, digestOf(t, set, e.Type))
	}
	var got []string
	ask(t, services.Python(t), program+`
import sys
json.dump([digest(d["Text"], d["References"]) for d in json.load(sys.stdin)], sys.stdout)
`, asked, &got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 20 {
		t.Errorf("(-ours +Python):\n%s", diff)
	}
}

// So it is with protobuf, of which the page tells in words.
func TestProtobufInPython(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(root+"/schemas"))
	if err != nil {
		t.Fatal(err)
	}
	digests := digest.New(set)
	var asked [][]byte
	var want []string
	for _, f := range set.Files() {
		if f.Language() != schema.Protobuf {
			continue
		}
		digest, err := digests.Protobuf(f.Proto)
		if err != nil {
			t.Fatal(err)
		}
		asked, want = append(asked, imageOf(t, f.Proto)), append(want, digest)
	}
	var got []string
	ask(t, services.PythonJudges(t), `
import base64, hashlib, json, sys
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()

def numbers(v): # as JavaScript writes them
    if isinstance(v, dict):
        return {k: numbers(x) for k, x in v.items()}
    if isinstance(v, list):
        return [numbers(x) for x in v]
    return int(v) if isinstance(v, float) and v.is_integer() else v

def named(messages):
    for m in messages:
        for f in m.field:
            if not f.HasField("json_name"):
                raise Exception("no json_name")
        for f in m.extension:
            f.ClearField("json_name")
        named(m.nested_type)

def digest(image):
    files = descriptor_pb2.FileDescriptorSet.FromString(image).file
    pool = descriptor_pool.DescriptorPool()
    for f in files:
        pool.Add(f)
    kind = descriptor_pb2.FileDescriptorProto # where there are no options of others
    if "google/protobuf/descriptor.proto" in [f.name for f in files]:
        kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FileDescriptorProto"))
    for f in files: # so that the extensions are known
        message_factory.GetMessageClassesForFiles([f.name], pool)
    sums = {}
    for f in files:
        p = kind.FromString(f.SerializeToString())
        p.ClearField("name")
        p.ClearField("source_code_info")
        before = list(p.dependency)
        p.dependency.sort()
        indexes = sorted(list(p.dependency).index(before[i]) for i in p.public_dependency)
        del p.public_dependency[:]
        p.public_dependency.extend(indexes)
        named(p.message_type)
        for e in p.extension:
            e.ClearField("json_name")
        d = numbers(json_format.MessageToDict(p, descriptor_pool=pool))
        sums[f.name] = sha256(json.dumps(d, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    main = sums.pop(files[-1].name)
    lines = ["protobuf 1", main]
    lines += [f"{name} {sums[name]}" for name in sorted(sums) if not name.startswith("google/protobuf/")]
    return sha256("".join(line + "\n" for line in lines))[:32]

json.dump([digest(base64.b64decode(i)) for i in json.load(sys.stdin)], sys.stdout)
`, asked, &got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 3 {
		t.Errorf("(-ours +Python):\n%s", diff)
	}
}

// ask runs a program in Python, with JSON in and out.
func ask(t *testing.T, python, program string, in, out any) {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "-c", program)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatal(err)
	}
}
