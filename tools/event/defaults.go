package event

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// violations are what is wrong with a value, beside what others find.
type violations []trestle.Violation

// err is what is wrong with a value, its defaults included.
func (u violations) err(fullName string, others []trestle.Violation) error {
	var all trestle.Violations
	for _, list := range [][]trestle.Violation{u, others} {
		for _, v := range list {
			all.Report(v)
		}
	}
	return all.Err(fullName)
}

// under puts what a value's fields lead to under a place, which is only made where there is something.
func (u violations) under(at func() string, inner violations) violations {
	for _, v := range inner {
		v.Path = jsonio.JoinPath(at(), v.Path)
		u = append(u, v)
	}
	return u
}

// readDefault reads a default. Where it is no value of its field it is not filled in: generated code refuses such a schema;
// here it is the event that lacks the field which is not valid.
func readDefault(f *schema.Field, read func(r *jsonio.Reader)) (u violations) {
	r := jsonio.NewReader([]byte(f.Default))
	read(r)
	var v trestle.Violations
	v.AddFaults(r.Faults())
	if err := r.Err(); err != nil {
		v.Report(trestle.Violation{Rule: "type", Message: "has a default that is no JSON"})
	}
	return violations(nil).under(func() string { return jsonio.MemberPath(f.JSONName) }, v.List())
}

// defaults fills fields that are absent and have a default.
func (p protoForm) defaults(sm *schema.Message, m protoreflect.Message, now time.Time) (u violations) {
	for _, f := range sm.Fields {
		fd := fieldOf(m, f)
		if f.Default != "" && f.Oneof == nil && !m.Has(fd) {
			if f.Default == "now" {
				if f.Type.Kind == schema.Timestamp {
					v := m.NewField(fd)
					storeTime(v.Message(), now)
					m.Set(fd, v)
				}
			} else {
				wrong := readDefault(f, func(r *jsonio.Reader) { p.decodeField(r, f, m) })
				if u = append(u, wrong...); wrong != nil {
					m.Clear(fd)
				}
			}
		}
		name := func() string { return jsonio.MemberPath(f.JSONName) }
		switch t := f.Type; {
		case t.Kind == schema.MessageKind && m.Has(fd):
			u = u.under(name, p.messageDefaults(t, m.Mutable(fd).Message(), now))
		case t.Kind == schema.List && t.Elem.Kind == schema.MessageKind:
			list := m.Get(fd).List()
			for i := range list.Len() {
				u = u.under(func() string { return name() + "[" + strconv.Itoa(i) + "]" }, p.messageDefaults(t.Elem, list.Get(i).Message(), now))
			}
		case t.Kind == schema.Map && t.Elem.Kind == schema.MessageKind:
			m.Get(fd).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				u = u.under(func() string { return name() + "[" + strconv.Quote(k.String()) + "]" }, p.messageDefaults(t.Elem, v.Message(), now))
				return true
			})
		}
	}
	return u
}

func (p protoForm) messageDefaults(t *schema.Type, m protoreflect.Message, now time.Time) violations {
	if foreign(t.Message) {
		return nil
	}
	return p.defaults(t.Message, m, now)
}

// setDefaults fills properties that are absent and have a default.
func (o *object) setDefaults(now time.Time) (u violations) {
	for i, f := range o.message.Fields {
		if o.values[i] == nil && f.Default != "" && !o.nulls.Has(f.JSONName) {
			if f.Default != "now" {
				wrong := readDefault(f, func(r *jsonio.Reader) { o.values[i] = decodeJSON(r, f.Type) })
				if u = append(u, wrong...); wrong != nil {
					o.values[i] = nil
				}
			} else if f.Type.Kind == schema.Timestamp {
				o.values[i] = now
			}
		}
		u = u.under(func() string { return jsonio.MemberPath(f.JSONName) }, defaultsWithin(o.values[i], now))
	}
	for name, v := range o.rest {
		u = u.under(func() string { return jsonio.MemberPath(name) }, defaultsWithin(v, now))
	}
	return u
}

func defaultsWithin(v any, now time.Time) (u violations) {
	switch v := v.(type) {
	case *object:
		return v.setDefaults(now)
	case []any:
		for i, e := range v {
			u = u.under(func() string { return "[" + strconv.Itoa(i) + "]" }, defaultsWithin(e, now))
		}
	case map[string]any:
		for k, e := range v {
			u = u.under(func() string { return "[" + strconv.Quote(k) + "]" }, defaultsWithin(e, now))
		}
	}
	return u
}
