package confluent_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/bufbuild/protocompile"
	gcmpb "github.com/tink-crypto/tink-go/v2/proto/aes_gcm_go_proto"
	sivpb "github.com/tink-crypto/tink-go/v2/proto/aes_siv_go_proto"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/confluent"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/wire"
)

// secret is that of the local KMS.
const secret = "a secret of tests"

func localKMS(t testing.TB) encrypt.KEK {
	t.Helper()
	kms, err := confluent.LocalKMS(secret)
	if err != nil {
		t.Fatal(err)
	}
	return kms
}

// newMaterial is a data key as Tink has it, of zeros: what a registry makes of its own.
func newMaterial(algorithm string) []byte {
	var key proto.Message = &gcmpb.AesGcmKey{KeyValue: make([]byte, map[string]int{"AES128_GCM": 16, "AES256_GCM": 32}[algorithm])}
	if algorithm == "AES256_SIV" {
		key = &sivpb.AesSivKey{KeyValue: make([]byte, 64)}
	}
	raw, err := proto.Marshal(key)
	if err != nil {
		panic(err)
	}
	return raw
}

// example is an event with a schema that has it encrypted.
type example struct {
	name     string
	schema   string // of JSON Schema
	protobuf bool   // it is note.v1.Note of testdata/note.proto instead
	also     map[string]string
	metadata string
	rules    []map[string]any // of domainRules
	encoding []map[string]any // of encodingRules
	event    string
	// sealed must not stand in what is written. What is encrypted may have a few letters by chance.
	sealed []string
}

// rule is one that encrypts fields of a tag.
func rule(params map[string]any, tags ...string) map[string]any {
	all := map[string]any{"encrypt.kek.name": "pii", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "pii-1"}
	maps.Copy(all, params)
	return map[string]any{"name": "encrypt_" + tags[0], "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": tags, "params": all, "onFailure": "ERROR,ERROR"}
}

func payloadRule(params map[string]any) map[string]any {
	r := rule(params, "none")
	r["type"] = "ENCRYPT_PAYLOAD"
	delete(r, "tags")
	return r
}

const personSchema = `{"type": "object", "properties": {
	"id": {"type": "string"}, "age": {"type": "integer"}, "email": {"type": "string", "confluent:tags": ["PII"]}
}}`

const personEvent = `{"id":"u_1","age":36,"email":"ada@example.com \u00e9 \"quoted\""}`

const nestedSchema = `{
	"$schema": "http://json-schema.org/draft-07/schema#",
	"definitions": {
		"contact": {"type": "object", "properties": {"phone": {"type": "string", "confluent:tags": ["PII"]}, "next": {"$ref": "#/definitions/contact"}}},
		"iban": {"type": "string"}
	},
	"type": "object",
	"properties": {
		"id": {"type": "string"},
		"name": {"type": ["null", "string"], "confluent:tags": ["PII"]},
		"alias": {"type": ["string", "null"], "confluent:tags": ["PII"]},
		"nick": {"anyOf": [{"type": "null"}, {"type": "string"}], "confluent:tags": ["PII"]},
		"title": {"oneOf": [{"type": "null"}, {"type": "string"}], "confluent:tags": ["PII"]},
		"bank": {"$ref": "#/definitions/iban", "confluent:tags": ["SECRET"]},
		"home": {"$ref": "#/definitions/contact"},
		"emails": {"type": "array", "items": {"type": "string"}, "confluent:tags": ["PII"]},
		"lines": {"type": "array", "items": {"type": "object", "properties": {
			"note": {"type": "string", "confluent:tags": ["SECRET", "OTHER"]}, "sku": {"type": "string", "confluent:tags": ["OTHER"]}
		}}},
		"either": {"oneOf": [
			{"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "confluent:tags": ["PII"]}}},
			{"type": "object", "required": ["b"], "properties": {"b": {"type": "string", "confluent:tags": ["PII"]}}}
		]},
		"both": {"allOf": [{"type": "object", "properties": {"c": {"type": "string", "confluent:tags": ["PII"]}}}], "properties": {"d": {"type": "string", "confluent:tags": ["PII"]}}},
		"labels": {"type": "object", "additionalProperties": {"type": "string"}, "confluent:tags": ["PII"]},
		"absent": {"type": "string", "confluent:tags": ["PII"]},
		"nothing": {"type": ["string", "null"], "confluent:tags": ["PII"]},
		"empty": {"type": "string", "confluent:tags": ["PII"]}
	}
}`

const nestedEvent = `{"id":"u_1","name":"Ada Lovelace","alias":"Countess","nick":"Addie","title":"Enchantress","bank":"DE89370400440532013000",
	"home":{"phone":"+441234","next":{"phone":"+445678","next":null}},"emails":["a@example.com","b@example.com"],
	"lines":[{"note":"leave at door","sku":"A-1"},{"note":"","sku":"A-2"},{"sku":"A-3"}],
	"either":{"b":"this one"},"both":{"c":"see","d":"dee"},"labels":{"x":"in clear"},"nothing":null,"empty":"","more":{"e":[1.50,true]}}`

const noteEvent = `{"id":"n_1","text":"call Ada","raw":"AAEC/w==","lines":["line one","line two"],"inner":{"text":"within","count":3},"inners":[{"text":"first"},{}],
	"byName":{"x":{"text":"of x"}},"labels":{"l":"in clear"},"left":"chosen","at":"2025-10-16T12:34:56Z","maybe":"given"}`

func examples() []example {
	algorithm := func(name string) map[string]any { return map[string]any{"encrypt.dek.algorithm": name} }
	email := []string{"ada@example.com"}
	return []example{
		{name: "default", schema: personSchema, rules: []map[string]any{rule(nil, "PII")}, event: personEvent, sealed: email},
		{name: "aes128gcm", schema: personSchema, rules: []map[string]any{rule(algorithm("AES128_GCM"), "PII")}, event: personEvent, sealed: email},
		{name: "aes256gcm", schema: personSchema, rules: []map[string]any{rule(algorithm("AES256_GCM"), "PII")}, event: personEvent, sealed: email},
		{name: "aes256siv", schema: personSchema, rules: []map[string]any{rule(algorithm("AES256_SIV"), "PII")}, event: personEvent, sealed: email},
		{
			name: "nested", schema: nestedSchema, event: nestedEvent,
			rules: []map[string]any{rule(nil, "PII"), rule(map[string]any{"encrypt.kek.name": "secrets", "encrypt.dek.algorithm": "AES256_SIV"}, "SECRET", "MORE"), rule(algorithm("AES128_GCM"), "PII")},
			sealed: []string{
				"Ada", "Countess", "Addie", "Enchantress", "DE893704", "+441234", "+445678", "@example", "leave at", "this one", `"see"`, `"dee"`, `"empty":""`, `"note":""`,
			},
		},
		{name: "expiry", schema: personSchema, rules: []map[string]any{rule(map[string]any{"encrypt.dek.expiry.days": "1"}, "PII")}, event: personEvent, sealed: email},
		{
			name: "metadata", schema: `{"properties": {"id": {"type": "string"}, "person": {"properties": {"email": {"type": "string"}}}, "list": {"items": {"properties": {"x": {"type": "string"}}}}}}`,
			metadata: `{"tags": {"$.person.*": ["PII"], "$.l**": ["PII"]}, "properties": {"encrypt.kek.name": "pii", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "pii-1"}}`,
			rules:    []map[string]any{{"name": "encrypt", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": []string{"PII"}}},
			event:    `{"id":"u_1","person":{"email":"ada@example.com"},"list":[{"x":"of the list"}]}`, sealed: []string{"ada@", "of the list"},
		},
		{
			name: "reference", schema: `{"type": "object", "properties": {"home": {"$ref": "address.json"}, "work": {"$ref": "address.json#/definitions/city", "confluent:tags": ["PII"]}}}`,
			also:  map[string]string{"address.json": `{"type": "object", "properties": {"street": {"type": "string", "confluent:tags": ["PII"]}}, "definitions": {"city": {"type": "string"}}}`},
			rules: []map[string]any{rule(nil, "PII")}, event: `{"home":{"street":"12 Square"},"work":"London"}`, sealed: []string{"Square", "London"},
		},
		{
			name: "identified", event: `{"person":{"email":"ada@example.com","friends":[{"email":"grace@example.com"}]},"work":null,"site":"ada@example.org"}`,
			schema: `{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/schemas/team.json", "type": "object",
				"$defs": {"person": {"$anchor": "person", "type": "object", "properties": {
					"email": {"type": "string", "format": "email", "confluent:tags": ["PII"]}, "friends": {"type": "array", "items": {"$ref": "#/$defs/person"}}
				}}},
				"properties": {
					"person": {"$ref": "#person"}, "work": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/person"}]},
					"site": {"oneOf": [{"type": "null"}, {"type": "string", "format": "email"}], "confluent:tags": ["PII"]}
				}}`,
			rules: []map[string]any{rule(nil, "PII")}, sealed: []string{"ada@", "grace@"},
		},
		{name: "payload", schema: personSchema, encoding: []map[string]any{payloadRule(nil)}, event: personEvent, sealed: []string{"u_1\"", "ada@example"}},
		{
			name: "both", schema: personSchema, rules: []map[string]any{rule(nil, "PII")}, encoding: []map[string]any{payloadRule(map[string]any{"encrypt.dek.expiry.days": "7"})},
			event: personEvent, sealed: []string{"u_1\"", "ada@example"},
		},
		{name: "shared", schema: personSchema, rules: []map[string]any{rule(map[string]any{"encrypt.kek.name": "shared"}, "PII")}, event: personEvent, sealed: email},
		{name: "off", schema: personSchema, rules: []map[string]any{func() map[string]any { r := rule(nil, "PII"); r["disabled"] = true; return r }()}, event: personEvent},
		{
			name: "note", protobuf: true, rules: []map[string]any{rule(nil, "PII")}, event: noteEvent,
			sealed: []string{"call Ada", "\x00\x01\x02\xff", "line one", "line two", "within", "first", "of x", "chosen", "given"},
		},
		{name: "notepayload", protobuf: true, encoding: []map[string]any{payloadRule(nil)}, event: noteEvent, sealed: []string{"n_1"}},
	}
}

// noteFiles are note.proto and what it imports.
func noteFiles(t testing.TB) (protoreflect.MessageDescriptor, *descriptorpb.FileDescriptorSet) {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{"testdata"}})}
	files, err := compiler.Compile(context.Background(), "note.proto")
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	imports := files[0].Imports()
	for i := range imports.Len() {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(imports.Get(i).FileDescriptor))
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(files[0]))
	return files[0].Messages().ByName("Note"), set
}

// declare registers the example's schema.
func (e *example) declare(t testing.TB, s *server) int {
	t.Helper()
	schema := storedSchema{Subject: e.name + "-value", Type: "JSON", Schema: e.schema}
	if e.protobuf {
		_, set := noteFiles(t)
		raw, err := proto.Marshal(set.File[len(set.File)-1])
		if err != nil {
			t.Fatal(err)
		}
		schema.Type, schema.Schema = "PROTOBUF", base64.StdEncoding.EncodeToString(raw)
	}
	var references []map[string]any
	for name, text := range e.also {
		s.register(t, storedSchema{Subject: name, Type: "JSON", Schema: text})
		references = append(references, map[string]any{"name": name, "subject": name, "version": 1})
	}
	schema.References = marshal(t, references)
	if e.metadata != "" {
		schema.Metadata = json.RawMessage(e.metadata)
	}
	rules := map[string]any{}
	if e.rules != nil {
		rules["domainRules"] = e.rules
	}
	if e.encoding != nil {
		rules["encodingRules"] = e.encoding
	}
	schema.RuleSet = marshal(t, rules)
	s.set(func() {
		s.state.KEKs["shared"] = &storedKEK{Name: "shared", KMSType: "local-kms", KMSKeyID: "pii-1", Shared: true}
	})
	return s.register(t, schema)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// record is the event as it is published, not yet encrypted.
func (e *example) record(t testing.TB, id int, inHeader bool) *event.Record {
	t.Helper()
	rec := &event.Record{Topic: e.name}
	var indexes, body []byte
	if body = []byte(e.event); e.protobuf {
		of, _ := noteFiles(t)
		m := dynamicpb.NewMessage(of)
		if err := protojson.Unmarshal(body, m); err != nil {
			t.Fatal(err)
		}
		var err error
		if body, err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
			t.Fatal(err)
		}
		indexes = wire.AppendConfluent(nil, id, []int{1})[5:]
	}
	frame := append(wire.AppendConfluentID(nil, id), indexes...)
	if inHeader {
		rec.Headers = []event.Header{{Key: wire.HeaderConfluentID, Value: frame}}
	} else {
		body = append(frame, body...)
	}
	rec.Value = body
	return rec
}

// json is the event in a record that is not encrypted.
func (e *example) json(t testing.TB, rec *event.Record) any {
	t.Helper()
	frame, err := wire.Unframe(rec.Value, rec.Headers)
	if err != nil {
		t.Fatalf("%x: %v", rec.Value, err)
	}
	text := frame.Body
	if e.protobuf {
		of, _ := noteFiles(t)
		m := dynamicpb.NewMessage(of)
		if err := proto.Unmarshal(text, m); err != nil {
			t.Fatal(err)
		}
		text = []byte(protojson.Format(m))
	}
	return parsed(t, string(text))
}

func parsed(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func newCipher(t testing.TB, s *server, opts ...confluent.Option) *confluent.Cipher {
	t.Helper()
	client, err := registry.New(s.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := confluent.New(client, map[string]encrypt.KEK{confluent.LocalType: localKMS(t)}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exampleOf(t testing.TB, name string) *example {
	t.Helper()
	all := examples()
	at := slices.IndexFunc(all, func(e example) bool { return e.name == name })
	return &all[at]
}
