package witness

import (
	"encoding/json"
	"errors"
	"time"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
)

// present is the time at which events are written and read: always the same, so that outcomes are, too.
var present = time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)

func newSchemas(set *schema.Set) *event.Schemas {
	return event.New(set, event.WithNow(func() time.Time { return present }))
}

// side reads and writes events as one version of a schema does.
type side struct {
	*event.Type
	last reading
}

// reading is what a side read last.
type reading struct {
	text string
	kept map[string]any
	err  error
}

func newSide(schemas *event.Schemas, m *schema.Message) (*side, error) {
	t, err := schemas.Type(m)
	if err != nil {
		return nil, err
	}
	return &side{Type: t}, nil
}

// binary says whether events have a binary form, too.
func (s *side) binary() bool { return s.Message().HasBinary() }

// read returns what the side keeps of an event, defaults filled in; the error says why it rejects the event. What is returned
// is not to be changed: the same event often shows one change after another, and is read once for all of them.
func (s *side) read(event map[string]any) (map[string]any, error) {
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	if s.last.kept == nil && s.last.err == nil || s.last.text != string(text) {
		kept, err := s.readText(text)
		s.last = reading{string(text), kept, err}
	}
	return s.last.kept, s.last.err
}

func (s *side) readText(text []byte) (map[string]any, error) {
	v, err := s.ReadJSON(text, present)
	if err != nil {
		return nil, asRejection(err)
	}
	return content(v.AppendJSON)
}

// write returns the binary form of an event as it is, without defaults: not every writer fills them in. The event may have
// what only that form can hold.
func (s *side) write(candidate map[string]any) ([]byte, error) {
	text, err := json.Marshal(rawAsArrays(candidate))
	if err != nil {
		return nil, err
	}
	v, ok := s.New().(event.Binary)
	if !ok {
		return nil, errors.New("a JSON Schema has no binary form")
	}
	r := jsonio.NewReader(text)
	v.DecodeBinaryJSON(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	var faults trestle.Violations
	faults.AddFaults(r.Faults())
	if err := faults.Err(s.Message().FullName); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(v)
}

// readBytes is read for the binary form.
func (s *side) readBytes(data []byte) (map[string]any, error) {
	v, err := s.ReadBinary(data, present)
	if err != nil {
		return nil, asRejection(err)
	}
	kept, err := content(v.(event.Binary).AppendBinaryJSON)
	if err != nil {
		return nil, err
	}
	return declared(s.Message(), kept), nil
}

// content is a message as JSON values.
func content(write func([]byte) ([]byte, error)) (map[string]any, error) {
	text, err := write(nil)
	if err != nil {
		return nil, err
	}
	v, err := parse(text)
	object, _ := v.(map[string]any)
	return object, err
}

// now is the time that stands for the present in defaults; any will do.
const now = `"2025-10-16T12:34:56Z"`

// DefaultOf returns a field's default as a JSON value; ok is false where it has none.
func DefaultOf(f *schema.Field) (v any, ok bool) {
	text := f.Default
	switch text {
	case "":
		return nil, false
	case "now":
		text = now
	}
	v, err := parse([]byte(text))
	return v, err == nil
}
