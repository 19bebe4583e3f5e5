package ops

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/encrypt"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/load"
)

const patientProto = `syntax = "proto3";
package acme.people.v1;

import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "trestle/v1/options.proto";

// Patient is somebody.
message Patient {
  option (buf.validate.message).cel = { id: "adult" expression: "this.age > 17 || this.floor == 'K' ? '' : 'a child'" };
  option (buf.validate.message).cel = { id: "floor" expression: "this.floor.size() < 3 ? '' : 'no such floor'" };
  option (buf.validate.message).oneof = { fields: ["age", "floor"] required: true };
  option (buf.validate.message).oneof = { fields: ["name", "floor"] };
  // Who.
  string name = 1 [(trestle.v1.field) = { sensitive: true encryption_key: "pii" deterministic: true }, (buf.validate.field).string = { min_len: 1 max_len: 20 }];
  // How old.
  int32 age = 2 [(trestle.v1.field) = { sensitive: true encryption_key: "pii" }, (buf.validate.field).int32.gte = 1];
  // Where.
  string floor = 3 [(buf.validate.field).string.max_len = 9];
}
`

const admittedProto = `syntax = "proto3";
// Admissions.
package acme.admissions.v1;

import "acme/people/v1/patient.proto";
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "trestle/v1/options.proto";

// Admitted says that somebody was admitted.
message Admitted {
  option (trestle.v1.event) = {role: ROLE_EVENT, topic: "admissions", key: "id", encoding: ENCODING_PROTOBUF};
  option (buf.validate.message).cel = { id: "whole" expression: "this != acme.admissions.v1.Admitted{} ? '' : 'empty'" };
  option (buf.validate.message).cel = { id: "inner" expression: "this.patient.name != 'x' ? '' : 'no'" };
  option (buf.validate.message).cel_expression = "size(this.id) < 40";

  // Its id.
  string id = 1;
  oneof way { // how
    // Its number.
    int64 insurance = 2 [(trestle.v1.field).sensitive = true, (buf.validate.field).int64.gt = 0];
    // Whether it is paid.
    bool cash = 3;
  }
  // Who.
  acme.people.v1.Patient patient = 4 [(buf.validate.field) = { required: true cel: { id: "old" expression: "this.age < 150 ? '' : 'too old'" } }];
  // More.
  repeated acme.people.v1.Patient others = 5 [(buf.validate.field).repeated = { max_items: 3 items: { cel: { id: "old" expression: "this.age < 150 ? '' : 'too old'" } } }];
  // A part.
  message Part {
    // When.
    google.protobuf.Timestamp at = 1 [(trestle.v1.field).sensitive = true, (buf.validate.field).required = true];
    // A file.
    optional bytes scan = 2 [(trestle.v1.field).sensitive = true, (buf.validate.field).bytes.min_len = 2];
  }
  // Parts of it.
  map<string, Part> parts = 6 [(buf.validate.field).map.min_pairs = 1];
  // Codes.
  repeated string codes = 7 [(trestle.v1.field).sensitive = true, (buf.validate.field).repeated.min_items = 1];
}
`

const admissionsFamily = `syntax = "proto3";
package acme.admissions.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE, encryption_key: "pii"};
`

// plainly is schema text in which nothing is encrypted.
func plainly(text string) string {
	return strings.NewReplacer(` encryption_key: "pii" deterministic: true`, "", ` encryption_key: "pii"`, "", `, encryption_key: "pii"`, "").Replace(text)
}

// oneKey is the same key for all.
type oneKey struct{ *encrypt.Key }

func (k oneKey) Current(context.Context, string, string) (*encrypt.Key, error) { return k.Key, nil }
func (k oneKey) ByID(context.Context, encrypt.KeyID) (*encrypt.Key, error)     { return k.Key, nil }
func admissionFiles() map[string][]byte {
	return map[string][]byte{
		"acme/people/v1/patient.proto": []byte(patientProto), "acme/admissions/v1/admitted.proto": []byte(admittedProto), "acme/admissions/v1/family.proto": []byte(admissionsFamily),
	}
}

// TestEncryptedProtobufAsRegistered has the messages that are registered read what is on the wire, all of it, and find it valid, encrypted or in clear. The text
// that is registered has the digest that events carry.
func TestEncryptedProtobufAsRegistered(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(admissionFiles()))
	if err != nil {
		t.Fatal(err)
	}
	declared, err := subjects(set)
	if err != nil {
		t.Fatal(err)
	}
	main := slices.IndexFunc(declared, func(s registry.Subject) bool { return s.Name == "admissions-value" })
	asStored, err := load.Schemas(t.Context(), gate.RegisteredSchema(*registered(declared[main], declared)), load.ToCompare())
	if err != nil {
		t.Fatalf("%v in\n%s", err, declared[main].Schema)
	}
	file := asStored.MainFile().Proto
	info := EventTypesOf(set)[0]
	if got, err := digest.New(asStored).Protobuf(file); err != nil || got != info.SchemaDigest || declared[main].Digest != got {
		t.Errorf("the registered text has digest %s, events have %s: %v", got, info.SchemaDigest, err)
	}

	key, err := encrypt.NewKey(uuid.New(), bytes.Repeat([]byte{1}, encrypt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"id":"a","insurance":7,"patient":{"name":"Ann","age":40},"others":[{"age":41}],"parts":{"p":{"at":"2026-01-02T03:04:05Z","scan":"AAEC"}},"codes":["x"]}`
	e := info.New()
	e.DecodeJSON(jsonio.NewReader([]byte(text)))
	rec, err := trestle.Encode(e, nil, trestle.EncodeOptions{SchemaID: 1, Keys: oneKey{key}})
	if err != nil {
		t.Fatal(err)
	}
	opened, _, err := trestle.Open(&rec, trestle.NewTypes(info), trestle.DecodeOptions{Keys: oneKey{key}})
	if err != nil {
		t.Fatal(err)
	}
	md := file.Messages().ByName("Admitted")
	for name, value := range map[string][]byte{"encrypted": rec.Value, "in clear": opened.Value} {
		frame, err := wire.Unframe(value, rec.Headers)
		if err != nil {
			t.Fatal(err)
		}
		m := dynamicpb.NewMessage(md)
		if err := proto.Unmarshal(frame.Body, m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := validator.Validate(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		eachMessage(m, func(m protoreflect.Message) {
			if len(m.GetUnknown()) > 0 {
				t.Errorf("%s: %s has unknown fields", name, m.Descriptor().Name())
			}
		})
		if got := m.Get(md.Fields().ByName("insurance_encrypted")).String(); encrypt.IsSealed([]byte(got)) != (name == "encrypted") {
			t.Errorf("%s: the insurance is %q", name, got)
		}
	}
}

func eachMessage(m protoreflect.Message, visit func(protoreflect.Message)) {
	visit(m)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap() && fd.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				eachMessage(v.Message(), visit)
				return true
			})
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				eachMessage(v.List().Get(i).Message(), visit)
			}
		case fd.Message() != nil && !fd.IsMap():
			eachMessage(v.Message(), visit)
		}
		return true
	})
}

// TestRegisteredInClear registers files in which nothing is encrypted byte by byte as they are.
func TestRegisteredInClear(t *testing.T) {
	t.Parallel()
	files := admissionFiles()
	for name, text := range files {
		files[name] = []byte(plainly(string(text)))
	}
	set, err := load.Schemas(t.Context(), load.Files(files))
	if err != nil {
		t.Fatal(err)
	}
	declared, err := subjects(set)
	if err != nil {
		t.Fatal(err)
	}
	for subject, file := range map[string]string{"admissions-value": "acme/admissions/v1/admitted.proto", "acme/people/v1/patient.proto": "acme/people/v1/patient.proto"} {
		i := slices.IndexFunc(declared, func(s registry.Subject) bool { return s.Name == subject })
		if diff := cmp.Diff(string(files[file]), declared[i].Schema); diff != "" {
			t.Errorf("%s (-source +registered):\n%s", subject, diff)
		}
	}
}

// TestEncryptionAgainstRegistry registers events in clear and encrypted after one another, and checks one against the other: what is registered is compared, on
// both sides as it is on the wire.
func TestEncryptionAgainstRegistry(t *testing.T) {
	t.Parallel()
	project := func(change func(string) string) *Project {
		files := map[string]string{"trestle.yaml": "go_import: example.org/gen\n"}
		for name, text := range admissionFiles() {
			files["schemas/"+name] = change(string(text))
		}
		files["schemas/acme/notes/v1/noted.json"] = change(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Noted","x-trestle":
			{"family":{"envelope":"none"},"event":{"type":"noted","topic":"notes","key":["id"]}},"type":"object","required":["id","age"],"properties":{
			"id":{"type":"string"},"mail":{"type":"string","maxLength":40,"x-trestle":{"field":{"sensitive":true, "encryption_key": "pii"}}},
			"age":{"type":"integer","x-trestle":{"field":{"sensitive":true, "encryption_key": "pii"}}}}}`)
		return projectOf(t, files)
	}
	clear := project(func(text string) string { return strings.ReplaceAll(plainly(text), `, "encryption_key": "pii"`, "") })
	encrypted := project(func(text string) string { return text })
	other := project(func(text string) string { return strings.ReplaceAll(text, `"pii"`, `"people"`) })

	env := Environment{Registry: newGuarded(t, "").URL}
	check := func(p *Project, subject string) map[string][]string {
		t.Helper()
		r, err := Check(t.Context(), p, CheckOptions{Against: []string{"registry:" + subject}, Environment: func() (Environment, error) { return env, nil }})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]string{}
		for _, f := range r.Findings {
			out[f.Rule] = append(out[f.Rule], f.Path+" "+strings.Join(f.Breaks.Names(), "+"))
		}
		return out
	}
	subjects := []string{"admissions-value", "notes-value"}
	brought(t, clear, env)
	for _, subject := range subjects {
		if found := check(clear, subject); len(found) > 0 {
			t.Errorf("%s in clear, against itself: %v", subject, found)
		}
		found := check(encrypted, subject)
		if len(found["FIELD_ENCRYPTION_ADDED"]) < 2 || slices.ContainsFunc(slices.Concat(slices.Collect(maps.Values(found))...), func(f string) bool { return !strings.HasSuffix(f, " forward") }) {
			t.Errorf("%s, encrypted, breaks other than old readers: %v", subject, found)
		}
	}
	for _, c := range planned(t, encrypted, env).Changes { // by the registry, whose level it is
		if c.Name == "notes-value" && (c.Action != "refused" || !strings.Contains(c.Reason, "FIELD_ENCRYPTION_ADDED")) {
			t.Errorf("%s at level FULL_TRANSITIVE: %s %s", c.Name, c.Action, c.Reason)
		}
	}
	env.Compatibility = "BACKWARD"
	brought(t, encrypted, env)
	if again := planned(t, encrypted, env); !again.Empty() {
		t.Errorf("once it is registered, there is something to do: %+v", again.Changes)
	}
	for _, subject := range subjects {
		if found := check(encrypted, subject+"@latest"); len(found) > 0 {
			t.Errorf("%s encrypted, against itself: %v", subject, found)
		}
		if found := check(other, subject+"@latest"); len(found) != 1 || len(found["FIELD_ENCRYPTION_KEY_CHANGED"]) < 2 {
			t.Errorf("%s with other keys: %v", subject, found)
		}
		if found := check(clear, subject+"@latest"); len(found["FIELD_ENCRYPTION_REMOVED"]) < 2 {
			t.Errorf("%s in clear after all: %v", subject, found)
		}
	}
	for _, c := range planned(t, other, env).Changes {
		if slices.Contains(subjects, c.Name) && c.Action != "update" {
			t.Errorf("%s with other keys: %s %s", c.Name, c.Action, c.Reason)
		}
	}
	for _, c := range planned(t, clear, env).Changes {
		if slices.Contains(subjects, c.Name) && c.Action != "refused" {
			t.Errorf("%s in clear after all: %s %s", c.Name, c.Action, c.Reason)
		}
	}
}
