package event

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsonvalidate"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// explanation turns the validator's tree of errors into violations as generated validators report them.
type explanation struct {
	typ   *schema.Type
	value any
	found []explained
}

// explained is a violation with its place among the others.
type explained struct {
	trestle.Violation
	order []int
}

func (e *explanation) sorted() []explained {
	slices.SortStableFunc(e.found, func(a, b explained) int {
		return cmp.Or(slices.Compare(a.order, b.order), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
	})
	return e.found
}

// add reports what the validator found.
func (e *explanation) add(err *jsonschema.ValidationError) {
	jsonvalidate.Explain(err, e.value, func(f jsonvalidate.Finding) { e.report(f.Location, f.Rule, f.Message, f.ForKey) })
}

// report adds a violation at a location, which is walked to name it and to see what is there.
func (e *explanation) report(location []string, rule, text string, forKey bool) {
	out := explained{Violation: trestle.Violation{Rule: rule, Message: text, ForKey: forKey}}
	value, sensitive := e.value, false
	inSensitive := false // names inside what is sensitive may be part of it
	t := e.typ
	for _, name := range location {
		step := "" // of the path
		var inner *schema.Type
		if m := variant(t, value); m != nil {
			t = &schema.Type{Kind: schema.MessageKind, Message: m}
		}
		switch {
		case t != nil && t.Kind == schema.MessageKind && t.Message.Field(name) != nil:
			f := t.Message.Field(name)
			out.order = append(out.order, slices.Index(t.Message.Fields, f))
			step, inner, sensitive = name, f.Type, sensitive || f.Sensitive
		case t != nil && t.Kind == schema.MessageKind:
			step, inner = name, t.Message.Undeclared
			out.order = append(out.order, 1<<30)
		case t != nil && t.Kind == schema.Map:
			step, inner = "["+strconv.Quote(name)+"]", t.Elem
			out.order = append(out.order, 0)
		default:
			step = name
			out.order = append(out.order, 1<<30)
		}
		switch v := value.(type) {
		case []any:
			if t != nil && t.Kind == schema.List {
				inner = t.Elem
			}
			step, value = "["+name+"]", nil
			if i, err := strconv.Atoi(name); err == nil && i < len(v) {
				value = v[i]
				out.order[len(out.order)-1] = i
			}
		case map[string]any:
			value = v[name]
		default:
			value = nil
		}
		t = inner
		if !inSensitive {
			out.Path = jsonio.JoinPath(out.Path, step)
		}
		inSensitive = sensitive
	}
	if !sensitive {
		out.Found = foundJSON(value)
	}
	e.found = append(e.found, out)
}

// variant is the message of a union that an object is; nil for others.
func variant(t *schema.Type, value any) *schema.Message {
	object, _ := value.(map[string]any)
	if t == nil || t.Union == nil || object == nil {
		return nil
	}
	text, _ := object[t.Union.Property].(string)
	return variantOf(t.Union, text)
}

// foundJSON renders a scalar; objects and arrays are not shown.
func foundJSON(v any) string {
	switch v.(type) {
	case nil, []any, map[string]any:
		return ""
	}
	return jsonio.Excerpt(v)
}
