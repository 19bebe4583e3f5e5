package trestle_test

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsontext"
	"github.com/omninode/trestle/runtime/wire"
)

// The events of the codec's tests, written by hand as the generator would: a request in an onex envelope, a hook that
// keeps unknown members, one in protobuf and one without an envelope.

var (
	analyses = &trestle.TopicInfo{Name: "analyses", EventTypes: []string{"Analysis"}, MaxMessageBytes: 4096}
	hooks    = &trestle.TopicInfo{Name: "hooks", EventTypes: []string{"service.started", "service.stopped"}}
	notes    = &trestle.TopicInfo{Name: "notes", EventTypes: []string{"Note"}}

	analysisInfo = trestle.EventInfo{
		Type: "Analysis", FullName: "test.Analysis", Role: trestle.Request, Envelope: wire.OnexV1, Topic: analyses,
		New: func() trestle.Event { return new(analysis) },
	}
	startedInfo = trestle.EventInfo{
		Type: "service.started", FullName: "test.Started", Envelope: wire.BaseEvent, Topic: hooks,
		New: func() trestle.Event { return new(started) },
	}
	noteInfo = trestle.EventInfo{
		Type: "Note", FullName: "test.Note", Envelope: wire.OnexV1, Topic: notes, Encoding: trestle.Protobuf, MessageIndexes: []int{1},
		New: func() trestle.Event { return &note{new(wrapperspb.StringValue)} },
	}
	letterInfo = trestle.EventInfo{
		Type: "Letter", FullName: "test.Letter", Role: trestle.DeadLetter,
		New: func() trestle.Event { return new(letter) },
	}
)

type analysis struct {
	CorrelationID, SessionID string
	Content                  string
	Limit                    *int64 // default 5, from 1 to 20
	Score                    float64
	Steps                    []step
	Context                  jsontext.Raw
	Timestamp                time.Time // default now
}

type step struct{ Name string }

func (*analysis) EventInfo() *trestle.EventInfo { return &analysisInfo }

func (e *analysis) Validate() error {
	var v trestle.Violations
	for name, id := range map[string]string{"correlation_id": e.CorrelationID, "session_id": e.SessionID} {
		if id == "" {
			v.Add(name, "required", "value is required", nil)
		}
	}
	if e.Limit != nil && (*e.Limit < 1 || *e.Limit > 20) {
		v.Add("limit", "int64.gte_lte", "must be greater than or equal to 1 and less than or equal to 20", *e.Limit)
	}
	for i, s := range e.Steps {
		var inner trestle.Violations
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

func share(field, member *string, name string, v *trestle.Violations) {
	switch {
	case *field == "":
		*field = *member
	case *member == "":
		*member = *field
	case !strings.EqualFold(*field, *member):
		v.Add(name, "envelope.equal", "must equal the envelope's "+name, *field)
	}
}

func (e *analysis) ShareEnvelope(env *trestle.Envelope, v *trestle.Violations) {
	share(&e.CorrelationID, &env.CorrelationID, "correlation_id", v)
	share(&e.SessionID, &env.SessionID, "session_id", v)
	if e.Timestamp.IsZero() {
		e.Timestamp = env.Timestamp
	}
}

func (e *analysis) PartitionKey(*trestle.Envelope) string { return e.CorrelationID }

func (e *analysis) AppendJSON(b []byte) (_ []byte, err error) {
	if b, err = jsontext.AppendString(append(b, `{"correlation_id":`...), e.CorrelationID); err != nil {
		return b, jsontext.At(err, "correlation_id")
	}
	if b, err = jsontext.AppendString(append(b, `,"session_id":`...), e.SessionID); err != nil {
		return b, jsontext.At(err, "session_id")
	}
	if b, err = jsontext.AppendString(append(b, `,"content":`...), e.Content); err != nil {
		return b, jsontext.At(err, "content")
	}
	if e.Limit != nil {
		raw, _ := jsontext.From(*e.Limit)
		b = append(append(b, `,"limit":`...), raw...)
	}
	if b, err = jsontext.AppendFloat64(append(b, `,"score":`...), e.Score); err != nil {
		return b, jsontext.At(err, "score")
	}
	b = append(b, `,"steps":[`...)
	for i, s := range e.Steps {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = jsontext.AppendString(append(b, `{"name":`...), s.Name); err != nil {
			return b, jsontext.At(jsontext.AtIndex(jsontext.At(err, "name"), i), "steps")
		}
		b = append(b, '}')
	}
	if b, err = jsontext.AppendObject(append(b, `],"context":`...), string(e.Context)); err != nil {
		return b, jsontext.At(err, "context")
	}
	if b, err = jsontext.AppendTime(append(b, `,"timestamp":`...), e.Timestamp); err != nil {
		return b, jsontext.At(err, "timestamp")
	}
	return append(b, '}'), nil
}

func (e *analysis) DecodeJSON(r *jsontext.Reader) {
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
						r.Skip()
					}
				}
			}
		case "context":
			e.Context = r.Object()
		case "timestamp":
			e.Timestamp = r.Time()
		default:
			r.Skip()
		}
	}
	if seen&(1<<2) == 0 {
		r.Missing("content")
	}
}

// started has members of the names that an envelope has, too.
type started struct {
	EventType string
	Payload   jsontext.Raw
	Port      int64
	Rest      []jsontext.Member
}

func (*started) EventInfo() *trestle.EventInfo                        { return &startedInfo }
func (*started) SetDefaults(time.Time)                                {}
func (*started) ShareEnvelope(*trestle.Envelope, *trestle.Violations) {}

func (e *started) Validate() error {
	var v trestle.Violations
	if e.Port < 1 {
		v.Add("port", "minimum", "must be at least 1", e.Port)
	}
	return v.Err(startedInfo.FullName)
}

func (*started) PartitionKey(env *trestle.Envelope) string {
	if env.CorrelationID != "" {
		return env.CorrelationID
	}
	return env.Source.InstanceID
}

func (e *started) AppendJSON(b []byte) (_ []byte, err error) {
	raw, _ := jsontext.From(e.Port)
	b = append(append(b, `{"port":`...), raw...)
	if e.EventType != "" {
		b, _ = jsontext.AppendString(append(b, `,"event_type":`...), e.EventType)
	}
	if e.Payload != "" {
		b, _ = jsontext.AppendRaw(append(b, `,"payload":`...), e.Payload)
	}
	for _, m := range e.Rest {
		b, _ = jsontext.AppendString(append(b, ','), m.Name)
		if b, err = jsontext.AppendRaw(append(b, ':'), m.Value); err != nil {
			return b, jsontext.At(err, m.Name)
		}
	}
	return append(b, '}'), nil
}

func (e *started) DecodeJSON(r *jsontext.Reader) {
	for ok := r.BeginObject(); ok && r.More(); {
		switch name := strings.Clone(r.Name()); name {
		case "port":
			e.Port = r.Int64()
		case "event_type":
			e.EventType = r.String()
		case "payload":
			e.Payload = r.Raw()
		default:
			e.Rest = append(e.Rest, jsontext.Member{Name: name, Value: r.Raw()})
		}
	}
}

type note struct{ *wrapperspb.StringValue }

func (*note) EventInfo() *trestle.EventInfo                        { return &noteInfo }
func (*note) Validate() error                                      { return nil }
func (*note) SetDefaults(time.Time)                                {}
func (*note) ShareEnvelope(*trestle.Envelope, *trestle.Violations) {}
func (*note) PartitionKey(*trestle.Envelope) string                { return "" }

func (e *note) AppendJSON(b []byte) ([]byte, error) {
	b, err := jsontext.AppendString(append(b, `{"value":`...), e.Value)
	return append(b, '}'), err
}

func (e *note) DecodeJSON(r *jsontext.Reader) {
	for ok := r.BeginObject(); ok && r.More(); {
		e.Value = r.String()
	}
}

type letter struct{ Text jsontext.Raw }

func (*letter) EventInfo() *trestle.EventInfo                        { return &letterInfo }
func (*letter) Validate() error                                      { return nil }
func (*letter) SetDefaults(time.Time)                                {}
func (*letter) ShareEnvelope(*trestle.Envelope, *trestle.Violations) {}
func (*letter) PartitionKey(*trestle.Envelope) string                { return "" }
func (e *letter) AppendJSON(b []byte) ([]byte, error) {
	return jsontext.AppendObject(b, string(e.Text))
}
func (e *letter) DecodeJSON(r *jsontext.Reader) { e.Text = r.Object() }
