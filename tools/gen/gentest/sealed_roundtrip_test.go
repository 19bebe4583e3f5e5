package gentest

import (
	"bytes"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	trestle "github.com/omninode/trestle/runtime/event"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
)

// sealedCount is how many random events of a type are encrypted and read back.
func sealedCount(t *testing.T) int {
	t.Helper()
	text := os.Getenv("TRESTLE_TEST_SEALED_EVENTS")
	if text == "" {
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TRESTLE_TEST_SEALED_EVENTS: %v", err)
	}
	return n
}

// sealingKeys are data keys of the classes that the schemas of testdata/sealed name.
func sealingKeys(t *testing.T) *encrypt.Keys {
	t.Helper()
	file := t.TempDir() + "/kek"
	if err := kek.Create(file, "test"); err != nil {
		t.Fatal(err)
	}
	class := encrypt.Class{KEK: kek.NewFile(file)}
	keys, err := encrypt.NewKeys(new(encrypt.Memory), map[string]encrypt.Class{"pii": class, "medical": class, "ledger": class, "money": class})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return keys
}

// TestSealedRoundTrip encrypts random events in JSON and in protobuf, and reads them: with the keys they are what they were, without them they are valid, and what is
// encrypted is absent.
func TestSealedRoundTrip(t *testing.T) {
	t.Parallel()
	keys := sealingKeys(t)
	for _, like := range []proto.Message{new(sealedv1.PatientAdmitted), new(sealedv1.PatientStored)} {
		info := like.(trestle.Event).EventInfo()
		types := trestle.NewTypes(info)
		t.Run(info.Type, func(t *testing.T) {
			t.Parallel()
			valid, absent := 0, 0
			want := sealedCount(t)
			for e := range validEvents(like, want) {
				rec, err := trestle.Encode(e, nil, trestle.EncodeOptions{SchemaID: 1, Keys: keys})
				if err != nil {
					continue // what has no JSON form
				}
				valid++
				got, err := trestle.Decode(&rec, types, trestle.DecodeOptions{Keys: keys, SealedOnly: true, KnownOnly: true})
				if err != nil || len(got.Unavailable) > 0 {
					t.Fatalf("%v\n%q: %v, %v", e, rec.Value, err, got.Unavailable)
				}
				before, beforeErr := plainForm(e)
				after, afterErr := plainForm(got.Event)
				if beforeErr != nil || afterErr != nil || !bytes.Equal(before, after) {
					t.Fatalf("%q\nis read as\n%q\n%v, %v", before, after, beforeErr, afterErr)
				}
				without, err := trestle.Decode(&rec, types, trestle.DecodeOptions{SealedOnly: true, KnownOnly: true})
				if err != nil {
					t.Fatalf("without keys: %q: %v", rec.Value, err)
				}
				absent += len(without.Unavailable)
			}
			if valid < want*9/10 || absent < want/2 {
				t.Errorf("%d events were valid, %d fields absent", valid, absent)
			}
		})
	}
}

// plainForm is an event as it is written without encryption.
func plainForm(e trestle.Event) ([]byte, error) {
	if e.EventInfo().Encoding == trestle.Protobuf {
		return proto.MarshalOptions{Deterministic: true}.Marshal(e.(proto.Message))
	}
	return e.AppendJSON(nil)
}

// validEvents are so many random events that are valid: at first of any form, then those again with other texts.
func validEvents(like proto.Message, n int) iter.Seq[trestle.Event] {
	const forms = 500
	return func(yield func(trestle.Event) bool) {
		var pool []proto.Message
		for msg := range samples(like, 1_000_000) {
			if e := msg.(trestle.Event); e.Validate() == nil {
				pool = append(pool, proto.Clone(msg))
				if n--; !yield(e) || n == 0 {
					return
				}
			}
			if len(pool) == forms {
				break
			}
		}
		rng := rand.New(rand.NewPCG(3, 4))
		for n > 0 {
			msg := proto.Clone(pool[rng.IntN(len(pool))])
			vary(msg.ProtoReflect(), rng)
			if e := msg.(trestle.Event); e.Validate() == nil {
				if n--; !yield(e) {
					return
				}
			}
		}
	}
}

// vary gives a message, and those in it, other texts where any will do, and other numbers.
func vary(m protoreflect.Message, rng *rand.Rand) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				vary(v.List().Get(i).Message(), rng)
			}
		case fd.IsList() || fd.IsMap():
		case fd.Message() != nil:
			vary(v.Message(), rng)
		case fd.Kind() == protoreflect.StringKind && (fd.Name() == "text" || fd.Name() == "email"):
			runes := make([]rune, rng.IntN(40))
			for i := range runes {
				runes[i] = []rune("abcXYZ019 \"\\/{}:,\u00e9\u20ac\U0001f600\u2028\x01trs")[rng.IntN(24)]
			}
			m.Set(fd, protoreflect.ValueOfString(string(runes)))
		case fd.Kind() == protoreflect.Int64Kind:
			m.Set(fd, protoreflect.ValueOfInt64(rng.Int64()))
		}
		return true
	})
}
