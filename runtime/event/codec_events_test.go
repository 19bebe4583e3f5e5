package event_test

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// The events of the codec's tests, written by hand as the generator would: a request in an onex envelope, a hook that
// keeps unknown members, one in protobuf and one without an envelope.

var (
	analyses = &event.TopicInfo{Name: "analyses", EventTypes: []string{"Analysis"}, MaxMessageBytes: 4096}
	hooks    = &event.TopicInfo{Name: "hooks", EventTypes: []string{"service.started", "service.stopped"}}
	notes    = &event.TopicInfo{Name: "notes", EventTypes: []string{"Note"}}

	analysisInfo = event.EventInfo{
		Type: "Analysis", FullName: "test.Analysis", Role: event.RoleRequest, Envelope: wire.OnexV1, Topic: analyses,
		SchemaDigest: "24208cb5155095dc62a23d855aa15661",
		New:          func() event.Event { return new(analysis) },
	}
	startedInfo = event.EventInfo{
		Type: "service.started", FullName: "test.Started", Envelope: wire.BaseEvent, Topic: hooks,
		New: func() event.Event { return new(started) },
	}
	noteInfo = event.EventInfo{
		Type: "Note", FullName: "test.Note", Envelope: wire.OnexV1, Topic: notes, Encoding: event.Protobuf, MessageIndexes: []int{1},
		SchemaDigest: "9e107d9d372bb6826bd81d3542a419d6",
		New:          func() event.Event { return &note{new(wrapperspb.StringValue)} },
	}
	letterInfo = event.EventInfo{
		Type: "Letter", FullName: "test.Letter", Role: event.RoleDeadLetter,
		New: func() event.Event { return new(letter) },
	}
)

type analysis struct {
	CorrelationID, SessionID string
	Content                  string
	Limit                    *int64 // default 5, from 1 to 20
	Score                    float64
	Steps                    []step
	Context                  jsonio.Raw
	Timestamp                time.Time // default now
}

type step struct{ Name string }

func (*analysis) EventInfo() *event.EventInfo { return &analysisInfo }

func (e *analysis) Validate() error {
	var v event.Violations
	for _, id := range []struct{ name, value string }{{"correlation_id", e.CorrelationID}, {"session_id", e.SessionID}} {
		if id.value == "" {
			v.Add(id.name, "required", "value is required", nil)
		}
	}
	if e.Limit != nil && (*e.Limit < 1 || *e.Limit > 20) {
		v.Add("limit", "int64.gte_lte", "must be greater than or equal to 1 and less than or equal to 20", *e.Limit)
	}
	for i, s := range e.Steps {
		var inner event.Violations
		if s.Name == "" {
			inner.Add("name", "string.min_len", "must be at least 1 character", s.Name)
		}
		v.Nested("steps["+string(rune('0'+i))+"]", inner.Err("test.Step"))
	}
	return v.Err(analysisInfo.FullName)
}

func (e *analysis) SetDefaults(now time.Time) {
	if e.Limit == nil {
		e.Limit = new(int64(5))
	}
	if e.Timestamp.IsZero() {
		e.Timestamp = now
	}
}

func share(field, member *string, name string, v *event.Violations) {
	switch {
	case *field == "":
		*field = *member
	case *member == "":
		*member = *field
	case !strings.EqualFold(*field, *member):
		v.Add(name, "envelope.equal", "must equal the envelope's "+name, *field)
	}
}

func (e *analysis) ShareEnvelope(env *event.Envelope, v *event.Violations) {
	share(&e.CorrelationID, &env.CorrelationID, "correlation_id", v)
	share(&e.SessionID, &env.SessionID, "session_id", v)
	if e.Timestamp.IsZero() {
		e.Timestamp = env.Timestamp
	}
}

func (e *analysis) PartitionKey(*event.Envelope) string { return e.CorrelationID }

func (e *analysis) AppendJSON(b []byte) (_ []byte, err error) {
	if b, err = jsonio.AppendString(append(b, `{"correlation_id":`...), e.CorrelationID); err != nil {
		return b, jsonio.At(err, "correlation_id")
	}
	if b, err = jsonio.AppendString(append(b, `,"session_id":`...), e.SessionID); err != nil {
		return b, jsonio.At(err, "session_id")
	}
	if b, err = jsonio.AppendString(append(b, `,"content":`...), e.Content); err != nil {
		return b, jsonio.At(err, "content")
	}
	if e.Limit != nil {
		raw, _ := jsonio.From(*e.Limit)
		b = append(append(b, `,"limit":`...), raw...)
	}
	if b, err = jsonio.AppendFloat64(append(b, `,"score":`...), e.Score); err != nil {
		return b, jsonio.At(err, "score")
	}
	b = append(b, `,"steps":[`...)
	for i, s := range e.Steps {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = jsonio.AppendString(append(b, `{"name":`...), s.Name); err != nil {
			return b, jsonio.At(jsonio.AtIndex(jsonio.At(err, "name"), i), "steps")
		}
		b = append(b, '}')
	}
	if b, err = jsonio.AppendObject(append(b, `],"context":`...), string(e.Context)); err != nil {
		return b, jsonio.At(err, "context")
	}
	if b, err = jsonio.AppendTime(append(b, `,"timestamp":`...), e.Timestamp); err != nil {
		return b, jsonio.At(err, "timestamp")
	}
	return append(b, '}'), nil
}

func (e *analysis) DecodeJSON(r *jsonio.Reader) {
	if !r.BeginObject() {
		return
	}
	var seen uint64
	for r.More() {
		switch r.Name() {
		case "correlation_id":
			r.Once(&seen, 0)
			e.CorrelationID = r.String()
		case "session_id":
			r.Once(&seen, 1)
			if !r.Null() {
				e.SessionID = r.String()
			}
		case "content":
			r.Once(&seen, 2)
			e.Content = r.String()
		case "limit":
			r.Once(&seen, 3)
			if !r.Null() {
				e.Limit = new(r.Int64())
			}
		case "score":
			e.Score = r.Float64()
		case "steps":
			for ok := r.BeginArray(); ok && r.More(); {
				e.Steps = append(e.Steps, step{})
				for ok := r.BeginObject(); ok && r.More(); {
					if r.Name() == "name" {
						e.Steps[len(e.Steps)-1].Name = r.String()
					} else {
						r.Unknown()
					}
				}
			}
		case "context":
			e.Context = r.Object()
		case "timestamp":
			e.Timestamp = r.Time()
		default:
			r.Unknown()
		}
	}
	if seen&(1<<2) == 0 {
		r.Missing("content")
	}
}

// started has members of the names that an envelope has, too.
type started struct {
	EventType string
	Payload   jsonio.Raw
	Port      int64
	Rest      []jsonio.Member
}

func (*started) EventInfo() *event.EventInfo                      { return &startedInfo }
func (*started) SetDefaults(time.Time)                            {}
func (*started) ShareEnvelope(*event.Envelope, *event.Violations) {}

func (e *started) Validate() error {
	var v event.Violations
	if e.Port < 1 {
		v.Add("port", "minimum", "must be at least 1", e.Port)
	}
	return v.Err(startedInfo.FullName)
}

func (*started) PartitionKey(env *event.Envelope) string {
	if env.CorrelationID != "" {
		return env.CorrelationID
	}
	return env.Source.InstanceID
}

func (e *started) AppendJSON(b []byte) (_ []byte, err error) {
	raw, _ := jsonio.From(e.Port)
	b = append(append(b, `{"port":`...), raw...)
	if e.EventType != "" {
		b, _ = jsonio.AppendString(append(b, `,"event_type":`...), e.EventType)
	}
	if e.Payload != "" {
		b, _ = jsonio.AppendRaw(append(b, `,"payload":`...), e.Payload)
	}
	for _, m := range e.Rest {
		b, _ = jsonio.AppendString(append(b, ','), m.Name)
		if b, err = jsonio.AppendRaw(append(b, ':'), m.Value); err != nil {
			return b, jsonio.At(err, m.Name)
		}
	}
	return append(b, '}'), nil
}

func (e *started) DecodeJSON(r *jsonio.Reader) {
	for ok := r.BeginObject(); ok && r.More(); {
		switch name := strings.Clone(r.Name()); name {
		case "port":
			e.Port = r.Int64()
		case "event_type":
			e.EventType = r.String()
		case "payload":
			e.Payload = r.Raw()
		default:
			e.Rest = append(e.Rest, jsonio.Member{Name: name, Value: r.Raw()})
		}
	}
}

type note struct{ *wrapperspb.StringValue }

func (*note) EventInfo() *event.EventInfo                      { return &noteInfo }
func (*note) Validate() error                                  { return nil }
func (*note) SetDefaults(time.Time)                            {}
func (*note) ShareEnvelope(*event.Envelope, *event.Violations) {}
func (*note) PartitionKey(*event.Envelope) string              { return "" }

func (e *note) AppendJSON(b []byte) ([]byte, error) {
	b, err := jsonio.AppendString(append(b, `{"value":`...), e.Value)
	return append(b, '}'), err
}

func (e *note) DecodeJSON(r *jsonio.Reader) {
	for ok := r.BeginObject(); ok && r.More(); {
		e.Value = r.String()
	}
}

type letter struct{ Text jsonio.Raw }

func (*letter) EventInfo() *event.EventInfo                      { return &letterInfo }
func (*letter) Validate() error                                  { return nil }
func (*letter) SetDefaults(time.Time)                            {}
func (*letter) ShareEnvelope(*event.Envelope, *event.Violations) {}
func (*letter) PartitionKey(*event.Envelope) string              { return "" }
func (e *letter) AppendJSON(b []byte) ([]byte, error) {
	return jsonio.AppendObject(b, string(e.Text))
}
func (e *letter) DecodeJSON(r *jsonio.Reader) { e.Text = r.Object() }
