package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// keyRing has keys by class and subject, and what is wrong with some.
type keyRing struct {
	current map[string]*encrypt.Key
	byID    map[encrypt.KeyID]*encrypt.Key
	wrong   map[encrypt.KeyID]error
}

func newKeyRing(t testing.TB, names ...string) *keyRing {
	t.Helper()
	r := &keyRing{map[string]*encrypt.Key{}, map[encrypt.KeyID]*encrypt.Key{}, map[encrypt.KeyID]error{}}
	for i, name := range names {
		key, err := encrypt.NewKey(uuid.New(), bytes.Repeat([]byte{byte(i)}, encrypt.SecretSize))
		if err != nil {
			t.Fatal(err)
		}
		r.current[name], r.byID[key.ID()] = key, key
	}
	return r
}

func (r *keyRing) Current(_ context.Context, class, subject string) (*encrypt.Key, error) {
	if subject != "" {
		class += " of " + subject
	}
	if key := r.current[class]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("no key of class %s", class)
}

func (r *keyRing) ByID(_ context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	if err := r.wrong[id]; err != nil {
		return nil, err
	}
	if key := r.byID[id]; key != nil {
		return key, nil
	}
	return nil, &encrypt.UnavailableError{ID: id, Reason: encrypt.UnknownKey}
}

// account is an event whose payload is JSON of any shape.
type account struct{ jsonio.Raw }

var accountInfo = event.EventInfo{
	Type: "Account", FullName: "test.Account", Envelope: wire.BaseEvent, Topic: &event.TopicInfo{Name: "accounts", EventTypes: []string{"Account"}},
	SealedKeys: []string{"money", "pii"},
	Masks: jsonio.Masks{
		"test.Account": {
			Members: map[string]string{
				"email": jsonio.Hidden, "salary": jsonio.Hidden, "city": jsonio.Hidden, "iban": jsonio.Hidden, "tags": jsonio.Hidden,
				"lines": "[]test.Line", "places": "[]test.Line", "a~/b": "test.Line", "shown": "",
			},
			Sealed: map[string]jsonio.Seal{
				"email": {Key: "pii"}, "city": {Key: "pii", Deterministic: true}, "salary": {Key: "money", Beside: true},
				"tags": {Key: "pii", Beside: true},
			},
		},
		"test.Line": {Members: map[string]string{"note": jsonio.Hidden}, Sealed: map[string]jsonio.Seal{"note": {Key: "pii"}}},
	},
	New: func() event.Event { return new(account) },
	DataSubject: func(e event.Event) string {
		var read struct{ Owner string }
		_ = json.Unmarshal([]byte(e.(*account).Raw), &read)
		return read.Owner
	},
}

func (*account) EventInfo() *event.EventInfo                      { return &accountInfo }
func (*account) SetDefaults(time.Time)                            {}
func (*account) ShareEnvelope(*event.Envelope, *event.Violations) {}
func (*account) PartitionKey(*event.Envelope) string              { return "" }
func (e *account) AppendJSON(b []byte) ([]byte, error)            { return append(b, e.Raw...), nil }
func (e *account) DecodeJSON(r *jsonio.Reader)                    { e.Raw = r.Raw() }
func (e *account) Validate() error {
	var members map[string]any
	if json.Unmarshal([]byte(e.Raw), &members) != nil {
		return nil
	}
	var v event.Violations
	for _, name := range []string{"email", "salary", "id"} {
		if members[name] == nil {
			v.Add(name, "required", "value is required", nil)
		}
	}
	if members["email"] == members["city"] {
		v.Add("", "differ", "email and city must differ", nil)
	}
	return v.Err(accountInfo.FullName)
}

const accountText = `{"id":1, "email" : "ann\u0040example.org","shown":"trs:no","salary":5e3,"city":"Bonn","iban":"DE1","tags":["a",{"b":null}],` +
	`"lines":[{"note":"n1","at":2},{},{"note":"n2"}],"places":{"x/y":{"note":"n3"}},"a~/b":{"note":null}}`

var accountTypes = event.NewTypes(&accountInfo)

func encodeAccount(t testing.TB, text string, keys event.Keys) event.Record {
	t.Helper()
	rec, err := event.Encode(&account{jsonio.Raw(text)}, nil, event.EncodeOptions{Source: event.Source{ServiceName: "s", InstanceID: "i"}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// What is encrypted is on the wire as text, under the name of its own where it is no text, and is read back as it was.
func TestSealedJSON(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii", "money")
	rec := encodeAccount(t, accountText, keys)
	var on struct{ Payload map[string]any }
	if err := json.Unmarshal(rec.Value, &on); err != nil {
		t.Fatalf("%v: %s", err, rec.Value)
	}
	for _, secret := range []string{"ann@", "Bonn", "5e3", `"n1"`, `"n2"`, `"n3"`, `"a"`} {
		if bytes.Contains(rec.Value, []byte(secret)) {
			t.Errorf("%s is on the wire: %s", secret, rec.Value)
		}
	}
	want := []string{"a~/b", "city", "email", "iban", "id", "lines", "places", "salary_encrypted", "shown", "tags_encrypted"}
	if got := slices.Sorted(maps.Keys(on.Payload)); !slices.Equal(got, want) {
		t.Errorf("members on the wire: %v", got)
	}
	for _, name := range []string{"city", "email", "salary_encrypted", "tags_encrypted"} {
		if text, _ := on.Payload[name].(string); !strings.HasPrefix(text, encrypt.Prefix) {
			t.Errorf("%s on the wire: %v", name, on.Payload[name])
		}
	}
	again := encodeAccount(t, accountText, keys)
	var second struct{ Payload map[string]any }
	if err := json.Unmarshal(again.Value, &second); err != nil || second.Payload["city"] != on.Payload["city"] || second.Payload["email"] == on.Payload["email"] {
		t.Errorf("another event has %v and %v", second.Payload["city"], second.Payload["email"])
	}
	got, err := event.Decode(&rec, accountTypes, event.DecodeOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if have := string(got.Event.(*account).Raw); have != strings.Replace(accountText, `\u0040`, "@", 1) || len(got.Unavailable) > 0 || got.Unsealed > 0 {
		t.Errorf("read back: %s, %v, %d", have, got.Unavailable, got.Unsealed)
	}
}

// An event of a person is sealed with that person's keys.
func TestSealedForASubject(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii of ann", "money of ann")
	rec := encodeAccount(t, `{"id":1,"email":"x","salary":1,"owner":"ann"}`, keys)
	if _, err := event.Decode(&rec, accountTypes, event.DecodeOptions{Keys: keys}); err != nil {
		t.Error(err)
	}
	if _, err := event.Encode(&account{`{"id":1,"email":"x","salary":1,"owner":"bob"}`}, nil, event.EncodeOptions{
		Source: event.Source{ServiceName: "s", InstanceID: "i"}, Keys: keys,
	}); err == nil || !strings.Contains(err.Error(), "money of bob") {
		t.Errorf("without a key of his: %v", err)
	}
	var none *event.NoKeysError
	_, err := event.Encode(&account{accountText}, nil, event.EncodeOptions{Source: event.Source{ServiceName: "s", InstanceID: "i"}})
	if !errors.As(err, &none) || none.Class != "money" || none.EventType != "test.Account" {
		t.Errorf("without keys: %v", err)
	}
}

// Fields whose key is not to be had are absent and said to be, and what has rules on them is not judged; all else is.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii", "money")
	rec := encodeAccount(t, accountText, keys)
	unknown := newKeyRing(t, "pii", "money") // others
	some := newKeyRing(t, "pii")
	some.byID[keys.current["pii"].ID()] = keys.current["pii"]
	all := []string{"city", "email", "lines[0].note", "lines[2].note", `places["x/y"].note`, "salary", "tags"}
	for name, test := range map[string]struct {
		keys   event.Keys
		absent []string
		left   string
	}{
		"none":    {nil, all, `{"id":1, "shown":"trs:no","iban":"DE1","lines":[{"at":2},{},{}],"places":{"x/y":{}},"a~/b":{"note":null}}`},
		"unknown": {unknown, all, `{"id":1, "shown":"trs:no","iban":"DE1","lines":[{"at":2},{},{}],"places":{"x/y":{}},"a~/b":{"note":null}}`},
		"some":    {some, []string{"salary"}, strings.NewReplacer(`\u0040`, "@", `"salary":5e3,`, "").Replace(accountText)},
	} {
		got, err := event.Decode(&rec, accountTypes, event.DecodeOptions{Keys: test.keys})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var absent []string
		for _, u := range got.Unavailable {
			absent = append(absent, u.Path)
			if u.Err == nil || u.Key == (encrypt.KeyID{}) {
				t.Errorf("%s: %+v", name, u)
			}
		}
		slices.Sort(absent)
		if have := string(got.Event.(*account).Raw); have != test.left || !slices.Equal(absent, test.absent) {
			t.Errorf("%s: %s, absent %v", name, have, absent)
		}
	}
	without := encodeAccount(t, `{"id":1,"email":"x","salary":1}`, keys)
	without.Value = bytes.Replace(without.Value, []byte(`"id":1,`), nil, 1)
	var invalid *event.ValidationError
	if _, err := event.Decode(&without, accountTypes, event.DecodeOptions{}); !errors.As(err, &invalid) || len(invalid.Violations) != 1 || invalid.Violations[0].Path != "id" {
		t.Errorf("of what is wrong beside: %v", err)
	}
	away := newKeyRing(t)
	away.wrong[keys.current["money"].ID()] = errors.New("the vault is away")
	var later *event.KeysAwayError
	if _, err := event.Decode(&rec, accountTypes, event.DecodeOptions{Keys: away}); !errors.As(err, &later) || !strings.Contains(err.Error(), "the vault is away") {
		t.Errorf("while keys are away: %v", err)
	}
}

// What is not sealed is read as it is, and counted.
func TestUnsealed(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii", "money")
	rec := encodeAccount(t, `{"id":1,"email":"x","salary":1}`, keys)
	head, _, _ := bytes.Cut(rec.Value, []byte(`"payload":`))
	for text, want := range map[string]int{accountText: 7, `{"id":1,"email":null,"salary":1}`: 1} {
		rec.Value = slices.Concat(head, []byte(`"payload":`+text+"}"))
		got, err := event.Decode(&rec, accountTypes, event.DecodeOptions{Keys: keys})
		if have := string(got.Event.(*account).Raw); have != text || got.Unsealed != want || text == accountText && err != nil {
			t.Errorf("%s: %d, %v", have, got.Unsealed, err)
		}
	}
}

// Sealed values that were changed, cut off, put elsewhere, or are not what the schema has there are violations, and nothing of them is read.
func TestSealedRefused(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii", "money")
	rec := encodeAccount(t, accountText, keys)
	other := encodeAccount(t, accountText, keys)
	sealed := func(rec event.Record, name string) string {
		_, after, ok := bytes.Cut(rec.Value, []byte(`"`+name+`"`))
		from := bytes.Index(after, []byte(encrypt.Prefix))
		if !ok || from < 0 {
			t.Fatalf("no %s in %s", name, rec.Value)
		}
		text, _, _ := strings.Cut(string(after[from:]), `"`)
		return text
	}
	email, city, salary, note := sealed(rec, "email"), sealed(rec, "city"), sealed(rec, "salary_encrypted"), sealed(rec, "note")
	for name, test := range map[string]struct {
		from, to string
		paths    []string
	}{
		"another event's":          {email, sealed(other, "email"), []string{"email"}},
		"another field's":          {email, note, []string{"email"}},
		"one that has another key": {email, strings.Replace(email, email[10:20], salary[10:20], 1), nil},
		"cut off":                  {email, email[:len(email)-4], []string{"email"}},
		"almost nothing":           {email, "trs:", []string{"email"}},
		"not base64url":            {email, email[:40] + "*" + email[41:], []string{"email"}},
		"of a version to come":     {email, "trs:Ag" + email[6:], []string{"email"}},
		"deterministic":            {email, city, []string{"email"}},
		"text for a number":        {`"salary_encrypted":"` + salary, `"salary_encrypted":"` + email, []string{"salary"}},
		"plain beside":             {`"salary_encrypted":"` + salary, `"salary_encrypted":"5000`, []string{"salary"}},
		"with another prefix":      {email, "uss:" + email[4:], []string{"email"}},
		"in its own place":         {`"salary_encrypted"`, `"salary"`, []string{"salary"}},
	} {
		changed := rec
		changed.Value = bytes.Replace(rec.Value, []byte(test.from), []byte(test.to), 1)
		if bytes.Equal(changed.Value, rec.Value) {
			t.Fatalf("%s: nothing changed", name)
		}
		got, err := event.Decode(&changed, accountTypes, event.DecodeOptions{Keys: keys})
		if test.paths == nil { // its key is unknown
			if err != nil || len(got.Unavailable) != 1 {
				t.Errorf("%s: %v, %v", name, got.Unavailable, err)
			}
			continue
		}
		var invalid *event.ValidationError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var paths []string
		for _, v := range invalid.Violations {
			if paths = append(paths, v.Path); v.Rule != event.SealRule || v.Found != "" {
				t.Errorf("%s: %+v", name, v)
			}
		}
		if !slices.Equal(paths, test.paths) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(string(got.Event.(*account).Raw), encrypt.Prefix+"AQ") {
			t.Errorf("%s: the event has %s", name, got.Event.(*account).Raw)
		}
	}
	plain := rec
	plain.Value = bytes.Replace(rec.Value, []byte(email), []byte("plain"), 1)
	if _, err := event.Decode(&plain, accountTypes, event.DecodeOptions{Keys: keys, SealedOnly: true}); err == nil || !strings.Contains(err.Error(), "payload.email: can't be decrypted: it is not encrypted") && !strings.Contains(err.Error(), "email: can't be decrypted: it is not encrypted") {
		t.Errorf("not encrypted, and has to be: %v", err)
	}
	moved := rec // to another event
	moved.Headers = slices.Clone(rec.Headers)
	for i, h := range moved.Headers {
		if h.Key == wire.HeaderEventID {
			moved.Headers[i].Value = []byte(uuid.NewString())
		}
	}
	if _, err := event.Decode(&moved, accountTypes, event.DecodeOptions{Keys: keys}); err == nil {
		t.Error("another event's values are read")
	}
}

// file is an event in protobuf: a message that everybody has, of many fields.
type file struct {
	*descriptorpb.FileDescriptorProto
}

var fileInfo = event.EventInfo{
	Type: "File", FullName: "google.protobuf.FileDescriptorProto", Envelope: wire.OnexV1, Encoding: event.Protobuf,
	Topic: &event.TopicInfo{Name: "files", EventTypes: []string{"File"}}, SealedKeys: []string{"pii"},
	Masks: jsonio.Masks{
		"google.protobuf.FileDescriptorProto": {
			Members: map[string]string{"message_type": "[]google.protobuf.DescriptorProto", "options": "google.protobuf.FileOptions"},
			Sealed:  map[string]jsonio.Seal{"source_code_info": {Key: "pii"}, "name": {Key: "pii"}, "package": {Key: "pii", Deterministic: true}, "dependency": {Key: "pii", Beside: true}},
		},
		"google.protobuf.DescriptorProto": {
			Members: map[string]string{"field": "[]google.protobuf.FieldDescriptorProto", "nested_type": "[]google.protobuf.DescriptorProto"},
			Sealed:  map[string]jsonio.Seal{"name": {Key: "pii"}, "reserved_range": {Key: "pii", Beside: true}},
		},
		"google.protobuf.FieldDescriptorProto": {Sealed: map[string]jsonio.Seal{"number": {Key: "pii", Beside: true}, "json_name": {Key: "pii"}}},
		"google.protobuf.FileOptions":          {Members: map[string]string{"uninterpreted_option": "[]google.protobuf.UninterpretedOption"}},
		"google.protobuf.UninterpretedOption":  {Sealed: map[string]jsonio.Seal{"string_value": {Key: "pii"}, "double_value": {Key: "pii", Beside: true}}},
	},
	New: func() event.Event { return &file{new(descriptorpb.FileDescriptorProto)} },
}

func (*file) EventInfo() *event.EventInfo                      { return &fileInfo }
func (*file) SetDefaults(time.Time)                            {}
func (*file) ShareEnvelope(*event.Envelope, *event.Violations) {}
func (*file) PartitionKey(*event.Envelope) string              { return "" }
func (*file) AppendJSON(b []byte) ([]byte, error)              { return append(b, "{}"...), nil }
func (*file) DecodeJSON(r *jsonio.Reader)                      { r.Skip() }
func (e *file) Validate() error {
	var v event.Violations
	if e.GetName() == "" {
		v.Add("name", "required", "value is required", nil)
	}
	return v.Err(fileInfo.FullName)
}

// What is encrypted of a message is text in its place, bytes in their place, and all else in a field of its own.
func TestSealedProtobuf(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii")
	whole := &descriptorpb.FileDescriptorProto{
		Name: proto.String("SECRET name"), Package: proto.String("SECRET package"), Dependency: []string{"SECRET a", "SECRET b"}, Syntax: proto.String("proto3"),
		SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{{LeadingComments: proto.String("SECRET")}}},
		Options: &descriptorpb.FileOptions{UninterpretedOption: []*descriptorpb.UninterpretedOption{
			{StringValue: []byte("SECRET\xff"), DoubleValue: proto.Float64(1.5)}, {IdentifierValue: proto.String("x")},
		}},
	}
	for i := range 3 {
		whole.MessageType = append(whole.MessageType, &descriptorpb.DescriptorProto{
			Name: proto.String(fmt.Sprint("SECRET message", i)), ReservedName: []string{"shown"},
			Field:         []*descriptorpb.FieldDescriptorProto{{Name: proto.String("f"), Number: proto.Int32(77), JsonName: proto.String("SECRET")}},
			ReservedRange: []*descriptorpb.DescriptorProto_ReservedRange{{Start: proto.Int32(1)}, {Start: proto.Int32(5)}},
			NestedType:    []*descriptorpb.DescriptorProto{{Name: proto.String("SECRET inner")}},
		})
	}
	rec, err := event.Encode(&file{whole}, nil, event.EncodeOptions{SchemaID: 3, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(rec.Value, []byte("SECRET")) {
		t.Errorf("a secret is on the wire: %q", rec.Value)
	}
	types := event.NewTypes(&fileInfo)
	got, err := event.Decode(&rec, types, event.DecodeOptions{Keys: keys, KnownOnly: true})
	if err != nil || !proto.Equal(got.Event.(*file), whole) {
		t.Errorf("read back: %v, %v", got.Event, err)
	}
	opened, _, err := event.Open(&rec, types, event.DecodeOptions{Keys: keys})
	if got, decodeErr := event.Decode(&opened, types, event.DecodeOptions{KnownOnly: true}); err != nil || decodeErr != nil || !proto.Equal(got.Event.(*file), whole) {
		t.Errorf("opened: %v, %v, %v", got.Event, err, decodeErr)
	}
	if sealed, err := event.Seal(&opened, types, event.EncodeOptions{Keys: keys}); err != nil || bytes.Contains(sealed.Value, []byte("SECRET")) {
		t.Errorf("sealed again: %q, %v", sealed.Value, err)
	}
	if kept, _, err := event.Open(&rec, types, event.DecodeOptions{}); err != nil || len(kept.Value) != len(rec.Value) {
		t.Errorf("opened without keys: %d bytes of %d, %v", len(kept.Value), len(rec.Value), err)
	}
	got, err = event.Decode(&rec, types, event.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	left := got.Event.(*file)
	if left.Name != nil || left.Package != nil || left.Dependency != nil || left.MessageType[1].Name != nil || left.MessageType[1].Field[0].Number != nil ||
		left.MessageType[2].ReservedRange != nil || left.MessageType[0].ReservedName[0] != "shown" || left.Options.UninterpretedOption[0].StringValue != nil {
		t.Errorf("without keys: %v", left)
	}
	if n := len(got.Unavailable); n != 4+3*5+2 {
		t.Errorf("%d are unavailable: %v", n, got.Unavailable)
	}
	if !slices.ContainsFunc(got.Unavailable, func(u event.UnavailableField) bool { return u.Path == "message_type[2].field[0].json_name" }) {
		t.Errorf("unavailable: %v", got.Unavailable)
	}
	for from := 0; ; {
		at := bytes.Index(rec.Value[from:], []byte(encrypt.Prefix))
		if at < 0 {
			break
		}
		for from += at; from < len(rec.Value) && (rec.Value[from] == ':' || strings.ContainsRune(base64url, rune(rec.Value[from]))); from++ {
			changed := rec
			changed.Value = bytes.Clone(rec.Value)
			changed.Value[from] ^= 1
			if got, err := event.Decode(&changed, types, event.DecodeOptions{Keys: keys}); err == nil && len(got.Unavailable) == 0 {
				t.Fatalf("with byte %d changed: %v", from, got.Event)
			}
		}
	}
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// A record is opened for who looks at it, sealed again once it was changed, and sealed with the current keys when it is sent again.
func TestRecordsOpenedAndRenewed(t *testing.T) {
	t.Parallel()
	keys := newKeyRing(t, "pii", "money")
	rec := encodeAccount(t, accountText, keys)
	opened, d, err := event.Open(&rec, accountTypes, event.DecodeOptions{Keys: keys})
	plain := strings.Replace(accountText, `\u0040`, "@", 1)
	if err != nil || len(d.Unavailable) > 0 || !bytes.Contains(opened.Value, []byte(plain)) || !bytes.HasPrefix(opened.Value, []byte(`{"event_id"`)) {
		t.Fatalf("opened: %s, %v, %v", opened.Value, d.Unavailable, err)
	}
	changed := opened
	changed.Value = bytes.Replace(opened.Value, []byte("ann@"), []byte("eve@"), 1)
	sealed, err := event.Seal(&changed, accountTypes, event.EncodeOptions{Keys: keys})
	if err != nil || bytes.Contains(sealed.Value, []byte("eve@")) {
		t.Errorf("sealed: %s, %v", sealed.Value, err)
	}
	if got, err := event.Decode(&sealed, accountTypes, event.DecodeOptions{Keys: keys, SealedOnly: true}); err != nil || string(got.Event.(*account).Raw) != strings.Replace(plain, "ann", "eve", 1) {
		t.Errorf("read: %v, %v", got.Event, err)
	}

	old := keys.current["pii"].ID()
	next := newKeyRing(t, "", "pii")
	keys.current["pii"], keys.byID[next.current["pii"].ID()] = next.current["pii"], next.current["pii"]
	renewed, err := event.Seal(&opened, accountTypes, event.EncodeOptions{Keys: keys})
	if ids := sealedWith(t, &renewed); err != nil || slices.Contains(ids, old) || len(ids) != 2 {
		t.Errorf("sealed with the current keys: %v, with %v", err, ids)
	}
	if got, err := event.Decode(&renewed, accountTypes, event.DecodeOptions{Keys: keys, SealedOnly: true}); err != nil || string(got.Event.(*account).Raw) != plain {
		t.Errorf("read: %v, %v", got.Event, err)
	}

	delete(keys.byID, old)
	opened, d, err = event.Open(&rec, accountTypes, event.DecodeOptions{Keys: keys})
	if err != nil || len(d.Unavailable) != 6 || !bytes.Contains(opened.Value, []byte(`"salary":5e3`)) || !bytes.Contains(opened.Value, []byte(`"email" : "trs:`)) {
		t.Errorf("opened without its key: %s, %v, %v", opened.Value, d.Unavailable, err)
	}
	if sealed, err = event.Seal(&opened, accountTypes, event.EncodeOptions{Keys: keys}); err != nil || bytes.Contains(sealed.Value, []byte("5e3")) ||
		!slices.Contains(sealedWith(t, &sealed), old) {
		t.Errorf("sealed again: %s, %v", sealed.Value, err)
	}
}

// sealedWith are the keys with which values of an account are encrypted, each once.
func sealedWith(t *testing.T, rec *event.Record) []encrypt.KeyID {
	t.Helper()
	d, err := event.Decode(rec, accountTypes, event.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []encrypt.KeyID
	for _, u := range d.Unavailable {
		if !slices.Contains(ids, u.Key) {
			ids = append(ids, u.Key)
		}
	}
	return ids
}

// FuzzOpenJSON: no text makes opening it fail in another way than reading it would, or shows what does not open.
func FuzzOpenJSON(f *testing.F) {
	keys := newKeyRing(f, "pii", "money")
	good := encodeAccount(f, accountText, keys)
	_, payload, _ := bytes.Cut(good.Value, []byte(`"payload":`))
	f.Add(payload[:len(payload)-1])
	for _, text := range []string{accountText, `{"email":"trs:AQ","email":"trs:"}`, `{"salary_encrypted":7,"salary_encrypted":"trs:x","tags_encrypted":""}`, `[]`, `{"lines":[1,{"note":"trs:"}`, `{"\u0065mail":"\u0074rs:"}`} {
		f.Add([]byte(text))
	}
	id := good.Header(wire.HeaderEventID)
	f.Fuzz(func(t *testing.T, text []byte) {
		rec := event.Record{Topic: "accounts", Value: slices.Concat([]byte(`{"event_id":"`+id+`","event_type":"Account","payload":`), text, []byte{'}'})}
		got, err := event.Decode(&rec, accountTypes, event.DecodeOptions{Keys: keys})
		if got.Event == nil || err != nil {
			return
		}
		if raw := string(got.Event.(*account).Raw); !json.Valid([]byte(raw)) {
			t.Errorf("%s is read as %s", text, raw)
		}
	})
}
