package witness

import (
	"encoding/json"
	"math/big"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// side reads events as one version of a schema does.
type side interface {
	// read returns what the side keeps of an event, defaults filled in; the error says why it rejects the event.
	read(event map[string]any) (map[string]any, error)
}

// binarySide also has a binary form.
type binarySide interface {
	side
	write(event map[string]any) ([]byte, error)
	readBytes(data []byte) (map[string]any, error)
}

// rejection says why a side does not take an event.
type rejection struct{ causes []string }

func (r *rejection) Error() string { return r.causes[0] }

// mentions says whether a cause names a field, or with inner what is in the list or map that it holds.
func mentions(cause, field string, inner bool) bool {
	for rest := cause; ; {
		i := strings.Index(rest, field)
		if i < 0 || field == "" {
			return false
		}
		before, after := rest[:i], rest[i+len(field):]
		if !endsInName(before) && !beginsWithName(after) && inner == goesOn(after) {
			return true
		}
		rest = after
	}
}

// goesOn says whether a path goes on: `[0]`, `["a"]`, `.0`.
func goesOn(s string) bool { return strings.HasPrefix(s, "[") || strings.HasPrefix(s, ".") }

func endsInName(s string) bool { return s != "" && nameByte(s[len(s)-1]) }

func beginsWithName(s string) bool { return s != "" && nameByte(s[0]) }

func nameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// covers says whether everything that an event says is in what was kept of it; nothing, null and empty are the same.
func covers(kept, event any) bool {
	switch e := event.(type) {
	case map[string]any:
		k, ok := kept.(map[string]any)
		if !ok {
			return len(e) == 0 && kept == nil
		}
		for name, v := range e {
			if !covers(k[name], v) {
				return false
			}
		}
		return true
	case []any:
		k, ok := kept.([]any)
		if !ok {
			return len(e) == 0 && kept == nil
		}
		if len(k) != len(e) {
			return false
		}
		for i := range e {
			if !covers(k[i], e[i]) {
				return false
			}
		}
		return true
	case nil:
		return true
	}
	return equal(kept, event)
}

// equal compares JSON values; numbers by what they are worth.
func equal(a, b any) bool {
	x, okX := a.(json.Number)
	y, okY := b.(json.Number)
	if okX && okY {
		p, ok1 := new(big.Rat).SetString(x.String())
		q, ok2 := new(big.Rat).SetString(y.String())
		return ok1 && ok2 && p.Cmp(q) == 0
	}
	m, okM := a.(map[string]any)
	n, okN := b.(map[string]any)
	if okM && okN {
		return len(m) == len(n) && covers(m, n) && covers(n, m)
	}
	s, okS := a.([]any)
	t, okT := b.([]any)
	if okS && okT {
		return len(s) == len(t) && covers(s, t) && covers(t, s)
	}
	if okX || okY || okM || okN || okS || okT {
		return false
	}
	return a == b
}

// now is the time that stands for the present in defaults; any will do.
const now = `"2025-10-16T12:34:56Z"`

// defaultOf returns a field's default as a JSON value; ok is false where it has none.
func defaultOf(f *schema.Field) (v any, ok bool) {
	text := f.Default
	switch text {
	case "":
		return nil, false
	case "now":
		text = now
	}
	v, err := parse([]byte(text))
	return v, err == nil
}
