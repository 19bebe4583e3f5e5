package event

import (
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// members reads the members of the object that the reader is in, one call of read for each that is a field, one of null
// for each that is null where null is a value, and unknown for each other. A null in protobuf is absent. It records second
// members of a oneof, and returns which of the fields it found.
func members(r *jsonio.Reader, m *schema.Message, null, read func(i int, f *schema.Field), unknown func()) (found []bool) {
	seen := make([]uint64, (len(m.Fields)+63)/64)
	found = make([]bool, len(m.Fields))
	var chosen []*schema.Oneof
	next := 0 // most objects are in the schema's order
	for r.More() {
		i := fieldNamed(m, r.Name(), next)
		if i < 0 {
			if m.Closed {
				r.Skip()
				r.Fault("additionalProperties", "must not be present: the schema has no such field", nil)
			} else {
				unknown()
			}
			continue
		}
		f := m.Fields[i]
		next = i + 1
		r.Once(&seen[i/64], uint(i%64))
		if (f.Nullable || !f.KnowsNull()) && r.Null() {
			if found[i] = f.Nullable; f.Nullable {
				null(i, f)
			}
			continue
		}
		if f.Oneof != nil {
			if slices.Contains(chosen, f.Oneof) {
				r.Fault("oneof", "must be the only one of "+f.Oneof.Name+" in the object", nil)
			}
			chosen = append(chosen, f.Oneof)
		}
		if f.Sensitive {
			r.Sensitive()
		}
		read(i, f)
		found[i] = true
	}
	return found
}

// demand records which required fields are missing in the JSON of a message for which no default will be filled in.
func demand(r *jsonio.Reader, m *schema.Message, found []bool) {
	for i, f := range m.Fields {
		if f.NeedsKey() && !found[i] {
			r.Missing(f.JSONName)
		}
	}
}

// fieldNamed returns the index of the field with a JSON name, which is looked for from an index on, and -1 for none.
func fieldNamed(m *schema.Message, name string, from int) int {
	for n := range len(m.Fields) {
		if i := (from + n) % len(m.Fields); m.Fields[i].JSONName == name {
			return i
		}
	}
	return -1
}
