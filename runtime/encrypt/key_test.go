package encrypt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
)

func newKey(t testing.TB) *encrypt.Key {
	t.Helper()
	k, err := encrypt.NewKey(uuid.New(), bytes.Repeat([]byte{7}, encrypt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var place = encrypt.Place{
	EventType: "Order", EventID: "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b", Pointer: "/lines/2/note", Schema: "/lines/*/note",
}

// What is sealed opens at its place, in both modes and forms; changed in one bit, cut off, or at another place it does not.
func TestSealedOpensAtItsPlaceAlone(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for _, isDeterministic := range []bool{false, true} {
		for _, value := range []string{"", "x", "4111 1111 1111 1111", strings.Repeat("long ", 1000)} {
			b, err := key.AppendBytes(nil, &place, encrypt.Text, []byte(value), isDeterministic)
			if err != nil {
				t.Fatal(err)
			}
			open := func(sealed []byte, at encrypt.Place) (string, error) {
				s, err := encrypt.ParseBytes(sealed)
				if err != nil {
					return "", err
				}
				if s.IsDeterministic() != isDeterministic || s.Format != encrypt.Text || s.KeyID != key.ID() {
					return "", errors.New("another kind, format or key")
				}
				out, err := key.AppendOpened([]byte("before "), &at, &s)
				return string(out), err
			}
			if got, err := open(b, place); err != nil || got != "before "+value {
				t.Errorf("%.20q is opened as %.20q, %v", value, got, err)
			}
			step := max(1, len(b)/200)
			for i := 0; i < len(b); i += step {
				for bit := range 8 {
					changed := bytes.Clone(b)
					changed[i] ^= 1 << bit
					if got, err := open(changed, place); err == nil {
						t.Fatalf("with bit %d of byte %d changed, %.20q is opened as %.20q", bit, i, value, got)
					}
				}
				if got, err := open(b[:i], place); err == nil {
					t.Fatalf("cut off after %d bytes, %.20q is opened as %.20q", i, value, got)
				}
			}
			for name, other := range map[string]encrypt.Place{
				"of another type":    {EventType: "Refund", EventID: place.EventID, Pointer: place.Pointer, Schema: place.Schema},
				"in another field":   {EventType: place.EventType, EventID: place.EventID, Pointer: "/lines/2/name", Schema: "/lines/*/name"},
				"in another event":   {EventType: place.EventType, EventID: uuid.NewString(), Pointer: place.Pointer, Schema: place.Schema},
				"in another element": {EventType: place.EventType, EventID: place.EventID, Pointer: "/lines/3/note", Schema: place.Schema},
			} {
				_, err := open(b, other)
				free := isDeterministic && other.EventType == place.EventType && other.Schema == place.Schema
				if free != (err == nil) || !free && !errors.Is(err, encrypt.ErrRefused) {
					t.Errorf("%s (deterministic: %t): %v", name, isDeterministic, err)
				}
			}
			upper := place
			upper.EventID = strings.ToUpper(place.EventID)
			if _, err := open(b, upper); err != nil {
				t.Errorf("with the event's id in capitals: %v", err)
			}
			text, err := key.AppendText(nil, &place, encrypt.Text, []byte(value), isDeterministic)
			if err != nil {
				t.Fatal(err)
			}
			s, err := encrypt.ParseText(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := key.AppendOpened(nil, &place, &s); err != nil || string(got) != value {
				t.Errorf("as text, %.20q is opened as %.20q, %v", value, got, err)
			}
			if begin := encrypt.AppendTextOfKey(nil, key.ID(), encrypt.Text, isDeterministic); !bytes.HasPrefix(text, begin) {
				t.Errorf("%s does not begin with %s", text, begin)
			}
			again, err := key.AppendText(nil, &place, encrypt.Text, []byte(value), isDeterministic)
			if err != nil || bytes.Equal(text, again) != isDeterministic {
				t.Errorf("sealed again: %t, %v", bytes.Equal(text, again), err)
			}
		}
	}
}
