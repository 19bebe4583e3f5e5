// Package jsontree parses JSON into a tree whose values know where they stand in the text.
//
// It is strict: a duplicate member name, text that is not UTF-8 and a lone surrogate escape are errors. Numbers keep
// their text.
package jsontree

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxDepth is how deep objects and arrays may nest.
const MaxDepth = 200

// Kind is the kind of a value.
type Kind byte

// The kinds.
const (
	Null   Kind = 'n'
	Bool   Kind = 't'
	Number Kind = '0'
	String Kind = '"'
	Array  Kind = '['
	Object Kind = '{'
)

// String names the kind with its article: "a string".
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	}
	return "nothing"
}

// Place is a position in the text; lines and columns (in characters) start at 1.
type Place struct{ Line, Col int }

// Value is one JSON value.
type Value struct {
	Kind Kind
	Place
	// Text is a string's content, unescaped; a number's text, as written; `true` or `false`.
	Text string
	// Members of an object, in source order.
	Members []Member
	// Items of an array.
	Items []*Value
}

// Member is a member of an object; its place is that of the name.
type Member struct {
	Name string
	Place
	Value *Value
}

// Get returns the member's value, or nil; v may be nil or another kind of value.
func (v *Value) Get(name string) *Value {
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

// ID is the $id of a JSON Schema, which draft-04 calls id, without an empty fragment; empty for none.
func (v *Value) ID() string {
	for _, keyword := range []string{"$id", "id"} {
		if id := v.Get(keyword); id != nil && id.Kind == String && id.Text != "" {
			return strings.TrimSuffix(id.Text, "#")
		}
	}
	return ""
}

// AllMembers are the members of an object; none for nil and any other value.
func (v *Value) AllMembers() []Member {
	if v == nil {
		return nil
	}
	return v.Members
}

// AllItems are the items of an array; none for nil and any other value.
func (v *Value) AllItems() []*Value {
	if v == nil {
		return nil
	}
	return v.Items
}

// IsTrue says whether v is the literal true.
func (v *Value) IsTrue() bool { return v != nil && v.Kind == Bool && v.Text == "true" }

// IsFalse says whether v is the literal false.
func (v *Value) IsFalse() bool { return v != nil && v.Kind == Bool && v.Text == "false" }

// Find follows a JSON pointer (RFC 6901) from v, and returns nil where it leads nowhere.
func (v *Value) Find(pointer string) *Value {
	if pointer == "" {
		return v
	}
	if pointer[0] != '/' {
		return nil
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch {
		case v == nil:
			return nil
		case v.Kind == Object:
			v = v.Get(UnescapeToken(token))
		case v.Kind == Array:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v.Items) || (len(token) > 1 && token[0] == '0') {
				return nil
			}
			v = v.Items[i]
		default:
			return nil
		}
	}
	return v
}

// EscapeToken makes a token of a JSON pointer of a name.
func EscapeToken(name string) string { return escapes.Replace(name) }

var escapes, unescapes = strings.NewReplacer("~", "~0", "/", "~1"), strings.NewReplacer("~1", "/", "~0", "~")

// UnescapeToken is the name that a token of a JSON pointer stands for.
func UnescapeToken(s string) string { return unescapes.Replace(s) }

// AppendJSON appends the value as compact JSON, members in source order, numbers as written.
func (v *Value) AppendJSON(b []byte) []byte {
	switch v.Kind {
	case Null:
		return append(b, "null"...)
	case Bool, Number:
		return append(b, v.Text...)
	case String:
		return appendString(b, v.Text)
	case Array:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, m.Name)
			b = append(b, ':')
			b = m.Value.AppendJSON(b)
		}
		return append(b, '}')
	}
	return b
}

// JSON returns the value as compact JSON.
func (v *Value) JSON() string { return string(v.AppendJSON(nil)) }

// Quote returns s as a JSON string.
func Quote(s string) string { return string(appendString(nil, s)) }

func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Error says what is wrong in the text, and where.
type Error struct {
	Place
	Message string
}

// Error renders line:col: message.
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Message) }
