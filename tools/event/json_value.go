package event

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// jsonValue is a message of a JSON Schema.
type jsonValue struct {
	t      *Type
	o      *object
	unread violations
	// valid is the last text that was valid: publishing reads, completes and validates, and what it completed was complete.
	valid []byte
}

func newJSONValue(t *Type) *jsonValue { return &jsonValue{t: t, o: newObject(t.message)} }

func (x *jsonValue) AppendJSON(b []byte) ([]byte, error) { return x.o.appendJSON(b) }

func (x *jsonValue) DecodeJSON(r *jsonio.Reader) { x.o.decode(r) }

func (x *jsonValue) SetDefaults(now time.Time) { x.unread = x.o.setDefaults(now) }

func (x *jsonValue) Validate() error {
	validator, err := x.t.json()
	if err != nil {
		return fmt.Errorf("validate %s: %w", x.t.message.FullName, err)
	}
	text, err := x.o.appendJSON(nil)
	if err != nil {
		return fmt.Errorf("validate %s: %w", x.t.message.FullName, err)
	}
	if len(x.unread) == 0 && x.valid != nil && bytes.Equal(text, x.valid) {
		return nil
	}
	err = validator.validate(text)
	if len(x.unread) == 0 {
		if err == nil {
			x.valid = text
		}
		return err
	}
	invalid, ok := errors.AsType[*trestle.ValidationError](err)
	if !ok {
		invalid = &trestle.ValidationError{}
	}
	return x.unread.err(x.t.message.FullName, invalid.Violations)
}

func (x *jsonValue) text(path []string) (string, bool) {
	o := x.o
	for i, name := range path {
		f := o.message.Field(name)
		if f == nil {
			return "", false
		}
		switch v := o.get(f).(type) {
		case string:
			if i < len(path)-1 || f.Type.Kind != schema.String {
				return "", false
			}
			return v, v != "" || !f.Required // an empty id that must be there is absent
		case *object:
			o = v
		default:
			return "", false
		}
	}
	return "", false
}

func (x *jsonValue) setText(f *schema.Field, s string) { x.o.set(f, s) }

func (x *jsonValue) time(f *schema.Field) (time.Time, bool) {
	t, ok := x.o.get(f).(time.Time)
	return t, ok && !t.IsZero()
}

func (x *jsonValue) setTime(f *schema.Field, t time.Time) { x.o.set(f, t) }
