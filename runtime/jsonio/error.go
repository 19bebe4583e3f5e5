package jsonio

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Error says that a text is not JSON, or that a value has no JSON form.
type Error struct {
	Path    string // `payload.items[2].x`; empty for the whole text
	Offset  int    // in bytes from the start of the text; -1 when encoding
	Message string
}

// Error renders `path: message at byte offset`, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Offset >= 0 {
		b.WriteString(" at byte ")
		b.WriteString(strconv.Itoa(e.Offset))
	}
	return b.String()
}

// Concealed is an error of reading without what stands where a text stops being JSON, and without the names on the way there: in an
// event that holds what is sensitive, they may be part of it. Other errors are returned as they are.
func Concealed(err error) error {
	broken, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	return &Error{Offset: broken.Offset, Message: "not JSON, or an object has a member twice: what is there is not shown, since the event has sensitive fields"}
}

// Fault is a value that is JSON, and not what was asked for. Reading goes on behind it.
type Fault struct {
	Path    string // from where the reader began: `items[2].quantity`
	Rule    string // `type`, `required`, `format`, `enum.defined_only`
	Message string // what must hold
	Found   string // the value, as JSON, shortened to 64 bytes; empty when there is none or it is sensitive
	Offset  int    // of the value, in bytes from the start of the text; of what is missing, the object's end
}

// At puts field before the path of err. An err that is no [*Error] becomes one; nil stays nil.
func At(err error, field string) error {
	if err == nil {
		return nil
	}
	return prefixed(err, string(appendName(nil, field)))
}

// AtSensitive is [At] for a field that is sensitive: of err it tells nothing, since that may be part of the value.
func AtSensitive(err error, field string) error {
	if err == nil {
		return nil
	}
	return &Error{Path: MemberPath(field), Offset: -1, Message: "has no JSON form, and is not shown: the field is sensitive"}
}

// AtIndex puts [i] before the path of err.
func AtIndex(err error, i int) error {
	if err == nil {
		return nil
	}
	return prefixed(err, string(appendIndex(nil, i)))
}

// AtKey puts ["key"] before the path of err.
func AtKey(err error, key string) error {
	if err == nil {
		return nil
	}
	return prefixed(err, string(appendKey(nil, key)))
}

// prefixed returns a copy, so that an error that is kept elsewhere does not change its path.
func prefixed(err error, prefix string) *Error {
	e, ok := err.(*Error)
	if !ok {
		return &Error{Path: prefix, Offset: -1, Message: err.Error()}
	}
	return &Error{Path: JoinPath(prefix, e.Path), Offset: e.Offset, Message: e.Message}
}

// JoinPath joins two paths: a dot between them unless the second begins with a bracket or one is empty.
func JoinPath(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "":
		return prefix
	case path[0] == '[':
		return prefix + path
	default:
		return prefix + "." + path
	}
}

// MemberPath is the path of a member of an object: its name, or `["a name"]` where dots would mislead.
func MemberPath(name string) string { return string(appendName(nil, name)) }

// PlainPath is a path in which entries of maps stand as members of objects do. By it a place is known that one wrote who
// knows that it is in a map, and another who does not.
func PlainPath(path string) string {
	var b []byte
	for {
		before, _, quoted := strings.Cut(path, `["`)
		if b = append(b, before...); !quoted {
			return string(b)
		}
		path = path[len(before)+1:]
		d := json.NewDecoder(strings.NewReader(path))
		key, _ := d.Token()
		name, _ := key.(string)
		b = appendName(b, name)
		path = path[min(int(d.InputOffset())+1, len(path)):]
	}
}

// appendName appends a member's name to a path: `.name`, or `["a name"]` where dots would mislead.
func appendName(b []byte, name string) []byte {
	if name == "" || strings.IndexFunc(name, needsQuotes) >= 0 {
		return appendKey(b, name)
	}
	if len(b) > 0 {
		b = append(b, '.')
	}
	return append(b, name...)
}

func needsQuotes(r rune) bool {
	return r < 0x80 && r != '_' && r != '-' && r != '$' && r != '@' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
}

func appendKey(b []byte, key string) []byte {
	b = append(b, '[')
	b = appendQuoted(b, key)
	return append(b, ']')
}

func appendIndex(b []byte, i int) []byte {
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(i), 10)
	return append(b, ']')
}
