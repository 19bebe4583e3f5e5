package witness

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// differ compares the element at the end of the steps in what both sides have, wherever it occurs.
func (d direction) differ(written, got map[string]any) (outcome Outcome, detail string) {
	for w, g := range pairsAlong(d.steps[:len(d.steps)-1], written, got) {
		if outcome, detail = differAt(d.steps[len(d.steps)-1], w, g); outcome != "" {
			break
		}
	}
	return outcome, detail
}

// Differ says what becomes of a field of the writer's when a message is read: dropped, misread, or nothing. The reader's field is nil where it
// has none; written and got are the message as both have it, its numbers as [json.Number].
func Differ(writer, reader *schema.Field, written, got map[string]any) (outcome Outcome, detail string) {
	return differAt(way{writer, reader}, written, got)
}

func differAt(s way, written, got map[string]any) (Outcome, string) {
	if s.writer == nil {
		return "", ""
	}
	name := s.writer.JSONName
	before, was := written[name]
	if s.reader == nil {
		if !was || nothing(s.writer, before) {
			return "", ""
		}
		return Dropped, fmt.Sprintf("%s is %s as written, and the reader has no such field", name, short(before))
	}
	after, is := got[s.reader.JSONName]
	switch {
	case was && is && equal(before, after):
		return "", ""
	case was && !nothing(s.writer, before) && nothing(s.reader, after):
		return Dropped, fmt.Sprintf("%s is %s as written, and absent as read", name, short(before))
	case was && is && !nothing(s.writer, before):
		return Misread, fmt.Sprintf("%s is %s as written, and %s as read", name, short(before), short(after))
	case !nothing(s.reader, after):
		return Misread, fmt.Sprintf("%s is absent as written, and %s as read", name, short(after))
	}
	return "", ""
}

// nothing says whether a field's value is as good as absent: empty, or zero where the field has no presence.
func nothing(f *schema.Field, v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return !f.Explicit && (x == "" || f.Type.Kind == schema.EnumKind && isZero(f.Type.Enum, x))
	case bool:
		return !f.Explicit && !x
	case json.Number:
		return !f.Explicit && equal(x, json.Number("0"))
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

// isZero says whether a name is that of an enum's value 0.
func isZero(e *schema.Enum, name string) bool {
	return slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.Number == 0 && v.JSONName == name })
}

func short(v any) string {
	const most = 60
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}
