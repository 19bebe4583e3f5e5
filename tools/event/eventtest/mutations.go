// Package eventtest makes what readers of the same events are held against each other with.
package eventtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Mutations returns a JSON text, and the same with each value in it taken away, repeated, and exchanged for others: null,
// other types, numbers at and beyond the ends of types, longer and shorter lists and texts, times in all shapes; and with a
// member that no schema knows in each object.
func Mutations(text []byte) ([][]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	m := &mutations{value: value, made: [][]byte{text}}
	m.within(value)
	return m.made, m.err
}

type mutations struct {
	value any // as it is at the moment
	made  [][]byte
	err   error
}

func (m *mutations) add() {
	text, err := json.Marshal(m.value)
	if err != nil {
		m.err = err
	}
	m.made = append(m.made, text)
}

func (m *mutations) within(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			old := v[name]
			delete(v, name)
			m.add()
			for _, other := range others(old) {
				v[name] = other
				m.add()
			}
			v[name] = old
			m.repeat(v, name)
			m.within(old)
		}
		v["new"] = json.Number("1e-07")
		m.add()
		delete(v, "new")
	case []any:
		for i, old := range v {
			for _, other := range others(old) {
				v[i] = other
				m.add()
			}
			v[i] = old
			m.within(old)
		}
	}
}

// repeat adds the text with a member twice.
func (m *mutations) repeat(object map[string]any, name string) {
	const second = "to be repeated"
	object[second] = object[name]
	m.add()
	delete(object, second)
	last := len(m.made) - 1
	quoted, err := json.Marshal(name)
	if err != nil {
		m.err = err
	}
	m.made[last] = bytes.Replace(m.made[last], []byte(fmt.Sprintf("%q:", second)), append(quoted, ':'), 1)
}

// others are values worth trying in the place of another.
func others(v any) []any {
	const id = "550e8400-e29b-41d4-a716-446655440000"
	out := []any{
		nil, true, "", "x", strings.Repeat("ü", 101), []any{}, map[string]any{}, []any{nil}, []any{"a", "a"}, []any{json.Number("1")},
		map[string]any{"a": json.Number("123456789012345678901234567890")}, "2025-10-16 12:34:56.5", "2025-10-16T12:34:56.123456789+02:00", id,
	}
	for _, n := range []string{"0", "-1", "1", "5.0", "20", "21", "5.5", "65535", "65536", "100", "100.5", "1e2", "1e400", "9223372036854775808"} {
		out = append(out, json.Number(n))
	}
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			out = append(out, slices.Concat(v, v))
		}
	case string:
		out = append(out, strings.ToUpper(v), v+"x")
		if _, _, err := jsonio.ParseTime(v); err == nil {
			out = append(out, times...)
		}
	}
	return out
}

// times are shapes of times, some of which are none.
var times = []any{
	"2025-10-16T12:34:56", "2025-10-16t12:34:56z", "2025-10-16 12:34:56+0200", "2025-10-16T12:34:56,5Z", "2025-10-16T12:34:56.Z",
	"2025-10-16T12:34:56.1234567890Z", "2025-13-16T12:34:56Z", "2025-02-29T12:34:56Z", "2025-10-16T24:00:00Z", "2025-10-16T23:59:60Z",
	"2025-10-16T12:34:56+25:00", "2025-10-16T12:34:56-00:00", "2025-10-16T12:34Z", "2025-10-16", "0000-01-01T00:00:00Z",
	"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00Z", "20251016T123456Z", " 2025-10-16T12:34:56Z",
}
