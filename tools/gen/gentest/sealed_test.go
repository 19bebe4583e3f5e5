package gentest

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/encrypt"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	ledgerv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/ledger/v1"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestSealedInfo has generated events and those by schema say the same of how they are encrypted, and of whom they are about.
func TestSealedInfo(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join("..", "golang", "testdata", "sealed", "in")))
	if err != nil {
		t.Fatal(err)
	}
	byType := map[string]*trestle.EventInfo{}
	for _, info := range event.Events(set) {
		byType[info.Type] = info
	}
	subjects := map[string]map[string]string{
		"PatientAdmitted": {`{}`: "", `{"patient":{}}`: "", `{"patient":{"who":{}}}`: "", `{"patient":{"who":{"id":"p1"}}}`: "p1"},
		"PatientStored":   {`{}`: "", `{"person":"p2"}`: "p2"},
		"account.charged": {`{}`: "", `{"holder":{}}`: "", `{"holder":{"id":"h1"}}`: "h1"},
	}
	for _, generated := range slices.Concat(sealedv1.Events(), ledgerv1.Events()) {
		dynamic := byType[generated.Type]
		if diff := cmp.Diff(generated.SealedKeys, dynamic.SealedKeys); diff != "" || len(generated.SealedKeys) != 2 {
			t.Errorf("%s: %v (-generated +by schema):\n%s", generated.Type, generated.SealedKeys, diff)
		}
		for name, mask := range dynamic.Masks {
			if diff := cmp.Diff(generated.Masks[name], mask); diff != "" {
				t.Errorf("%s: %s (-generated +by schema):\n%s", generated.Type, name, diff)
			}
		}
		for text, want := range subjects[generated.Type] {
			for _, info := range []*trestle.EventInfo{generated, dynamic} {
				e := info.New()
				e.DecodeJSON(jsonio.NewReader([]byte(text)))
				e.SetDefaults(time.Now())
				if got := info.DataSubject(e); got != want {
					t.Errorf("%s of %s is about %q, not %q (%T)", text, info.Type, got, want, e)
				}
			}
		}
	}
}

// sealedSecrets are what no record of sealedEvents may hold in clear, as text, number or base64.
var sealedSecrets = []string{"SECRET", "secret", "U0VDUkVU", "471147114", "2001-02-03", "00004711-0000", "MOOD_HIGH", ":true", `"gold"`}

// sealedEvents are payloads with a value in every encrypted field, by event type.
var sealedEvents = map[string]string{
	"PatientAdmitted": `{"id":"a1","shown":"seen","text":"SECRET","email":"SECRET@x.org","record":"00004711-0000-4000-8000-000000000000","mood":"MOOD_HIGH",
"born":"2001-02-03T04:05:06Z","stay":"471147114s","scan":"U0VDUkVU","note":"SECRET","weight":471147114,"height":471147114.5,"smokes":true,"free":{"SECRET":471147114},
"allergies":["SECRET"],"answers":{"SECRET":"SECRET"},"address":{"street":"SECRET","tenant":{"id":"SECRET","name":"SECRET"}},"former":[{"street":"SECRET"}],
"patient":{"who":{"id":"p1","name":"SECRET"},"ward":"SECRET","bed":471147114,"floor":"3","before":[{"bed":471147114}]},"relatives":[{},{"ward":"SECRET"}],
"wards":{"a/~b":{"bed":471147114}},"iban":"SECRET","maybe":"SECRET"}`,
	"PatientStored": `{"id":"a1","text":"SECRET","email":"SECRET@x.org","mood":"MOOD_HIGH","born":"2001-02-03T04:05:06Z","scan":"U0VDUkVU","weight":471147114,
"free":{"SECRET":471147114},"allergies":["SECRET","SECRET"],"scans":["U0VDUkVU"],"counts":[471147114,471147114],"answers":{"SECRET":"SECRET"},
"address":{"street":"SECRET","tenant":{"id":"SECRET","name":"SECRET"}},"patient":{"who":{"id":"p1","name":"SECRET"},"ward":"SECRET","bed":471147114,"floor":"3"},
"relatives":[{},{"ward":"SECRET"}],"wards":{"x":{"bed":471147114}},"insurance":471147114,"person":"p2"}`,
	"account.charged": `{"id":"a1","shown":"seen","iban":"SECRET","email":"SECRET@x.org","record":"00004711-0000-4000-8000-000000000000","born":"2001-02-03",
"seen":"2001-02-03T04:05:06Z","tier":"gold","nickname":"SECRET","pin":4711,"balance":471147114.5,"frozen":true,"codes":["SEC","SECR"],"answers":{"SECRET":"SEC"},
"notes":{"SECRET":[471147114]},"safe":{"door":"SECR","owner":{"name":"SECRET","age":471147114}},"holder":{"id":"h1","name":"SECRET","age":471147114,"floor":"3","extra":7},
"others":[{"name":"SECRET","age":471147114}],"by_role":{"a/~b":{"name":"SECRET","age":471147114}},"way":{"kind":"card","number":"SECRET","limit":471147114},
"ways":[{"kind":"cash"},{"kind":"card","number":"SECRET"}]}`,
}

// keyRing has a key for each class and person.
type keyRing map[string]*encrypt.Key

func (r keyRing) Current(_ context.Context, class, subject string) (*encrypt.Key, error) {
	name := class + " of " + subject
	if r[name] == nil {
		key, err := encrypt.NewKey(uuid.New(), bytes.Repeat([]byte{byte(len(r))}, encrypt.SecretSize))
		if err != nil {
			return nil, err
		}
		r[name], r[key.ID().String()] = key, key
	}
	return r[name], nil
}

func (r keyRing) ByID(_ context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	if key := r[id.String()]; key != nil {
		return key, nil
	}
	return nil, &encrypt.UnavailableError{ID: id, Reason: encrypt.UnknownKey}
}

// TestSealedEvents writes events of generated types and of types by schema with every encrypted field: nothing of them is on the wire in clear, what is there is
// valid by the schema that is registered, with and without encryption, and either type reads what the other has written.
func TestSealedEvents(t *testing.T) {
	t.Parallel()
	in := filepath.Join("..", "golang", "testdata", "sealed")
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(in, "in")))
	if err != nil {
		t.Fatal(err)
	}
	generated, dynamic := slices.Concat(sealedv1.Events(), ledgerv1.Events()), event.Events(set)
	for _, info := range slices.Concat(generated, dynamic) {
		t.Run(fmt.Sprintf("%s of %T", info.Type, info.New()), func(t *testing.T) {
			t.Parallel()
			keys := keyRing{}
			e := decode(t, info, []byte(sealedEvents[info.Type]))
			want, err := e.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			options := trestle.EncodeOptions{Source: trestle.Source{ServiceName: "s", ServiceVersion: "1", InstanceID: "i"}, SchemaID: 3, Keys: keys}
			rec, err := trestle.Encode(e, &trestle.Envelope{CorrelationID: uuid.NewString(), Timestamp: time.Now()}, options)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range sealedSecrets {
				if bytes.Contains(rec.Value, []byte(secret)) {
					t.Errorf("%s is on the wire: %q", secret, rec.Value)
				}
			}
			if info.Encoding == trestle.JSON {
				compiler := jsonschema.NewCompiler()
				compiler.AssertFormat()
				registered, err := compiler.Compile(filepath.Join(append([]string{in, "want", "jsonschema"}, strings.Split(info.FullName[:strings.LastIndexByte(info.FullName, '.')], ".")...)...) + "/" + info.Type + ".json")
				if err != nil {
					t.Fatal(err)
				}
				if err := accepts(t, registered, rec.Value); err != nil {
					t.Errorf("encrypted, it is not valid: %v", err)
				}
				if err := accepts(t, registered, with(t, rec.Value, "payload", string(want))); err != nil {
					t.Errorf("in clear, it is not valid: %v", err)
				}
				if err := accepts(t, registered, with(t, rec.Value, "payload.email", `"`+strings.Repeat("x", 61)+`"`)); err == nil {
					t.Error("what breaks a rule is valid")
				}
			}
			if info.Encoding == trestle.Protobuf {
				inBinary(t, rec)
			}
			for _, types := range []*trestle.Types{trestle.NewTypes(generated...), trestle.NewTypes(dynamic...)} {
				got, err := trestle.Decode(&rec, types, trestle.DecodeOptions{Keys: keys, SealedOnly: true})
				if err != nil || len(got.Unavailable) > 0 {
					t.Fatalf("%v, %v", got.Unavailable, err)
				}
				text, err := got.Event.AppendJSON(nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(value(t, want), value(t, text)); diff != "" {
					t.Errorf("read as %T (-written +read):\n%s", got.Event, diff)
				}
			}
			if used := len(keys) / 2; used != 2 {
				t.Errorf("%d keys: %v", used, keys)
			}
		})
	}
}

// inBinary finds fields of PatientStored in clear that are neither text nor bytes: each has its text beside it.
func inBinary(t *testing.T, rec trestle.Record) {
	t.Helper()
	frame, err := wire.Unframe(rec.Value, rec.Headers)
	if err != nil {
		t.Fatal(err)
	}
	found := map[protowire.Number]bool{}
	for body := frame.Body; len(body) > 0; {
		number, _, n := protowire.ConsumeField(body)
		if n < 0 {
			t.Fatal("the message is broken")
		}
		found[number], body = true, body[n:]
	}
	fields := new(sealedv1.PatientStored).ProtoReflect().Descriptor().Fields()
	for _, name := range []protoreflect.Name{"mood", "born", "weight", "free", "allergies", "scans", "counts", "answers", "address", "insurance"} {
		number := fields.ByName(name).Number()
		if found[number] || !found[number+schema.SealedNumbers] {
			t.Errorf("%s is on the wire: %t, and its text: %t", name, found[number], found[number+schema.SealedNumbers])
		}
	}
}
