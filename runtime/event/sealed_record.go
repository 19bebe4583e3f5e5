package event

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/wire"
)

// Open returns a record with what is encrypted of its event decrypted, as far as the keys of opts are to be had, and every other byte as it was. What can't be decrypted
// stays as it is: Decoded has it as [Decoded.Unavailable], and the error, which is Decode's, where it was changed. A record of an event that has nothing encrypted, or
// that can't be read, is returned as it is.
func Open(rec *Record, types *Types, opts DecodeOptions) (Record, Decoded, error) {
	if opened, err := opts.decrypted(rec); err == nil {
		rec, opts.Cipher = opened, nil
	} else {
		d, err := Decode(rec, types, opts)
		return *rec, d, err
	}
	d := decoder{rec: rec, types: types, opts: opts, knownOnly: opts.KnownOnly}
	err := d.decode()
	d.Envelope.EventID = d.eventID()
	out := *rec
	if d.end == 0 || len(d.Info.SealedKeys) == 0 {
		return out, d.Decoded, err
	}
	o := d.opener(d.Info)
	o.keep, o.sealedOnly = true, false
	payload, openErr := o.payload(&d)
	if openErr != nil {
		return out, d.Decoded, cmp.Or(err, openErr)
	}
	out.Value = slices.Concat(rec.Value[:d.start], payload, rec.Value[d.end:])
	return out, d.Decoded, err
}

// payload is the payload of a record that was read, opened.
func (o *opener) payload(d *decoder) ([]byte, error) {
	if into, ok := d.Event.(proto.Message); ok && d.isProtobuf() {
		return o.message(nil, d.rec.Value[d.start:d.end], into.ProtoReflect().Descriptor())
	}
	text, end := o.json(d.rec.Value, d.start, d.end)
	return text[d.start:end], nil
}

func (d *decoder) isProtobuf() bool {
	frame, err := wire.Unframe(d.rec.Value, d.rec.Headers)
	return err == nil && frame.Protobuf
}

// Seal returns a record with what is to be encrypted of its event encrypted with the keys of opts, of which it takes no more than these and the context. What is encrypted
// already stays as it is, as does a record that can't be read, or of an event that has nothing to be encrypted. The error is a [*NoKeysError], or says that the keys can't
// be had.
func Seal(rec *Record, types *Types, opts EncodeOptions) (Record, error) {
	d := decoder{rec: rec, types: types, opts: DecodeOptions{Context: opts.Context}}
	_ = d.decode() // what breaks rules is sealed, too
	d.Envelope.EventID = d.eventID()
	out := *rec
	if d.end == 0 || d.Event == nil || len(d.Info.SealedKeys) == 0 {
		return out, nil
	}
	s, err := newSealer(cmp.Or(opts.Context, context.Background()), d.Event, d.Info, &d.Envelope, opts.Keys)
	if err != nil {
		return out, err
	}
	s.again = true
	value, err := s.record(&d, rec.Value[d.start:d.end])
	if err == nil {
		out.Value = value
	}
	return out, err
}

// record is the value of a record whose payload is to be sealed.
func (s *sealer) record(d *decoder, payload []byte) ([]byte, error) {
	b := slices.Clone(d.rec.Value[:d.start])
	var err error
	if into, ok := d.Event.(proto.Message); ok && d.isProtobuf() {
		b, err = s.message(b, payload, into.ProtoReflect().Descriptor())
	} else {
		b, err = s.json(b, payload)
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt %s: %w", s.info.FullName, err)
	}
	return append(b, d.rec.Value[d.end:]...), nil
}
