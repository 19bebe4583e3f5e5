// Package redact shows generated types that hold what their schemas mark sensitive: in what fmt and slog write of them
// stands "***" in its place.
package redact

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Value is a value of a generated type.
type Value interface {
	AppendJSON(b []byte) ([]byte, error)
}

// Format writes, for any verb, the JSON of x without what the masks hide, which describe its type by that name.
func Format(s fmt.State, x Value, masks jsonio.Masks, name string) {
	_, _ = s.Write(shown(x, masks, name))
}

// LogValue is that JSON as a value for slog: slog's JSON handler writes it as an object.
func LogValue(x Value, masks jsonio.Masks, name string) slog.Value {
	text := shown(x, masks, name)
	if !json.Valid(text) {
		return slog.StringValue(string(text))
	}
	return slog.AnyValue(json.RawMessage(text))
}

func shown(x Value, masks jsonio.Masks, name string) []byte {
	text, err := x.AppendJSON(nil)
	if err == nil {
		text, err = masks.Hide(text, name)
	}
	if err != nil {
		return fmt.Appendf(nil, "%s that has no JSON form: %v", name, err)
	}
	return text
}

// FormatHidden writes "***", for what is sensitive as a whole.
func FormatHidden(s fmt.State) { _, _ = io.WriteString(s, jsonio.Hidden) }

// LogHidden is "***" as a value for slog.
func LogHidden() slog.Value { return slog.StringValue(jsonio.Hidden) }
