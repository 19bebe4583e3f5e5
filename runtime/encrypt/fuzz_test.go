package encrypt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/encrypt"
)

// FuzzParseEntry holds any text to this: it is read as an entry that is written and read as the same, or there is an error of one line.
func FuzzParseEntry(f *testing.F) {
	for _, test := range entries {
		f.Add([]byte(test.text))
		f.Add([]byte(strings.Replace(test.text, `"class"`, `"since":{"a":[1]},"class"`, 1)))
		f.Add([]byte(strings.Replace(test.text, `"version":1`, `"version":2`, 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := encrypt.ParseEntry(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q", err)
			}
			return
		}
		record := e.Record()
		again, err := encrypt.ParseEntry(record.Value)
		if err != nil {
			t.Fatalf("%s: %v", record.Value, err)
		}
		if !bytes.Equal(again.Record().Value, record.Value) {
			t.Error(cmp.Diff(e, again))
		}
	})
}

// FuzzParseSealed holds any bytes to this: what is read as a sealed value, as text or as bytes, says how it begins, and no key opens what it did not seal.
func FuzzParseSealed(f *testing.F) {
	key := newKey(f)
	for _, isDeterministic := range []bool{false, true} {
		for _, value := range []string{"", "4111 1111 1111 1111"} {
			b, err := key.AppendBytes(nil, &place, encrypt.Text, []byte(value), isDeterministic)
			if err != nil {
				f.Fatal(err)
			}
			text, err := key.AppendText(nil, &place, encrypt.Text, []byte(value), isDeterministic)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
			f.Add(text)
			f.Add(b[:len(b)-1])
			f.Add(text[:len(text)-1])
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		read := map[string]func([]byte) (encrypt.Sealed, error){"text": encrypt.ParseText, "bytes": encrypt.ParseBytes}
		for name, parse := range read {
			s, err := parse(in)
			if err != nil {
				if strings.ContainsAny(err.Error(), "\r\n") {
					t.Errorf("%s: %q", name, err)
				}
				continue
			}
			if !encrypt.IsSealed(in) {
				t.Errorf("%s: read, and not a sealed value", name)
			}
			begin := encrypt.AppendTextOfKey(nil, s.KeyID, s.Format, s.IsDeterministic())
			if name == "text" && !bytes.HasPrefix(in, begin) {
				t.Errorf("%q does not begin with %s", in, begin)
			}
			if out, err := key.AppendOpened(nil, &place, &s); s.KeyID != key.ID() && !errors.Is(err, encrypt.ErrRefused) {
				t.Errorf("%s: a key that did not seal it opens it as %q", name, out)
			}
		}
	})
}
