package confluent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/jsonio"
)

// value is a JSON value, and where it stands.
type value struct {
	kind       byte // what it begins with, 0 for a number
	start, end int
	members    []member
	items      []*value
	text       string // of a string
	changed    bool   // the text is another than stands there
}

type member struct {
	name  string
	value *value
}

// parseValue reads a JSON text.
func parseValue(text []byte) (*value, error) {
	r := jsonio.NewReader(text)
	v := readValue(r, text)
	r.End()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

func readValue(r *jsonio.Reader, text []byte) *value {
	v := &value{kind: r.Kind()}
	switch v.kind {
	case '{':
		for r.BeginObject(); r.More(); {
			name := strings.Clone(r.Name())
			v.members = append(v.members, member{name, readValue(r, text)})
		}
	case '[':
		for r.BeginArray(); r.More(); {
			v.items = append(v.items, readValue(r, text))
		}
	default:
		if v.start, v.end = r.Span(); v.kind == '"' && v.end > v.start {
			v.text = string(jsonio.AppendText(nil, text[v.start:v.end]))
		}
	}
	return v
}

// any is the value as a validator takes it.
func (v *value) any(text []byte) any {
	switch v.kind {
	case '{':
		out := make(map[string]any, len(v.members))
		for _, m := range v.members {
			out[m.name] = m.value.any(text)
		}
		return out
	case '[':
		out := make([]any, len(v.items))
		for i, item := range v.items {
			out[i] = item.any(text)
		}
		return out
	case '"':
		return v.text
	case 'n':
		return nil
	case '0':
		return json.Number(text[v.start:v.end])
	}
	return v.kind == 't'
}

// append appends the text with the strings in it that have changed.
func (v *value) append(b, text []byte) ([]byte, error) {
	var err error
	from := 0
	var walk func(v *value)
	walk = func(v *value) {
		for _, m := range v.members {
			walk(m.value)
		}
		for _, item := range v.items {
			walk(item)
		}
		if v.changed && err == nil {
			b = append(b, text[from:v.start]...)
			b, err = jsonio.AppendString(b, v.text)
			from = v.end
		}
	}
	walk(v)
	return append(b, text[from:]...), err
}

// jsonFields walks a value by its schema, the way that Confluent's clients do, and changes the fields of a step.
type jsonFields struct {
	text []byte
	tags pathTags
	step *step
	// change returns another text for a field's.
	change func(text string) (string, error)
	write  bool
	depth  int
	failed []fieldFailure
}

// maxWalk bounds how deep a walk goes: into values, and through schemas that refer to one another.
const maxWalk = 4 * jsonio.MaxDepth

// fieldFailure is a field that could not be changed.
type fieldFailure struct {
	path string
	err  error
}

// errKind says of a field that it is tagged, and is none of those that can be encrypted.
var errKind = errors.New("its schema has it encrypted, and only strings, and bytes of protobuf, can be")

// field is where a walk is: the property that it came to last.
type field struct {
	path   string // of schemas: $.lines.note
	shown  string // of values: lines[2].note
	tagged bool
}

// walk changes the fields of a value. It stops at an error of keys.
func (w *jsonFields) walk(n *node, v *value, at *field) error {
	if v.kind == 'n' {
		return nil
	}
	if w.depth++; w.depth > maxWalk {
		return w.fail(at, errors.New("its schema refers to itself without end"))
	}
	defer func() { w.depth-- }()
	if len(n.typed) > 0 {
		for _, b := range n.typed {
			if b.takes(v.any(w.text)) {
				return w.walk(b.node, v, at)
			}
		}
	}
	if n.combined {
		return w.combined(n, v, at)
	}
	if n.tupled && v.kind == '[' {
		return w.fail(at, errors.New("its schema lists the items of an array one by one, which Confluent's clients do not read either"))
	}
	if n.items != nil && v.kind == '[' {
		return w.elements(n.items, v, at)
	}
	if n.ref != nil {
		return w.walk(n.ref, v, at)
	}
	switch n.kind {
	case recordKind:
		return w.properties(n, v, at)
	case stringKind, plainKind:
		if at != nil && at.tagged {
			return w.leaf(n, v, at)
		}
	}
	return nil
}

func (w *jsonFields) combined(n *node, v *value, at *field) error {
	switch {
	case n.allOf != nil:
		for _, child := range n.allOf {
			if err := w.walk(child, v, at); err != nil {
				return err
			}
		}
	case n.oneOf != nil:
		for _, b := range n.oneOf {
			if b.takes(v.any(w.text)) {
				if err := w.walk(b.node, v, at); err != nil {
					return err
				}
				break
			}
		}
	default:
		for _, b := range n.anyOf {
			if b.takes(v.any(w.text)) {
				if err := w.walk(b.node, v, at); err != nil {
					return err
				}
			}
		}
	}
	if err := w.properties(n, v, at); err != nil || n.items == nil || v.kind != '[' {
		return err
	}
	return w.elements(n.items, v, at)
}

func (w *jsonFields) elements(n *node, v *value, at *field) error {
	for i, item := range v.items {
		var below *field
		if at != nil {
			below = &field{at.path, at.shown + "[" + strconv.Itoa(i) + "]", at.tagged}
		}
		if err := w.walk(n, item, below); err != nil {
			return err
		}
	}
	return nil
}

func (w *jsonFields) properties(n *node, v *value, at *field) error {
	if v.kind != '{' {
		return nil
	}
	parent := field{path: "$"}
	if at != nil {
		parent = *at
	}
	for _, m := range v.members {
		for _, p := range n.properties {
			if p.name != m.name {
				continue
			}
			below := field{path: parent.path + "." + p.name, shown: jsonio.JoinPath(parent.shown, jsonio.MemberPath(p.name))}
			below.tagged = w.step.has(w.tags.of(below.path, p.tags))
			if err := w.walk(p.node, m.value, &below); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaf changes a field.
func (w *jsonFields) leaf(n *node, v *value, at *field) error {
	if n.kind != stringKind || v.kind != '"' {
		if !w.write {
			return nil
		}
		return w.fail(at, errKind)
	}
	changed, err := w.change(v.text)
	switch {
	case err != nil && isKeyError(err):
		return fmt.Errorf("%s: %w", at.shown, err)
	case err != nil:
		return w.fail(at, err)
	case !utf8.ValidString(changed):
		return w.fail(at, errors.New("what was encrypted is no text"))
	}
	v.text, v.changed = changed, true
	return nil
}

func (w *jsonFields) fail(at *field, err error) error {
	path := ""
	if at != nil {
		path = at.shown
	}
	w.failed = append(w.failed, fieldFailure{path, err})
	return nil
}
