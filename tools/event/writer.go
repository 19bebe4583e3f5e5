package event

import "github.com/omninode/trestle/runtime/jsonio"

// appendList appends a list of n items.
func appendList(b []byte, n int, item func(b []byte, i int) ([]byte, error)) (_ []byte, err error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = item(b, i); err != nil {
			return b, jsonio.AtIndex(err, i)
		}
	}
	return append(b, ']'), nil
}

// objectWriter writes the members of an object.
type objectWriter struct {
	b     []byte
	err   error
	begun bool
}

// member writes a member, and at puts its place before what fails.
func (w *objectWriter) member(name string, at func(error, string) error, value func(b []byte) ([]byte, error)) {
	if w.err != nil {
		return
	}
	if w.begun {
		w.b = append(w.b, ',')
	} else {
		w.b = append(w.b, '{')
	}
	w.begun = true
	if w.b, w.err = jsonio.AppendString(w.b, name); w.err != nil {
		return
	}
	if w.b, w.err = value(append(w.b, ':')); w.err != nil {
		w.err = at(w.err, name)
	}
}

func (w *objectWriter) end() ([]byte, error) {
	if w.err == nil && !w.begun {
		w.b = append(w.b, '{')
	}
	return append(w.b, '}'), w.err
}
