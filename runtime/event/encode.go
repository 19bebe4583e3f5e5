package event

import (
	"bytes"
	"cmp"
	"context"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/genapi/format"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// EncodeOptions are what [Encode] cannot know from the event.
type EncodeOptions struct {
	// Deletion writes the deletion of the event\'s key, a record without a value, which the topic has to be compacted for.
	// The event need hold only what its key is made of.
	Deletion bool
	// Now is the time of publishing; zero: the present.
	Now time.Time
	// Source is where the event comes from, for envelopes that name none.
	Source Source
	// SchemaID is the registry's id of the event's schema; 0: none. Protobuf needs one.
	SchemaID int
	// Topic overrides the event type's own. An event type without a topic, such as a dead letter, needs it.
	Topic string
	// Headers are added behind those that Encode sets; one of the same name as one of those is left out.
	Headers []Header
	// Cipher encrypts the record, once it is made; nil: it stays as it is.
	Cipher RecordCipher
	// Keys are those with which the fields are encrypted that the schema wants so, and Context is that of looking for them; nil: context.Background. Without keys such an event
	// can't be written: the error is a [*NoKeysError].
	Keys    Keys
	Context context.Context
}

// Encode makes the record of an event. What the event and its envelope lack is filled in, in both: from each other,
// from the schema's defaults, the time, and new ids for the event and, in a family that needs one, the correlation.
// A nil env is an empty one.
//
// JSON has times to the microsecond, and it is these that are validated, where rules see them.
//
// The error is a [*ValidationError] when the event or its envelope breaks a rule, a [*TooLargeError] when the record is
// larger than the topic takes, and wraps a jsonio.Error when the event has no JSON form.
func Encode(e Event, env *Envelope, opts EncodeOptions) (Record, error) {
	if v := reflect.ValueOf(e); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return Record{}, errors.New("encode: the event is nil")
	}
	if env == nil {
		env = new(Envelope)
	}
	info := e.EventInfo()
	rec := Record{Topic: opts.Topic}
	limit := 0
	if info.Topic != nil {
		if rec.Topic == "" {
			rec.Topic = info.Topic.Name
		}
		limit = info.Topic.MaxMessageBytes
	}
	if rec.Topic == "" {
		return Record{}, fmt.Errorf("encode %s: the event type has no topic of its own: set EncodeOptions.Topic", info.FullName)
	}

	var v Violations
	complete(e, env, &opts, &v)
	if opts.Deletion {
		return deletion(rec, e, env, &opts)
	}
	v.AddUnfaulted(asWritten(e, info).Validate(), nil)
	if err := v.Err(info.FullName); err != nil {
		return Record{}, err
	}

	var sealing *sealer
	var err error
	if len(info.SealedKeys) > 0 {
		sealing, err = newSealer(cmp.Or(opts.Context, context.Background()), e, info, env, opts.Keys)
	}
	switch {
	case err != nil:
	case info.Encoding == Protobuf:
		rec.Value, err = encodeProtobuf(e, info, opts.SchemaID, sealing)
	default:
		rec.Value, err = encodeJSON(e, info, env, sealing)
	}
	if err != nil {
		return Record{}, fmt.Errorf("encode %s: %w", info.FullName, err)
	}
	if key := e.PartitionKey(env); key != "" {
		rec.Key = []byte(key)
	}
	rec.Headers = headers(info, env, &opts)
	if opts.Cipher != nil {
		plain := rec
		if rec, err = opts.Cipher.Encrypt(cmp.Or(opts.Context, context.Background()), &plain); err != nil {
			return Record{}, fmt.Errorf("encode %s: %w", info.FullName, err)
		}
	}
	if size := rec.Size(); limit > 0 && size > limit {
		return Record{}, &TooLargeError{Topic: rec.Topic, EventType: info.FullName, Size: size, Limit: limit}
	}
	return rec, nil
}

// deletion makes the record that deletes an event's key.
func deletion(rec Record, e Event, env *Envelope, opts *EncodeOptions) (Record, error) {
	info := e.EventInfo()
	key := e.PartitionKey(env)
	switch {
	case info.Topic == nil || !info.Topic.Compacted:
		return Record{}, fmt.Errorf("encode deletion of %s: topic %s is not compacted: nothing is deleted there by key", info.FullName, rec.Topic)
	case key == "":
		return Record{}, fmt.Errorf("encode deletion of %s: the event has no key", info.FullName)
	}
	rec.Key, rec.Headers = []byte(key), headers(info, env, opts)
	return rec, nil
}

// complete fills in what the event and its envelope lack, and records what is wrong with the envelope.
func complete(e Event, env *Envelope, opts *EncodeOptions, v *Violations) {
	info := e.EventInfo()
	now := opts.Now
	if now.IsZero() {
		now = time.Now()
	}
	now = microseconds(now)
	if env.Timestamp.IsZero() {
		env.Timestamp = now
	}
	env.Timestamp = microseconds(env.Timestamp)
	env.EventType = info.Type
	if env.EventID == "" {
		env.EventID = uuid.Must(uuid.NewV7()).String()
	}
	if env.Source == (Source{}) {
		env.Source = opts.Source
	}
	checkID(v, info, "event_id", env.EventID)
	checkID(v, info, "correlation_id", env.CorrelationID)
	checkID(v, info, "session_id", env.SessionID)

	e.ShareEnvelope(env, v)
	switch {
	case info.Envelope == wire.OnexV1 && env.CorrelationID == "":
		env.CorrelationID = uuid.NewString()
		var known Violations // the first time told them
		e.ShareEnvelope(env, &known)
	case info.Envelope == wire.BaseEvent && env.Source == (Source{}):
		v.Add("envelope.source", "required", "value is required: give the publisher WithSource", nil)
	}
	setVersion(info.Envelope, env)
	e.SetDefaults(now)
}

// asWritten is the event as its readers get it, where its rules may see a difference: a time that is later than another may not be as it is
// written. What has no JSON form is left as it is.
func asWritten(e Event, info *EventInfo) Event {
	if !info.RuledTimes || info.Encoding == Protobuf || info.New == nil {
		return e
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b, err := e.AppendJSON((*buffer)[:0])
	if cap(b) <= maxKeptBuffer {
		*buffer = b
	}
	if err != nil {
		return e
	}
	written, r := info.New(), jsonio.NewReader(bytes.Clone(b)) // of which it may keep parts
	written.DecodeJSON(r)
	if r.End(); r.Err() != nil || len(r.Faults()) > 0 {
		return e
	}
	return written
}

func setIfEmpty(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func checkID(v *Violations, info *EventInfo, field, id string) {
	if id == "" || format.UUID(id) {
		return
	}
	rule := "string.uuid"
	if info.Envelope == wire.BaseEvent {
		rule = "format"
	}
	var found any = id
	if info.hides(field) {
		found = nil
	}
	v.Add("envelope."+field, rule, "must be a valid UUID", found)
}

// microseconds returns t as it is written: in UTC, cut to microseconds.
func microseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// buffers are where events are written before their size is known.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxKeptBuffer bounds what one large event leaves behind, in bytes.
const maxKeptBuffer = 1 << 20

func encodeJSON(e Event, info *EventInfo, env *Envelope, sealing *sealer) ([]byte, error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var payload wire.Payload = e
	if sealing != nil {
		payload = sealedPayload{e, sealing}
	}
	b, err := wire.AppendEnvelope((*buffer)[:0], info.Envelope, env, payload)
	if cap(b) <= maxKeptBuffer {
		*buffer = b
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b), nil
}

func encodeProtobuf(e Event, info *EventInfo, schemaID int, sealing *sealer) ([]byte, error) {
	message, ok := e.(proto.Message)
	switch {
	case !ok:
		return nil, errors.New("the event type was generated from JSON Schema and has no protobuf form")
	case schemaID <= 0:
		return nil, errors.New("protobuf needs the registry's id of the schema: give the publisher WithSchemaIDs")
	}
	if sealing != nil {
		plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			return nil, err
		}
		return sealing.message(wire.AppendConfluent(nil, schemaID, info.MessageIndexes), plain, message.ProtoReflect().Descriptor())
	}
	if generated, ok := e.(encoding.BinaryAppender); ok {
		return appendGenerated(generated, schemaID, info.MessageIndexes)
	}
	options := proto.MarshalOptions{Deterministic: true}
	b := make([]byte, 0, 16+options.Size(message))
	return options.MarshalAppend(wire.AppendConfluent(b, schemaID, info.MessageIndexes), message)
}

// appendGenerated encodes by the codec that was generated for the message, which is a few times as fast.
func appendGenerated(e encoding.BinaryAppender, schemaID int, indexes []int) ([]byte, error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b, err := e.AppendBinary(wire.AppendConfluent((*buffer)[:0], schemaID, indexes))
	if cap(b) <= maxKeptBuffer {
		*buffer = b
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b), nil
}

// How many headers an event has at most, without what a caller adds.
const (
	jsonHeaders     = 6
	protobufHeaders = 15 // CloudEvents' eleven, too
)

func headers(info *EventInfo, env *Envelope, opts *EncodeOptions) []Header {
	contentType, most := wire.ContentTypeJSON, jsonHeaders
	if info.Encoding == Protobuf {
		contentType, most = wire.ContentTypeProtobuf, protobufHeaders
	}
	own := make([]Header, 0, most+len(opts.Headers))
	values := make([]byte, 0, len(env.EventID)+len(info.Type)+len(contentType)+len(info.SchemaDigest)) // in one piece, which is for each its own part
	for _, h := range [...]struct{ name, value string }{
		{wire.HeaderEventID, env.EventID}, {wire.HeaderEventType, info.Type}, {wire.HeaderContentType, contentType}, {wire.HeaderSchemaDigest, info.SchemaDigest},
	} {
		if h.value == "" {
			continue
		}
		from := len(values)
		values = append(values, h.value...)
		own = append(own, Header{Key: h.name, Value: values[from:len(values):len(values)]})
	}
	switch {
	case info.Encoding == Protobuf:
		own = wire.AppendCloudEvent(own, env)
	case opts.SchemaID > 0:
		own = append(own, Header{Key: wire.HeaderSchemaID, Value: strconv.AppendInt(nil, int64(opts.SchemaID), 10)},
			Header{Key: wire.HeaderConfluentID, Value: wire.AppendConfluentID(nil, opts.SchemaID)})
	}
	set := len(own)
	for _, h := range opts.Headers {
		if !hasHeader(own[:set], h.Key) {
			own = append(own, h)
		}
	}
	return own
}

func hasHeader(headers []Header, name string) bool {
	for i := range headers {
		if headers[i].Key == name {
			return true
		}
	}
	return false
}

var _ wire.Payload = Event(nil)
