package records

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/omninode/trestle/compat/witness"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// loss is what becomes of one field of an event that is read by the edited schema.
type loss struct {
	path    string
	outcome witness.Outcome
	found   string // as the old schema reads it, as JSON; empty: not to be shown
}

// losses compares an event as the old schema reads it and as the new one does: what is gone, and what is another.
func losses(before, after trestle.Event, old, next *schema.Message, binary bool) ([]loss, error) {
	was, err := content(before, binary)
	if err != nil {
		return nil, err
	}
	is, err := content(after, binary)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(was, is) {
		return nil, nil
	}
	c := comparing{byNumber: binary}
	written, err := parse(was)
	if err != nil {
		return nil, err
	}
	got, err := parse(is)
	if err != nil {
		return nil, err
	}
	c.messages(old, next, written, got, "")
	return c.found, nil
}

// content is an event as JSON; of a binary one that which holds what the binary form does.
func content(e trestle.Event, binary bool) ([]byte, error) {
	if b, ok := e.(event.Binary); ok && binary {
		return b.AppendBinaryJSON(nil)
	}
	return e.AppendJSON(nil)
}

func parse(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out map[string]any
	return out, d.Decode(&out)
}

// comparing finds what differs between two readings of an event.
type comparing struct {
	byNumber bool // fields are the same by their numbers, else by their names in JSON
	found    []loss
}

func (c *comparing) messages(old, next *schema.Message, written, got map[string]any, path string) {
	for _, f := range old.Fields {
		value, there := written[f.JSONName]
		if !there {
			continue
		}
		at := jsonio.JoinPath(path, jsonio.MemberPath(f.JSONName))
		g := c.counterpart(f, next)
		if g == nil && (next.KeepUnknown || next.Undeclared != nil) {
			g = f // it is kept as it is
		}
		if g != nil && c.within(f.Type, g.Type, value, got[g.JSONName], at) {
			continue
		}
		outcome, _ := witness.Differ(f, g, written, got)
		if outcome == "" {
			continue
		}
		l := loss{path: at, outcome: outcome, found: jsonio.Excerpt(jsonio.Raw(excerptOf(value)))}
		if f.Sensitive || g != nil && g.Sensitive || old.InSensitive || holds(f.Type) {
			l.found = ""
		}
		c.found = append(c.found, l)
	}
}

func holds(t *schema.Type) bool { return t.HoldsSensitive() }

func excerptOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// counterpart is the field of the new message that an old field's value is read into, nil where there is none.
func (c *comparing) counterpart(f *schema.Field, next *schema.Message) *schema.Field {
	if !c.byNumber || f.Number == 0 {
		return next.Field(f.JSONName)
	}
	for _, g := range next.Fields {
		if g.Number == f.Number {
			return g
		}
	}
	return nil
}

// within compares what stands in messages, lists and maps of them; it says false of all else, and where one of the values has another shape.
func (c *comparing) within(old, next *schema.Type, value, got any, path string) bool {
	if old.Kind != next.Kind {
		return false
	}
	switch old.Kind {
	case schema.MessageKind:
		w, isW := value.(map[string]any)
		g, isG := got.(map[string]any)
		if !isW || !isG || len(old.Message.Fields) == 0 {
			return false
		}
		c.messages(old.Message, next.Message, w, g, path)
		return true
	case schema.List:
		w, isW := value.([]any)
		g, isG := got.([]any)
		if !isW || !isG || len(w) != len(g) || old.Elem.Kind != schema.MessageKind {
			return false
		}
		for i := range w {
			if !c.within(old.Elem, next.Elem, w[i], g[i], path+"["+strconv.Itoa(i)+"]") {
				return false
			}
		}
		return true
	case schema.Map:
		w, isW := value.(map[string]any)
		g, isG := got.(map[string]any)
		if !isW || !isG || len(w) != len(g) || old.Elem.Kind != schema.MessageKind {
			return false
		}
		for key := range w {
			if !c.within(old.Elem, next.Elem, w[key], g[key], path+"["+strconv.Quote(key)+"]") {
				return false
			}
		}
		return true
	}
	return false
}
