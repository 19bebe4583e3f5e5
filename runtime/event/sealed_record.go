package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/encrypt"
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

// Renew returns a record with what is encrypted of its event encrypted with the keys that are current, as is what should be and is not, and whether it is another than
// before. What can't be decrypted stays as it is. The error says that keys can't be reached.
func Renew(ctx context.Context, rec *Record, types *Types, keys Keys) (Record, bool, error) {
	opened, d, err := Open(rec, types, DecodeOptions{Keys: keys, Context: ctx})
	if _, away := errors.AsType[*KeysAwayError](err); away {
		return *rec, false, err
	}
	if d.Info == nil || d.Event == nil || len(d.Info.SealedKeys) == 0 {
		return *rec, false, nil
	}
	s, err := newSealer(ctx, d.Event, d.Info, &d.Envelope, keys)
	if err != nil {
		return *rec, false, err
	}
	isOld := func(id encrypt.KeyID) bool {
		lost := slices.ContainsFunc(d.Unavailable, func(u UnavailableField) bool { return u.Key == id })
		for _, key := range s.keys {
			if key.ID() == id {
				return false
			}
		}
		return !lost
	}
	if d.Unsealed == 0 && !slices.ContainsFunc(SealedWith(rec, types), isOld) {
		return *rec, false, nil
	}
	out, err := Seal(&opened, types, EncodeOptions{Keys: keys, Context: ctx})
	return out, err == nil, err
}

// SealedWith returns the ids of the keys with which values of a record's event are encrypted, each once.
func SealedWith(rec *Record, types *Types) []encrypt.KeyID {
	met := &metKeys{}
	_, _, _ = Open(rec, types, DecodeOptions{Keys: met})
	return met.ids
}

// metKeys has no key, and remembers which were asked for.
type metKeys struct{ ids []encrypt.KeyID }

// Current implements [Keys].
func (m *metKeys) Current(context.Context, string, string) (*encrypt.Key, error) {
	return nil, errMissing
}

// ByID implements [Keys].
func (m *metKeys) ByID(_ context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	if !slices.Contains(m.ids, id) {
		m.ids = append(m.ids, id)
	}
	return nil, &encrypt.UnavailableError{ID: id, Reason: encrypt.UnknownKey}
}
