package event

import (
	"fmt"
	"time"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// jsonEvent is an event of a JSON Schema.
type jsonEvent struct {
	info      *trestle.EventInfo
	event     *schema.Event
	validator func() (jsonValidator, error)
	o         *object
}

func newJSONEvent(info *trestle.EventInfo, e *schema.Event, validator func() (jsonValidator, error)) *jsonEvent {
	return &jsonEvent{info, e, validator, newObject(e.Message)}
}

func (x *jsonEvent) EventInfo() *trestle.EventInfo { return x.info }

func (x *jsonEvent) ShareEnvelope(env *trestle.Envelope, v *trestle.Violations) {
	shareEnvelope(x, x.event.Message, x.info.Envelope, env, v)
}

func (x *jsonEvent) PartitionKey(env *trestle.Envelope) string { return partitionKey(x, x.event, env) }

func (x *jsonEvent) AppendJSON(b []byte) ([]byte, error) { return x.o.appendJSON(b) }

func (x *jsonEvent) DecodeJSON(r *jsonio.Reader) { x.o.decode(r) }

func (x *jsonEvent) SetDefaults(now time.Time) { x.o.setDefaults(now) }

func (x *jsonEvent) Validate() error {
	validator, err := x.validator()
	if err != nil {
		return fmt.Errorf("validate %s: %w", x.info.FullName, err)
	}
	text, err := x.o.appendJSON(nil)
	if err != nil {
		return fmt.Errorf("validate %s: %w", x.info.FullName, err)
	}
	return validator.validate(text)
}

func (x *jsonEvent) text(path []string) (string, bool) {
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

func (x *jsonEvent) setText(f *schema.Field, s string) { x.o.set(f, s) }

func (x *jsonEvent) time(f *schema.Field) (time.Time, bool) {
	t, ok := x.o.get(f).(time.Time)
	return t, ok && !t.IsZero()
}

func (x *jsonEvent) setTime(f *schema.Field, t time.Time) { x.o.set(f, t) }
