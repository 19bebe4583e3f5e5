package protobuf

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// checkDefaultLoops finds messages that a default puts into themselves, so that filling it in would never end.
func (l *loader) checkDefaultLoops(files []*protoFile) {
	const open, closed = 1, 2
	state := map[*schema.Message]int{}
	var visit func(m *schema.Message)
	visit = func(m *schema.Message) {
		state[m] = open
		for _, f := range m.Fields {
			inner := filledBy(f)
			switch {
			case inner == nil || state[inner] == closed:
			case state[inner] == open:
				l.Fault(f.Pos, "default of %s puts %s into itself without end: leave it out", f.Name, inner.Name)
			default:
				visit(inner)
			}
		}
		state[m] = closed
	}
	var all func(ms []*schema.Message)
	all = func(ms []*schema.Message) {
		for _, m := range ms {
			if state[m] == 0 {
				visit(m)
			}
			all(m.Messages)
		}
	}
	for _, f := range files {
		all(f.pkg.Messages)
	}
}

// filledBy is the message that a field's default holds a value of, or nil.
func filledBy(f *schema.Field) *schema.Message {
	t, objects := f.Type, strings.Count(f.Default, "{")
	for t.Kind == schema.List || t.Kind == schema.Map {
		if t.Kind == schema.Map {
			objects--
		}
		t = t.Elem
	}
	if objects <= 0 || t.Kind != schema.MessageKind {
		return nil
	}
	return t.Message
}
