package jsonio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Raw is the text of one JSON value; empty means absent. Its numbers are the digits that were written, so that
// 9007199254740993, 1.0 and 1e-07 stay what they are.
type Raw string

// Member is a member of an object that the schema does not name, kept to be written again.
type Member struct {
	Name  string
	Value Raw
}

// Names are names of members.
type Names []string

// Has says whether a name is among them.
func (n Names) Has(name string) bool { return slices.Contains(n, name) }

// HasMember says whether one of the members has a name.
func HasMember(members []Member, name string) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return m.Name == name })
}

// HasKey says whether a map has a key.
func HasKey[T any](entries map[string]T, key string) bool {
	_, ok := entries[key]
	return ok
}

// From returns v as JSON text. Maps are written by sorted key, a json.Number or Raw as it is, and a float64 in a map,
// a slice or alone recognisably as a float (1.0). Structs are encoding/json's. It fails for what has no JSON form.
func From(v any) (Raw, error) {
	b, err := appendAny(nil, v)
	return Raw(b), err
}

// Must is [From] for values known to have a JSON form; it panics when one has not.
func Must(v any) Raw {
	r, err := From(v)
	if err != nil {
		panic("jsonio.Must: " + err.Error())
	}
	return r
}

// Decode stores the value in what v points to, as encoding/json does, numbers in an any as json.Number.
func (r Raw) Decode(v any) error {
	if r == "" {
		return errors.New("decode JSON: there is no text: the value is absent")
	}
	d := json.NewDecoder(bytes.NewReader(bytesOf(string(r))))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	if rest := skipSpace(bytesOf(string(r)), int(d.InputOffset())); rest < len(r) {
		return fmt.Errorf("decode JSON: %w", unexpected(bytesOf(string(r)), rest, "the end of the text"))
	}
	return nil
}

// Members counts the members of an object by name, each name once; 0 when the value is not an object.
func (r Raw) Members() int {
	names := map[string]struct{}{}
	reader := NewReader(bytesOf(string(r)))
	if reader.Kind() != '{' || !reader.BeginObject() {
		return 0
	}
	for reader.More() {
		names[reader.Key()] = struct{}{}
		reader.Skip()
	}
	return len(names)
}

// MarshalJSON returns the text itself, null when it is absent.
func (r Raw) MarshalJSON() ([]byte, error) { return AppendRaw(nil, r) }

// UnmarshalJSON keeps a copy of the text.
func (r *Raw) UnmarshalJSON(text []byte) error {
	*r = Raw(text)
	return nil
}

func appendAny(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return AppendString(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case float64:
		return AppendFloat64(b, v)
	case float32:
		return AppendFloat32(b, v)
	case time.Time:
		return AppendTime(b, v)
	case Raw:
		return AppendRaw(b, v)
	case json.RawMessage:
		return AppendRaw(b, Raw(v))
	case json.Number:
		return appendNumber(b, v)
	case map[string]any:
		return appendMap(b, v)
	case []any:
		return appendSlice(b, v)
	default:
		return appendMarshalled(b, v)
	}
}

func appendNumber(b []byte, n json.Number) ([]byte, error) {
	d := bytesOf(string(n))
	if len(d) > 0 && (d[0] == '-' || isDigit(d[0])) {
		if end, _, err := scanNumber(d, 0); err == nil && end == len(d) {
			return append(b, d...), nil
		}
	}
	return b, &Error{Offset: -1, Message: fmt.Sprintf("%q is not a JSON number", string(n))}
}

func appendMap(b []byte, m map[string]any) (_ []byte, err error) {
	if m == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = AppendString(b, name); err != nil {
			return b, At(err, name)
		}
		b = append(b, ':')
		if b, err = appendAny(b, m[name]); err != nil {
			return b, At(err, name)
		}
	}
	return append(b, '}'), nil
}

func appendSlice(b []byte, s []any) (_ []byte, err error) {
	if s == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range s {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendAny(b, v); err != nil {
			return b, AtIndex(err, i)
		}
	}
	return append(b, ']'), nil
}

func appendMarshalled(b []byte, v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return b, &Error{Offset: -1, Message: err.Error()}
	}
	return appendText(b, buf.Bytes())
}

const maxExcerpt = 64

// Excerpt renders v as JSON for a message: at most 64 bytes of it, and … where it was cut. It is empty for nil, and
// never fails: what has no JSON form is rendered as fmt does.
func Excerpt(v any) string {
	var b []byte
	switch v := v.(type) {
	case nil:
		return ""
	case Raw:
		b = []byte(v[:min(len(v), maxExcerpt+1)])
	case string:
		b = appendQuoted(nil, v[:min(len(v), maxExcerpt+1)])
	default:
		var err error
		if b, err = appendAny(nil, v); err != nil {
			b = fmt.Append(nil, v)
		}
	}
	if len(b) <= maxExcerpt {
		return string(b)
	}
	cut := maxExcerpt
	for cut > 0 && !utf8.RuneStart(b[cut]) {
		cut--
	}
	return string(b[:cut]) + "…"
}
