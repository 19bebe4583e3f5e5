package event

import (
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// members reads the members of the object that the reader is in, one call of read for each that is a field and not
// null, one of null for each that is, and unknown for each other. It records which required ones are missing, and second members of a oneof.
func members(r *jsonio.Reader, m *schema.Message, null func(f *schema.Field), read func(i int, f *schema.Field), unknown func()) {
	index := fieldIndex(m)
	seen := make([]uint64, (len(m.Fields)+63)/64)
	got := make([]bool, len(m.Fields))
	var chosen []*schema.Oneof
	for r.More() {
		i, known := index[r.Name()]
		if !known {
			if m.Closed {
				r.Skip()
				r.Fault("additionalProperties", "must not be present: the schema has no such field", nil)
			} else {
				unknown()
			}
			continue
		}
		f := m.Fields[i]
		r.Once(&seen[i/64], uint(i%64))
		if r.Null() {
			got[i] = f.Nullable
			null(f)
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
		got[i] = true
	}
	for i, f := range m.Fields {
		if f.NeedsKey() && !got[i] {
			r.Missing(f.JSONName)
		}
	}
}

func fieldIndex(m *schema.Message) map[string]int {
	index := make(map[string]int, len(m.Fields))
	for i, f := range m.Fields {
		index[f.JSONName] = i
	}
	return index
}
