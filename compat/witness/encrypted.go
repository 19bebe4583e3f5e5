package witness

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Encrypted lets one side of a trail write an event in which the field at its end is encrypted, the old one with backward, and the other read it, for which the field
// is none that is encrypted. It returns what that makes of it, as JSON; nil where no event was found.
func (f *Finder) Encrypted(t Trail, backward bool, encodings []schema.Encoding) *Witness {
	d, writerSet, readerSet := t.forward(), f.new, f.old
	if backward {
		d, writerSet, readerSet = t.backward(), f.old, f.new
	}
	if len(d.steps) == 0 || writerSet.OnWire || readerSet.OnWire {
		return nil
	}
	field := d.steps[len(d.steps)-1].writer
	if reads := d.steps[len(d.steps)-1].reader; reads == nil || reads.EncryptionKey != "" {
		return nil // what becomes of it is for keys to say
	}
	beside := field.Type.SealedBeside()
	if !slices.Contains(encodings, schema.EncodingJSON) {
		if field.Type.Kind == schema.Bytes {
			return nil // in binary it is bytes, which JSON does not show
		}
		beside = field.SealedBesideInBinary()
	}
	writer, err := f.side(writerSet, d.writer)
	if err != nil {
		return nil
	}
	reader, err := f.side(readerSet, d.reader)
	if err != nil {
		return nil
	}
	d.present = true
	for event := range d.events(f.builder) {
		if _, err := writer.read(event); err != nil {
			continue
		}
		text, err := json.Marshal(event)
		if err != nil {
			continue
		}
		v, err := parse(text)
		sealed, ok := v.(map[string]any)
		if err != nil || !ok || !sealAt(d.steps, sealed, beside) {
			continue
		}
		w := &Witness{WrittenBy: d.name}
		switch _, err := reader.read(sealed); {
		case err != nil:
			w.Outcome, w.Detail = Rejected, err.Error()
			if detail, ok := d.blame(err); ok {
				w.Detail = detail
			}
		case beside:
			w.Outcome, w.Detail = Dropped, fmt.Sprintf("%s is encrypted as written, and absent as read", field.JSONName)
		default:
			w.Outcome, w.Detail = Misread, fmt.Sprintf("%s is encrypted as written, and its ciphertext as read", field.JSONName)
		}
		if w.Event, err = values.Render(d.writer, sealed); err == nil {
			return w
		}
	}
	return nil
}

// sealAt puts a text in the place of the value of an object to which steps lead, or beside it; false where there is no value.
func sealAt(steps []way, object map[string]any, beside bool) bool {
	for _, s := range steps[:len(steps)-1] {
		v := object[s.writer.JSONName]
		for t := s.writer.Type; t.Elem != nil; t = t.Elem {
			switch x := v.(type) {
			case []any:
				if len(x) == 0 {
					return false
				}
				v = x[0]
			case map[string]any:
				keys := slices.Sorted(maps.Keys(x))
				if len(keys) == 0 {
					return false
				}
				v = x[keys[0]]
			}
		}
		var ok bool
		if object, ok = v.(map[string]any); !ok {
			return false
		}
	}
	field := steps[len(steps)-1].writer
	name := field.JSONName
	if object[name] == nil {
		return false
	}
	format := encrypt.Text
	if beside {
		format = encrypt.JSON
		delete(object, name)
		name += schema.SealedSuffix
	}
	// As no key has sealed it, it opens nowhere.
	object[name] = string(encrypt.AppendTextOfKey(nil, uuid.Max, format, field.Deterministic)) + strings.Repeat("A", 40)
	return true
}
