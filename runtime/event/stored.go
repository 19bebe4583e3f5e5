package event

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
)

// StoredHeaders are a record's headers as databases keep them: a JSON list of {"name": …, "value": …}, the value in base64, null
// for none.
type StoredHeaders []Header

// MarshalJSON implements [json.Marshaler]. A name that is not UTF-8 is mended.
func (h StoredHeaders) MarshalJSON() ([]byte, error) {
	size := 2
	for i := range h {
		size += len(`{"name":"","value":""},`) + len(h[i].Key) + (len(h[i].Value)+2)/3*4
	}
	b := append(make([]byte, 0, size), '[')
	for i := range h {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = jsonio.AppendString(append(b, `{"name":`...), strings.ToValidUTF8(h[i].Key, "\uFFFD")); err != nil {
			return nil, fmt.Errorf("headers of a record: %w", err)
		}
		if b = append(b, `,"value":`...); h[i].Value == nil {
			b = append(b, "null"...)
		} else {
			b = jsonio.AppendBytes(b, h[i].Value)
		}
		b = append(b, '}')
	}
	return append(b, ']'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (h *StoredHeaders) UnmarshalJSON(text []byte) error {
	r := jsonio.NewReader(text)
	*h = nil
	for list := !r.Null() && r.BeginArray(); list && r.More(); {
		var one Header
		for object := r.BeginObject(); object && r.More(); {
			switch r.Name() {
			case "name":
				one.Key = r.String()
			case "value":
				if !r.Null() {
					one.Value = r.Bytes()
				}
			default:
				r.Skip()
			}
		}
		*h = append(*h, one)
	}
	r.End()
	if err := r.Err(); err != nil {
		return fmt.Errorf("headers of a record: %w", err)
	}
	for _, f := range r.Faults() {
		return fmt.Errorf("headers of a record: %s: %s", f.Path, f.Message)
	}
	return nil
}
