package chain

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// messageSampler makes events of a protobuf message on both sides of what its rules say.
type messageSampler struct {
	*rand.Rand
	maker *values.Maker
	typ   *event.Type
}

// most limits the events of one message.
const most = 150

func (s *messageSampler) events(m *schema.Message) []any {
	out := []any{object{}}
	var bases, valid []object
	for _, base := range []object{s.maker.Smallest(m), s.maker.Full(m), s.random(m), s.random(m), s.random(m), {}} {
		if base == nil {
			continue
		}
		bases, out = append(bases, base), append(out, base)
		if s.broken(base) == "" {
			valid = append(valid, base)
		}
	}
	if len(valid) > 0 {
		bases = valid
		filled := s.filled(m, pick(s, valid))
		bases, out = append(bases, filled), append(out, filled)
	}
	s.each(m, nil, 2, func(path []*schema.Field) {
		f := path[len(path)-1]
		candidates := append(s.maker.Candidates(f.Type, nil), values.Absent{}, nil)
		for range 3 {
			candidates = append(candidates, pick(s, others))
		}
		candidates = append(candidates, more(f.Type)...)
		var all []object
		for _, i := range s.Perm(len(candidates)) {
			for range min(2, len(bases)) { // what is wrong beside it must not hide what it breaks
				if changed, ok := s.maker.With(pick(s, bases), path, candidates[i]); ok {
					all = append(all, changed)
				}
			}
		}
		out = append(out, s.various(all, 30/len(path))...)
	})
	for range 6 {
		if r := s.random(m); r != nil {
			out = append(out, r)
		}
	}
	unknown := maps.Clone(bases[0])
	unknown["zz"] = num(1)
	out = distinct(append(out, unknown))
	if len(out) > most {
		s.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		out = out[:most]
	}
	return out
}

// filled is a valid event with a value in each field that it lacks, where one is found that keeps it valid.
func (s *messageSampler) filled(m *schema.Message, base object) object {
	for _, f := range m.Fields {
		if _, there := base[f.JSONName]; there || f.Oneof != nil {
			continue
		}
		candidates := append(s.maker.Candidates(f.Type, nil), more(f.Type)...)
		for _, i := range s.Perm(len(candidates)) {
			if changed, ok := s.maker.With(base, []*schema.Field{f}, candidates[i]); ok && s.broken(changed) == "" {
				base = changed
				break
			}
		}
	}
	return base
}

// various are so many events, of which as few as can be break the same rules, and a sixth at most cannot be read.
func (s *messageSampler) various(all []object, n int) (out []any) {
	like := map[string][]object{}
	for _, v := range all {
		broken := s.broken(v)
		like[broken] = append(like[broken], v)
	}
	kinds := sortedKeys(like)
	s.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for round := 0; len(out) < n && round < len(all); round++ {
		for _, kind := range kinds {
			if list := like[kind]; round < len(list) && len(out) < n && (kind != unreadable || round < n/6) {
				out = append(out, list[round])
			}
		}
	}
	return out
}

// unreadable is what broken says of an event that cannot be read.
const unreadable = "unreadable"

// broken says what is probably wrong with an event: nothing, the rules that it breaks, or that it cannot be read.
func (s *messageSampler) broken(v object) string {
	_, err := s.typ.ReadJSON(write(v), judge.Now)
	if err == nil {
		return ""
	}
	form := ""
	if only := onlyBinary(s.typ, write(v)); only != nil {
		_, err = s.typ.ReadBinary(only, judge.Now)
		form = "in binary form "
	}
	invalid, ok := errors.AsType[*trestle.ValidationError](err)
	if !ok {
		return unreadable
	}
	var rules []string
	for _, violation := range invalid.Violations {
		rules = append(rules, violation.Path+" "+violation.Rule)
	}
	slices.Sort(rules)
	return form + strings.Join(rules, ", ")
}

// onlyBinary is the binary form of an event that its JSON does not hold: with infinities, or numbers of enums that have no
// names. It is nil for any other.
func onlyBinary(typ *event.Type, text []byte) []byte {
	v, ok := typ.New().(event.Binary)
	if !ok {
		return nil
	}
	r := jsonio.NewReader(text)
	if v.DecodeJSON(r); r.Err() == nil && len(r.Faults()) == 0 {
		return nil
	}
	v, r = typ.New().(event.Binary), jsonio.NewReader(text)
	v.DecodeBinaryJSON(r)
	if r.End(); r.Err() != nil || len(r.Faults()) > 0 {
		return nil
	}
	return binaryOf(v)
}

// each visits the fields of a message, and of messages in it.
func (s *messageSampler) each(m *schema.Message, path []*schema.Field, depth int, visit func([]*schema.Field)) {
	for _, f := range m.Fields {
		at := append(path[:len(path):len(path)], f)
		visit(at)
		if inner := values.Innermost(f.Type); inner != nil && depth > 1 && !values.OwnForm(inner) {
			s.each(inner, at, depth-1, visit)
		}
	}
}

// random is an object of candidates that fit.
func (s *messageSampler) random(m *schema.Message) object {
	out := object{}
	for _, f := range m.Fields {
		if s.IntN(3) == 0 && !f.Required {
			continue
		}
		if f.Oneof != nil && s.IntN(len(f.Oneof.Fields)) > 0 {
			continue
		}
		candidates := s.maker.Candidates(f.Type, nil)
		for _, i := range s.Perm(len(candidates)) {
			if s.maker.Fits(f.Type, candidates[i]) {
				out[f.JSONName] = candidates[i]
				break
			}
		}
	}
	return out
}

// more are values that types of protobuf read in more than one form, or not at all, and those that break rules which few
// values break.
func more(t *schema.Type) []any {
	if part := t.Constraints.Rules.GetString().GetNotContains(); part != "" {
		return []any{part, "x" + part, part + part}
	}
	switch {
	case values.IsFloat(t.Kind):
		return []any{"NaN", "Infinity", "-Infinity", "1.5", json.Number("1e39"), json.Number("1e400"), json.Number("-0")}
	case values.IsNumber(t.Kind):
		return []any{"1", "01", "-1", " 1", json.Number("1.0"), json.Number("1e2"), json.Number("1.5"), json.Number("18446744073709551616"), json.Number("-9223372036854775809")}
	case t.Kind == schema.String:
		return []any{"abcdef", "ééééé", "😀😀😀😀😀", "A B C", "12345678"}
	case t.Kind == schema.Bytes:
		return []any{"YQ", "_-8=", "+/8=", "a", "YQ==\n"}
	case t.Kind == schema.EnumKind:
		return []any{num(1), num(2), "1", "nothing", num(0), json.Number("2147483648")}
	case t.Kind == schema.Timestamp:
		around := []any{}
		for _, d := range []time.Duration{
			-20 * time.Minute, -30 * time.Minute, -36 * time.Hour, 20 * time.Minute, 25 * time.Minute, 30 * time.Minute, 36 * time.Hour, 48 * time.Hour,
		} {
			around = append(around, time.Now().Add(d).UTC().Format(time.RFC3339))
		}
		return append(around, "2025-10-16 12:34:56", "2025-10-16T12:34:56.123456789Z", "0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2025-10-16", num(1))
	case t.Kind == schema.Bool:
		return []any{"true", num(1)}
	case t.Kind == schema.MessageKind && t.Message.WellKnown() == "Duration":
		return []any{"1.5s", "-1s", "1000s", "7200.5s", "315576000001s", "1", "banana", "1.0000000001s"}
	case t.Kind == schema.MessageKind && t.Message.WellKnown() == "FieldMask":
		return []any{"", "a,b", "c", "a.b.c", "z,y", "a,z"}
	case t.Kind == schema.MessageKind && t.Message.WellKnown() == "Any":
		return []any{object{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}, object{"@type": "type.googleapis.com/google.protobuf.Empty"}, object{}}
	case t.Kind == schema.MessageKind && t.Message.WellKnown() == "Struct":
		return []any{object{"a": []any{nil, num(1)}}}
	}
	return nil
}
