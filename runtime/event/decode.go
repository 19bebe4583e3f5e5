package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/genapi/protobin"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// DecodeOptions say how strictly records are read.
type DecodeOptions struct {
	// StrictTime makes a time without a zone a violation; otherwise it is UTC and counted.
	StrictTime bool
	// KnownOnly makes a violation, of the rule `unknown`, of what the payload has and the schema does not name, where reading would go on
	// without it: whoever looks at what is stored learns what readers lose. Readers pass over it, since newer events may have more.
	KnownOnly bool
	// Keys are those with which encrypted fields are read, and Context is that of looking for them; nil: context.Background. Without keys these fields are unavailable.
	Keys    Keys
	Context context.Context
	// Cipher decrypts the record before anything else of it is read; nil: it is read as it is.
	Cipher RecordCipher
	// SealedOnly makes a violation of a value that is not encrypted though the schema has it so: once no event is older than that.
	SealedOnly bool
}

// Decoded is what [Decode] made of a record.
type Decoded struct {
	// Event is nil when the record's event type is not known, or there is no payload.
	Event Event
	// Info is that of the event type, also where the event can't be read; nil: the type is not known.
	Info *EventInfo
	// Envelope is what surrounds the event, what it lacks filled in from the event and the record. Its EventID is
	// never empty: the event-id header, else that of the envelope, else [wire.RecordID].
	Envelope Envelope
	// ZonelessTimes counts the times that name no zone.
	ZonelessTimes int
	// Unavailable are the encrypted fields that can't be read. They are absent from the event, and what has rules on them is not judged.
	Unavailable []UnavailableField
	// Unsealed counts the values that are not encrypted though the schema has them so, as in events that are older than that.
	Unsealed int
}

// Decode reads the event in a record, in either encoding, whatever its topic's own is. What event and envelope lack is
// filled in: from each other, from the schema's defaults, and the time from the record.
//
// The error says why the record can never be handled: a [*ValidationError] with every fault of the event and its
// envelope, an [*UnknownEventTypeError], or one that wraps a [*jsonio.Error] with the offset where the value stops
// being JSON. Even then Decoded holds what could be read. A [*KeysAwayError] says that it may be handled later.
func Decode(rec *Record, types *Types, opts DecodeOptions) (Decoded, error) {
	opened, failed := opts.decrypted(rec)
	d := decoder{rec: opened, types: types, opts: opts, knownOnly: opts.KnownOnly}
	err := d.decode()
	if failed != nil { // what is around the event can be read for all that
		d.Event, d.Unavailable, d.Unsealed, err = nil, nil, 0, failed
	}
	d.Envelope.EventID = d.eventID()
	return d.Decoded, err
}

// eventID is the event's id, once what is outside of the payload has been read.
func (d *decoder) eventID() string {
	if id := d.rec.Header(wire.HeaderEventID); id != "" {
		return id
	}
	if d.Envelope.EventID != "" {
		return d.Envelope.EventID
	}
	return wire.RecordID(d.rec.Topic, d.rec.Partition, d.rec.Offset)
}

type decoder struct {
	Decoded
	rec    *Record
	types  *Types
	opts   DecodeOptions
	faults []jsonio.Fault
	bare   bool // the record's value is the payload, without the envelope of its family
	// knownOnly is [DecodeOptions.KnownOnly], or that of [TextOptions].
	knownOnly bool
	// start and end are where the payload stands in the record's value; 0 and 0: there is none.
	start, end int
}

func (d *decoder) decode() error {
	if d.rec.Oversized != nil {
		return fmt.Errorf("decode record of %s: %w", d.rec.Topic, d.rec.Oversized)
	}
	frame, err := wire.Unframe(d.rec.Value, d.rec.Headers)
	switch {
	case d.rec.Value == nil, len(d.rec.Value) == 0 && !frame.Protobuf:
		_, d.Info = d.outside()
		return fmt.Errorf("decode record of %s: it has no value", d.rec.Topic)
	case err != nil:
		return fmt.Errorf("decode record of %s: %w", d.rec.Topic, err)
	case frame.Protobuf:
		return d.protobuf(frame)
	}
	return d.json(frame.Body)
}

// outside is the event type that the record's header names, and what is known of it or, without that, of the only one of the topic; nil: nothing.
func (d *decoder) outside() (named string, info *EventInfo) {
	named = d.types.name(wire.HeaderBytes(d.rec.Headers, wire.HeaderEventType))
	if info = d.types.Find(d.rec.Topic, named); info == nil {
		info = d.types.Only(d.rec.Topic)
	}
	return named, info
}

// json finds out the event type, which the envelope names, and reads the payload.
func (d *decoder) json(text []byte) error {
	topic := d.rec.Topic
	named, info := d.outside()
	kind := d.types.envelope(topic)
	switch {
	case info != nil:
		kind = info.Envelope
	case kind == wire.None: // neither the header nor the topic tells
		inside := wire.EventType(text)
		if info = d.types.Find(topic, inside); info == nil {
			setIfEmpty(&named, inside)
			return d.unknown(text, named)
		}
		kind = info.Envelope
	}

	read := func(kind wire.Kind) (wire.Found, error) {
		return wire.ReadEnvelope(text, kind, wire.ReadOptions{StrictTime: d.opts.StrictTime})
	}
	found, err := read(kind)
	if inside := found.Envelope.EventType; err == nil && inside != "" {
		if info = d.types.Find(topic, inside); info != nil && info.Envelope != kind {
			kind = info.Envelope
			found, err = read(kind)
		}
		named = inside
	}
	d.Info = info
	d.Envelope, d.faults, d.ZonelessTimes, d.bare = found.Envelope, found.Faults, found.Zoneless, found.Bare
	switch {
	case err != nil:
		return fmt.Errorf("decode %s: %w", d.subject(info), d.types.concealed(topic, info, err))
	case info == nil:
		return d.types.unknown(topic, named)
	}
	if found.End > 0 {
		d.start, d.end = len(d.rec.Value)-len(text)+found.Start, len(d.rec.Value)-len(text)+found.End
		err := d.payload(info, text, found.Start, found.End)
		if _, away := errors.AsType[*KeysAwayError](err); kind != wire.None && !found.Bare && !away {
			err = jsonio.At(err, "payload")
		}
		if err != nil {
			return fmt.Errorf("decode %s: %w", info.FullName, err)
		}
	}
	return d.finish(info)
}

// unknown reports an event type that is not known, unless there is no reading the text anyway.
func (d *decoder) unknown(text []byte, eventType string) error {
	if _, err := wire.ReadEnvelope(text, wire.None, wire.ReadOptions{}); err != nil {
		return fmt.Errorf("decode %s: %w", d.subject(nil), d.types.concealed(d.rec.Topic, nil, err))
	}
	d.Envelope.EventType = eventType
	return d.types.unknown(d.rec.Topic, eventType)
}

func (d *decoder) subject(info *EventInfo) string {
	if info == nil {
		return "record of " + d.rec.Topic
	}
	return info.FullName
}

// readers are kept because a reader outlives no call and each would allocate its stack anew.
var readers = sync.Pool{New: func() any { return jsonio.NewReader(nil) }}

// payload reads the event that stands in that part of the text.
func (d *decoder) payload(info *EventInfo, text []byte, start, end int) error {
	opening := d.opener(info)
	if opening != nil {
		text, end = opening.json(text, start, end)
		if err := d.opened(opening); err != nil {
			return err
		}
	}
	r := readers.Get().(*jsonio.Reader)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	r.ResetSpan(text, start, end)
	r.StrictTime(d.opts.StrictTime)
	r.KnownOnly(d.knownOnly)
	d.Event = info.New()
	d.Event.DecodeJSON(r)
	r.End()
	d.faults = append(d.faults, d.judged(r.Faults())...)
	d.ZonelessTimes += r.ZonelessTimes()
	return r.Err()
}

func (d *decoder) protobuf(frame wire.Frame) error {
	topic := d.rec.Topic
	found := wire.ReadCloudEvent(d.rec.Headers, wire.ReadOptions{StrictTime: d.opts.StrictTime})
	d.Envelope, d.faults, d.ZonelessTimes = found.Envelope, found.Faults, found.Zoneless
	named := d.Envelope.EventType
	setIfEmpty(&named, d.rec.Header(wire.HeaderEventType))
	info := d.types.Find(topic, named)
	if info == nil && named == "" {
		info = d.types.AtIndexes(topic, frame.Indexes)
	}
	if info == nil {
		d.Envelope.EventType = named
		return d.types.unknown(topic, named)
	}
	d.Info = info
	event := info.New()
	into, ok := event.(proto.Message)
	if !ok {
		return fmt.Errorf("decode %s: the value is protobuf, the event type was generated from JSON Schema", info.FullName)
	}
	body := frame.Body
	d.start, d.end = len(d.rec.Value)-len(body), len(d.rec.Value)
	if opening := d.opener(info); opening != nil {
		if opened, err := opening.message(nil, body, into.ProtoReflect().Descriptor()); err == nil { // else reading it says what is wrong
			body = opened
		}
		if err := d.opened(opening); err != nil {
			return fmt.Errorf("decode %s: %w", info.FullName, err)
		}
	}
	if err := protobin.Unmarshal(body, into); err != nil {
		return fmt.Errorf("decode %s: %w", info.FullName, err)
	}
	d.Event = event
	if d.knownOnly {
		d.unknownFields(into.ProtoReflect(), "")
	}
	return d.finish(info)
}

// unknownFields makes faults of the fields of a message, and of those that it holds, that its schema does not name: by their numbers.
func (d *decoder) unknownFields(m protoreflect.Message, path string) {
	for rest := m.GetUnknown(); len(rest) > 0; {
		number, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			break // it was read: it can't be
		}
		at := jsonio.JoinPath(path, strconv.Itoa(int(number)))
		if !slices.ContainsFunc(d.faults, func(f jsonio.Fault) bool { return f.Path == at }) {
			d.faults = append(d.faults, jsonio.Fault{Path: at, Rule: jsonio.UnknownRule, Message: jsonio.UnknownMessage})
		}
		rest = rest[n:]
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := jsonio.JoinPath(path, jsonio.MemberPath(string(fd.Name())))
		switch {
		case fd.IsMap() && fd.MapValue().Message() != nil:
			v.Map().Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
				d.unknownFields(v.Message(), at+"["+strconv.Quote(key.String())+"]")
				return true
			})
		case fd.IsMap():
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				d.unknownFields(v.List().Get(i).Message(), at+"["+strconv.Itoa(i)+"]")
			}
		case fd.Message() != nil:
			d.unknownFields(v.Message(), at)
		}
		return true
	})
}

// finish fills in what is lacking and collects everything that is wrong.
func (d *decoder) finish(info *EventInfo) error {
	env := &d.Envelope
	env.EventType = info.Type
	var v Violations
	for i, f := range d.faults {
		if member, ok := strings.CutPrefix(f.Path, "envelope."); ok && info.hides(member) {
			d.faults[i].Found = ""
		}
	}
	v.AddFaults(d.faults)
	if d.Event == nil {
		return v.Err(info.FullName)
	}
	var shared Violations
	d.Event.ShareEnvelope(env, &shared)
	if env.Timestamp.IsZero() && !faulted(d.faults, "envelope.timestamp") {
		env.Timestamp = microseconds(d.rec.Timestamp)
		var again Violations
		d.Event.ShareEnvelope(env, &again)
	}
	switch {
	case d.bare: // what an envelope would say is taken from payload and record, as far as they say it
	case info.Envelope == wire.OnexV1 && env.CorrelationID == "" && !faulted(d.faults, "envelope.correlation_id"):
		shared.Add("envelope.correlation_id", "required", "value is required", nil)
	case info.Envelope == wire.BaseEvent && env.Source == (Source{}) && !faulted(d.faults, "envelope.source"):
		shared.Add("envelope.source", "required", "value is required", nil)
	}
	setVersion(info.Envelope, env)
	d.Event.SetDefaults(presentOf(env, d.rec))
	v.AddUnfaulted(shared.Err(info.FullName), d.faults)
	v.AddUnfaulted(d.judgedOf(d.Event.Validate()), d.faults)
	return v.Err(info.FullName)
}

// presentOf returns the time that counts as the present for a record's defaults.
func presentOf(env *Envelope, rec *Record) time.Time {
	switch {
	case !env.Timestamp.IsZero():
		return env.Timestamp
	case !rec.Timestamp.IsZero():
		return microseconds(rec.Timestamp)
	default:
		return microseconds(time.Now())
	}
}

func setVersion(kind wire.Kind, env *Envelope) {
	switch kind {
	case wire.OnexV1:
		setIfEmpty(&env.Version, wire.OnexVersion)
	case wire.BaseEvent:
		setIfEmpty(&env.Version, wire.BaseEventVersion)
	}
}

func faulted(faults []jsonio.Fault, field string) bool {
	for i := range faults {
		if IsAtOrUnder(faults[i].Path, field) {
			return true
		}
	}
	return false
}
