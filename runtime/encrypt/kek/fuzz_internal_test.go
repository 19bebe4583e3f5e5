package kek

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// FuzzParse holds any text to this: it has keys, and the last wraps what it unwraps, or an error names the place and shows no key.
func FuzzParse(f *testing.F) {
	const line = "a AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	for _, text := range []string{"", line, line + "\n# b\n" + "c" + line[1:], line + "\n" + line, line[2:], line[:20], "a\t" + line[2:] + "\r\n", line + " x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parse(text, func(line int) string { return fmt.Sprintf("at:%d", line) })
		if err != nil {
			if !strings.HasPrefix(err.Error(), "at:") || strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("%q", err)
			}
			for _, word := range strings.Fields(text) {
				if raw, wrong := encoding.DecodeString(word); wrong == nil && len(raw) == keySize && strings.Contains(err.Error(), word) {
					t.Errorf("%v shows a key", err)
				}
			}
			return
		}
		if checkName(k.current) != nil {
			t.Errorf("its current key is %q", k.current)
		}
		secret, bound := []byte("secret"), []byte("context")
		name, wrapped := k.wrap(secret, bound)
		if got, err := k.unwrap(name, wrapped, bound); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("unwrapped as %q, %v", got, err)
		}
	})
}
