package jsonedit

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Value is a JSON value. Those that [Parse] returns and what is made of them share parts, and are not to be changed.
type Value struct {
	// Kind is what the value begins with: one of `{["0tfn`, where 0 is any number.
	Kind byte
	// Text is that of a string, a number, true, false or null, as it stands; nil for objects and arrays.
	Text []byte
	// Members are an object's, in their order, and Elements an array's.
	Members  []Member
	Elements []*Value
	// Start is where the value stands in the text that was parsed, in bytes; 0 of what was made otherwise.
	Start int
}

// Member is one of an object.
type Member struct {
	Name  string
	Value *Value
	// Start is where the name stands in the text that was parsed, in bytes.
	Start int
}

// Parse reads a JSON text. The error is a [jsonio.Error]: the text is not JSON, or an object has a member twice, of which readers take
// now the one, now the other.
func Parse(text []byte) (*Value, error) {
	r := jsonio.NewReader(text)
	v := parse(r, text)
	r.End()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

func parse(r *jsonio.Reader, text []byte) *Value {
	v := &Value{Kind: r.Kind(), Start: r.Offset()}
	switch v.Kind {
	case '{':
		names := map[string]bool{}
		for ok := r.BeginObject(); ok && r.More(); {
			name := strings.Clone(r.Name())
			if names[name] {
				r.Twice()
			}
			names[name] = true
			inner := parse(r, text)
			v.Members = append(v.Members, Member{name, inner, nameStart(text, inner.Start)})
		}
	case '[':
		for ok := r.BeginArray(); ok && r.More(); {
			v.Elements = append(v.Elements, parse(r, text))
		}
	default:
		start, end := r.Span()
		v.Text = text[start:end:end]
	}
	return v
}

// nameStart is where the name of a member begins whose value stands at a place of checked text.
func nameStart(text []byte, value int) int {
	end := bytes.LastIndexByte(text[:max(value, 0)], ':')
	for end--; end > 0 && text[end] != '"'; end-- {
	}
	for i := end - 1; i >= 0; i-- { // the quote that no backslashes, or an even number of them, stand before
		if text[i] != '"' {
			continue
		}
		slashes := 0
		for i-slashes > 0 && text[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
	return max(end, 0)
}

// String makes a string's value.
func String(s string) *Value {
	text, err := jsonio.AppendString(nil, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		panic("jsonedit: valid UTF-8 refused: " + err.Error())
	}
	return &Value{Kind: '"', Text: text}
}

// Member returns the value of a member, nil where there is none.
func (v *Value) Member(name string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return v.Members[i].Value
		}
	}
	return nil
}

// With returns an object that has another member of that name: in its place, or behind the others.
func (v *Value) With(name string, value *Value) *Value {
	out := &Value{Kind: '{', Start: v.Start, Members: slices.Clone(v.Members)}
	if i := v.index(name); i >= 0 {
		out.Members[i].Value = value
	} else {
		out.Members = append(out.Members, Member{Name: name, Value: value})
	}
	return out
}

func (v *Value) index(name string) int {
	return slices.IndexFunc(v.Members, func(m Member) bool { return m.Name == name })
}

// Append appends the value's text, without white space between its parts.
func (v *Value) Append(b []byte) []byte {
	switch v.Kind {
	case '{':
		b = append(b, '{')
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, String(m.Name).Text...), ':')
			b = m.Value.Append(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, e := range v.Elements {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.Append(b)
		}
		return append(b, ']')
	}
	return append(b, v.Text...)
}

// Same says whether two values are written alike, but for the order of members; either may be nil, for none.
func Same(a, b *Value) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case a == b:
		return true
	case a.Kind != b.Kind || len(a.Members) != len(b.Members) || !bytes.Equal(a.Text, b.Text):
		return false
	}
	for _, m := range a.Members {
		if !Same(m.Value, b.Member(m.Name)) {
			return false
		}
	}
	return slices.EqualFunc(a.Elements, b.Elements, Same)
}

// Merge applies a JSON Merge Patch, RFC 7386: of an object, members that the patch has as null are taken away, its others replace or join
// those of their names, objects member by member; a patch that is no object replaces all. The target may be nil, for none.
func Merge(target, patch *Value) *Value {
	if patch.Kind != '{' {
		return patch
	}
	out := &Value{Kind: '{'}
	if target != nil && target.Kind == '{' {
		out.Start, out.Members = target.Start, slices.Clone(target.Members)
	}
	for _, m := range patch.Members {
		i := out.index(m.Name)
		switch {
		case m.Value.Kind == 'n' && i >= 0:
			out.Members = slices.Delete(out.Members, i, i+1)
		case m.Value.Kind == 'n':
		case i >= 0:
			out.Members[i].Value = Merge(out.Members[i].Value, m.Value)
		default:
			out.Members = append(out.Members, Member{Name: m.Name, Value: Merge(nil, m.Value)})
		}
	}
	return out
}

// LineColumn are those of a place in a text, from 1. Columns are characters.
func LineColumn(text []byte, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
