package schema

import "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

// RuledTimes says that rules of the message, or of one inside it, may see a time: JSON has times to the microsecond, so that it matters for
// these which form of a message is validated. Of JSON Schema it is always the JSON.
func (m *Message) RuledTimes() bool {
	if !m.HasBinary() {
		return false
	}
	var w timeWalk
	w.message(m)
	return w.times && w.rules
}

type timeWalk struct {
	seen         map[*Message]bool
	times, rules bool // there are some
}

func (w *timeWalk) message(m *Message) {
	if w.seen[m] || m.WellKnown() != "" {
		return
	}
	if w.seen == nil {
		w.seen = map[*Message]bool{}
	}
	w.seen[m] = true
	w.rules = w.rules || m.HasExpressions()
	for _, f := range m.Fields {
		w.rules = w.rules || ruleTimes(f.Type.Constraints.Rules)
		for t := f.Type; t != nil; t = t.Elem {
			switch t.Kind {
			case Timestamp:
				w.times = true
			case MessageKind:
				w.message(t.Message)
			}
		}
	}
}

// ruleTimes says whether there are rules of times among those of a field.
func ruleTimes(rules *validate.FieldRules) bool {
	return rules != nil && (rules.GetTimestamp() != nil || ruleTimes(rules.GetRepeated().GetItems()) || ruleTimes(rules.GetMap().GetValues()))
}
