package repair

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/expr"
	"github.com/omninode/trestle/tools/jsonedit"
)

// Opened is the event in a record, as JSON that can be changed.
type Opened struct {
	// Value is all of the record's JSON; of protobuf the payload's, whose envelope stands in headers.
	Value []byte
	// Start and End are where the payload stands in it; both 0 where there is none.
	Start, End int

	rec   *event.Record
	info  *event.EventInfo
	frame wire.Frame
	proto proto.Message // nil: it is JSON
}

// Payload is that of the event, nil where there is none.
func (o *Opened) Payload() []byte {
	if o.End == 0 {
		return nil
	}
	return o.Value[o.Start:o.End]
}

// Tree is the value, parsed.
func (o *Opened) Tree() (*jsonedit.Value, error) { return jsonedit.Parse(o.Value) }

// Protobuf says that the record's value is protobuf.
func (o *Opened) Protobuf() bool { return o.proto != nil }

// EventType is that of the event; empty: it is not known.
func (o *Opened) EventType() string {
	if o.info == nil {
		return ""
	}
	return o.info.Type
}

// Open finds the event in a record, in either encoding, valid or not. The error says why its payload can't be changed: its type is not known, or it can't be
// read. Opened is nil then where the value is protobuf; else it holds the value, JSON or not.
func Open(types *event.Types, rec *event.Record) (*Opened, error) {
	o := &Opened{rec: rec}
	if rec.Oversized != nil {
		return nil, rec.Oversized
	}
	var err error
	if o.frame, err = wire.Unframe(rec.Value, rec.Headers); err != nil {
		return nil, err
	}
	decoded, err := event.Decode(rec, types, event.DecodeOptions{KnownOnly: true})
	o.info = decoded.Info
	switch {
	case o.frame.Protobuf && decoded.Event == nil:
		return nil, err
	case o.frame.Protobuf:
		if within := unknownWithin(err); within != "" {
			return nil, fmt.Errorf("%s holds fields that its schema does not know: they would be lost", within)
		}
		if err := o.openProtobuf(decoded.Event); err != nil {
			return nil, err
		}
		return o, nil
	}
	if o.Value = o.frame.Body; o.info != nil {
		return o, o.findPayload()
	}
	if err == nil {
		err = errors.New("its event type is not known")
	}
	return o, err
}

func (o *Opened) findPayload() error {
	found, err := wire.ReadEnvelope(o.Value, o.info.Envelope, wire.ReadOptions{})
	o.Start, o.End = found.Start, found.End
	return err
}

func (o *Opened) openProtobuf(e event.Event) error {
	o.proto = e.(proto.Message)
	text, err := e.AppendJSON(nil)
	o.Value, o.End = text, len(text)
	return err
}

// unknownWithin is the path of a message inside the payload that has fields which its schema does not know; those of the payload itself are kept.
func unknownWithin(err error) string {
	invalid, ok := errors.AsType[*event.ValidationError](err)
	if !ok {
		return ""
	}
	for _, v := range invalid.Violations {
		if at := strings.LastIndexByte(v.Path, '.'); v.Rule == jsonio.UnknownRule && at > 0 {
			return v.Path[:at]
		}
	}
	return ""
}

// With is the record's value with another text in place of [Opened.Value], behind the same frame, and its headers, of which that with the schema's digest
// names today's schema, and that with the event type the one in the text. For protobuf the error is a [*event.ValidationError] where the text is not of the event's type.
func (o *Opened) With(text []byte) (value []byte, headers []event.Header, err error) {
	body := text
	if o.proto != nil {
		if body, err = o.encode(text); err != nil {
			return nil, nil, err
		}
	}
	frame := o.rec.Value[:len(o.rec.Value)-len(o.frame.Body)]
	value = append(slices.Clone(frame), body...)
	headers = slices.Clone(o.rec.Headers)
	inside := ""
	if o.proto == nil {
		inside = wire.EventType(text)
	}
	for i := range headers {
		switch {
		case headers[i].Key == wire.HeaderSchemaDigest && o.info != nil && o.info.SchemaDigest != "":
			headers[i].Value = []byte(o.info.SchemaDigest)
		case headers[i].Key == wire.HeaderEventType && inside != "":
			headers[i].Value = []byte(inside)
		}
	}
	return value, headers, nil
}

func (o *Opened) encode(text []byte) ([]byte, error) {
	e := o.info.New()
	r := jsonio.NewReader(bytes.Clone(text))
	r.KnownOnly(true)
	e.DecodeJSON(r)
	r.End()
	if err := r.Err(); err != nil {
		return nil, err
	}
	var v event.Violations
	if v.AddFaults(r.Faults()); len(r.Faults()) > 0 {
		return nil, v.Err(o.info.FullName)
	}
	m := e.(proto.Message)
	m.ProtoReflect().SetUnknown(o.proto.ProtoReflect().GetUnknown())
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Apply opens a record, and returns what it is once repaired: value and headers. Where the repair changes nothing they are what they were. The record is left as
// it is. The error says why it can't be repaired.
func (r *Repair) Apply(types *event.Types, rec *event.Record) (value []byte, headers []event.Header, err error) {
	o, err := Open(types, rec)
	switch {
	case err != nil:
		return nil, nil, err
	case o.End == 0:
		return nil, nil, errors.New("it has no payload")
	}
	whole, err := o.Tree()
	if err != nil {
		return nil, nil, err
	}
	payload := whole
	if o.End-o.Start < len(o.Value) {
		if inner := whole.Member("payload"); inner != nil && inner.Start == o.Start {
			payload = inner
		}
	}
	if payload.Kind != '{' {
		return nil, nil, errors.New("its payload is no object")
	}
	after, err := r.payload(o, whole, payload)
	if err != nil {
		return nil, nil, err
	}
	if jsonedit.Same(payload, after) {
		return rec.Value, rec.Headers, nil
	}
	text := slices.Concat(o.Value[:o.Start], after.Append(nil), o.Value[o.End:])
	return o.With(text)
}

// payload is what the repair makes of one.
func (r *Repair) payload(o *Opened, whole, payload *jsonedit.Value) (*jsonedit.Value, error) {
	if r.patch != nil {
		return jsonedit.Merge(payload, r.patch), nil
	}
	rec := expr.Record{
		Value: toCEL(whole), EventType: o.info.Type, Headers: map[string]string{}, Timestamp: o.rec.Timestamp, Partition: o.rec.Partition, Offset: o.rec.Offset,
	}
	if o.rec.Key != nil {
		key := string(o.rec.Key)
		rec.Key = &key
	}
	for _, h := range o.rec.Headers {
		rec.Headers[h.Key] = string(h.Value)
	}
	envelope := map[string]any{}
	if payload != whole {
		for _, m := range whole.Members {
			if m.Value != payload {
				envelope[m.Name] = toCEL(m.Value)
			}
		}
	}
	out, err := r.program.Eval(rec, map[string]any{"payload": toCEL(payload), "envelope": envelope})
	if err != nil {
		return nil, err
	}
	after, err := fromCEL(out, payload)
	if err == nil && after.Kind != '{' {
		err = fmt.Errorf("the expression yields a value of type %s, and no payload: a map", out.Type().TypeName())
	}
	return after, err
}
