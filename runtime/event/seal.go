package event

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/jsonio"
)

// Keys are the data keys that fields are encrypted with, such as [encrypt.Keys].
type Keys interface {
	// Current returns the key with which values of a class are to be sealed, of the data subject if one is named.
	Current(ctx context.Context, class, subject string) (*encrypt.Key, error)
	// ByID returns a key that values were sealed with. The error is an [encrypt.UnavailableError] where it will not be there the next time either.
	ByID(ctx context.Context, id encrypt.KeyID) (*encrypt.Key, error)
}

// NoKeysError says that an event can't be written, since fields of it are to be encrypted and there are no keys.
type NoKeysError struct {
	EventType string // with the package's name
	Class     string // of the keys
}

// Error implements error.
func (e *NoKeysError) Error() string {
	return fmt.Sprintf("%s has fields that are encrypted with keys of class %s, and there are none: give the publisher WithKeys", e.EventType, e.Class)
}

// UnavailableField is a field that can't be read, since the key that it was sealed with is not to be had. It is absent from the event.
type UnavailableField struct {
	Path string // `customer.email`
	Key  encrypt.KeyID
	Err  error // why
}

// UnavailableFieldError says of a field that somebody asked for that it is an [UnavailableField].
type UnavailableFieldError struct{ UnavailableField }

// Error implements error.
func (e *UnavailableFieldError) Error() string {
	return fmt.Sprintf("%s is encrypted with key %s, and can't be read: %v", e.Path, e.Key, e.Err)
}

// Unwrap returns why it can't be read.
func (e *UnavailableFieldError) Unwrap() error { return e.Err }

// KeysAwayError says that a record can't be read now, since the keys can't be reached: later it may be.
type KeysAwayError struct {
	Key encrypt.KeyID
	Err error
}

// Error implements error.
func (e *KeysAwayError) Error() string {
	if e.Key == (encrypt.KeyID{}) { // it has none, or it is not known
		return e.Err.Error()
	}
	return fmt.Sprintf("look for key %s: %v", e.Key, e.Err)
}

// Unwrap returns what is wrong.
func (e *KeysAwayError) Unwrap() error { return e.Err }

// SealRule is the rule of the violation that a sealed value can't be opened with its key.
const SealRule = "encrypted"

// errNoKeys says why fields are unavailable to those who read without keys.
var errNoKeys = errors.New("no keys were given")

// sealer seals the values of one event.
type sealer struct {
	info    *EventInfo
	place   encrypt.Place
	keys    []*encrypt.Key // of the classes that info names, in their order
	again   bool           // what is sealed already stays as it is
	scratch []byte
}

// newSealer has the keys that an event's values are sealed with.
func newSealer(ctx context.Context, e Event, info *EventInfo, env *Envelope, keys Keys) (*sealer, error) {
	s := &sealer{info: info, place: encrypt.Place{EventType: info.Type, EventID: env.EventID}, keys: make([]*encrypt.Key, len(info.SealedKeys))}
	subject := ""
	if info.DataSubject != nil {
		subject = info.DataSubject(e)
	}
	for i, class := range info.SealedKeys {
		if keys == nil {
			return nil, &NoKeysError{info.FullName, class}
		}
		key, err := keys.Current(ctx, class, subject)
		if err != nil {
			return nil, fmt.Errorf("seal %s: %w", info.FullName, err)
		}
		s.keys[i] = key
	}
	return s, nil
}

// sealedPayload writes an event with its values sealed.
type sealedPayload struct {
	Event
	sealer *sealer
}

// AppendJSON implements [wire.Payload].
func (p sealedPayload) AppendJSON(b []byte) ([]byte, error) {
	plain := buffers.Get().(*[]byte)
	defer buffers.Put(plain)
	text, err := p.Event.AppendJSON((*plain)[:0])
	if cap(text) <= maxKeptBuffer {
		*plain = text
	}
	if err != nil {
		return b, err
	}
	return p.sealer.json(b, text)
}

// json appends a payload with its values sealed.
func (s *sealer) json(b, text []byte) ([]byte, error) {
	r := readers.Get().(*jsonio.Reader)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	r.Reset(text)
	from := 0
	var failed error
	s.info.Masks.Sealed(r, s.info.FullName, func(m *jsonio.SealedMember) {
		if failed != nil || m.IsBeside { // which a schema has no such member for
			return
		}
		value, format := text[m.Value.Start:m.Value.End], encrypt.JSON
		if b = append(b, text[from:m.Name.End]...); m.Seal.Beside {
			b = append(b, jsonio.BesideSuffix...)
		} else if format = encrypt.Text; value[0] != '"' {
			failed = &jsonio.Error{Path: m.Path(), Message: "what is not a string can't be encrypted as one"}
			return
		} else {
			value = textOf(value, &s.scratch)
			if s.again && encrypt.IsWhole(value) {
				b, from = append(b, text[m.Name.End:m.Value.End]...), m.Value.End
				return
			}
		}
		b = append(append(b, text[m.Name.End:m.Value.Start]...), '"')
		if b, failed = s.text(b, m.Seal, m, format, value); failed == nil {
			b = append(b, '"')
		}
		from = m.Value.End
	})
	if r.End(); failed == nil {
		failed = r.Err()
	}
	return append(b, text[from:]...), failed
}

// text appends a sealed value as text.
func (s *sealer) text(b []byte, seal jsonio.Seal, at placed, format encrypt.Format, value []byte) ([]byte, error) {
	key, err := s.key(seal)
	if err != nil {
		return b, err
	}
	s.place.Pointer, s.place.Schema = at.Pointer(), at.SchemaPointer()
	return key.AppendText(b, &s.place, format, value, seal.Deterministic)
}

func (s *sealer) key(seal jsonio.Seal) (*encrypt.Key, error) {
	if i := slices.Index(s.info.SealedKeys, seal.Key); i >= 0 {
		return s.keys[i], nil
	}
	return nil, &NoKeysError{s.info.FullName, seal.Key}
}

// opener opens the values of one record.
type opener struct {
	ctx   context.Context
	keys  Keys // nil: there are none
	info  *EventInfo
	place encrypt.Place

	sealedOnly bool // what is not sealed is a fault
	keep       bool // what can't be opened stays as it is, rather than being left out
	isText     bool // of an event that is still to be published, in which nothing is sealed

	unavailable []UnavailableField
	faults      []jsonio.Fault
	plain       int // values that are not sealed, though the schema has them so
	away        error
}

// placed is what stands at a place, such as a [jsonio.SealedMember].
type placed interface {
	Path() string // for people
	Pointer() string
	SchemaPointer() string
}

// isPlain takes note of a value that is not sealed, and says whether it is taken for what it is.
func (o *opener) isPlain(value []byte, at placed) bool {
	switch {
	case o.sealedOnly:
		o.refuse(at, errors.New("it is not encrypted, and has to be"))
	case encrypt.IsDamaged(value):
		o.refuse(at, errors.New("it is a sealed value whose beginning was changed"))
	default:
		o.plain++
		return true
	}
	return false
}

// errEncrypted says that a text has what publishing makes.
var errEncrypted = errors.New("it is encrypted already, and has to be given as it was before")

// errMissing says that a value is not there for now, or at all.
var errMissing = errors.New("the value is not available")

// open appends a value that was sealed. With [errMissing] it is not there, and what there is to say about it is said.
func (o *opener) open(b []byte, s *encrypt.Sealed, seal jsonio.Seal, at placed, as encrypt.Format) ([]byte, error) {
	if o.isText {
		o.refuse(at, errEncrypted)
		return b, errMissing
	}
	if o.keys == nil {
		o.unavailable = append(o.unavailable, UnavailableField{at.Path(), s.KeyID, errNoKeys})
		return b, errMissing
	}
	key, err := o.keys.ByID(o.ctx, s.KeyID)
	if _, never := errors.AsType[*encrypt.UnavailableError](err); never {
		o.unavailable = append(o.unavailable, UnavailableField{at.Path(), s.KeyID, err})
		return b, errMissing
	}
	if err != nil {
		o.away = &KeysAwayError{s.KeyID, err}
		return b, errMissing
	}
	o.place.Pointer, o.place.Schema = at.Pointer(), at.SchemaPointer()
	out, err := key.AppendOpened(b, &o.place, s)
	switch {
	case err != nil:
	case as != s.Format || s.IsDeterministic() && !seal.Deterministic:
		err = errors.New("it was sealed as something else than the schema has there")
	default:
		return out, nil
	}
	o.refuse(at, err)
	return b, errMissing
}

func (o *opener) refuse(at placed, err error) {
	o.faults = append(o.faults, jsonio.Fault{Path: at.Path(), Rule: SealRule, Message: "can't be decrypted: " + err.Error()})
}

// json is a text, whose payload stands from start to end, with the payload's values opened; end is where that ends then.
func (o *opener) json(text []byte, start, end int) (opened []byte, newEnd int) {
	r := readers.Get().(*jsonio.Reader)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	r.ResetSpan(text, start, end)
	var b, scratch, plain []byte
	from := 0
	o.info.Masks.Sealed(r, o.info.FullName, func(m *jsonio.SealedMember) {
		value := text[m.Value.Start:m.Value.End]
		isText := value[0] == '"'
		if isText {
			value = textOf(value, &scratch)
		}
		if !isText || !encrypt.IsSealed(value) {
			switch {
			case m.IsBeside:
				o.refuse(m, errors.New("it is no sealed value"))
			case !isText && o.isPlain(nil, m), isText && o.isPlain(value, m):
				return
			}
			b, from = o.without(b, text, from, m)
			return
		}
		s, err := encrypt.ParseText(value)
		if err == nil && m.Seal.Beside && !m.IsBeside {
			err = errors.New("a sealed value is under a name that ends in " + jsonio.BesideSuffix)
		}
		if err != nil {
			o.refuse(m, err)
			b, from = o.without(b, text, from, m)
			return
		}
		if plain, err = o.open(plain[:0], &s, m.Seal, m, formatOf(m.Seal)); err == nil && m.IsBeside && !json.Valid(plain) {
			o.refuse(m, errors.New("what was sealed is not JSON"))
			err = errMissing
		}
		if err != nil {
			b, from = o.without(b, text, from, m)
			return
		}
		if b == nil {
			b = make([]byte, 0, len(text))
		}
		b = append(b, text[from:m.Name.End]...)
		if m.IsBeside {
			b = append(b[:len(b)-len(jsonio.BesideSuffix)], text[m.Name.End:m.Value.Start]...)
			b = append(b, plain...)
		} else {
			b = append(b, text[m.Name.End:m.Value.Start]...)
			b, err = jsonio.AppendString(b, string(plain))
			if err != nil {
				o.refuse(m, errors.New("what was sealed is not UTF-8"))
				b = append(b, "null"...)
			}
		}
		from = m.Value.End
	})
	if b == nil || r.Err() != nil {
		return text, end
	}
	b = append(b, text[from:end]...)
	return b, len(b)
}

// textOf is what a JSON string stands for: a part of it where it has no escapes, else in scratch.
func textOf(quoted []byte, scratch *[]byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	*scratch = jsonio.AppendText((*scratch)[:0], quoted)
	return *scratch
}

func formatOf(seal jsonio.Seal) encrypt.Format {
	if seal.Beside {
		return encrypt.JSON
	}
	return encrypt.Text
}

// without appends a text from an index up to a member, which is left out, with one of the commas beside it, and returns from where the text goes on.
func (o *opener) without(b, text []byte, from int, m *jsonio.SealedMember) (_ []byte, next int) {
	if o.keep {
		return append(b, text[from:m.Value.End]...), m.Value.End
	}
	b = append(b, text[from:m.Name.Start-1]...)
	next = m.Value.End
	for next < len(text) && isSpace(text[next]) {
		next++
	}
	if next < len(text) && text[next] == ',' {
		return b, next + 1
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return bytes.TrimSuffix(b, []byte{','}), next
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// opener opens what is encrypted of events of that kind in the record; nil: nothing is.
func (d *decoder) opener(info *EventInfo) *opener {
	if len(info.SealedKeys) == 0 {
		return nil
	}
	if d.rec == nil {
		return &opener{info: info, isText: true}
	}
	return &opener{
		ctx: cmp.Or(d.opts.Context, context.Background()), keys: d.opts.Keys, info: info, place: encrypt.Place{EventType: info.Type, EventID: d.eventID()},
		sealedOnly: d.opts.SealedOnly,
	}
}

// opened takes over what there is to say about values that were to be opened.
func (d *decoder) opened(o *opener) error {
	d.Unavailable, d.Unsealed = o.unavailable, o.plain
	d.faults = append(d.faults, o.faults...)
	return o.away
}

// judged are the faults of what is there.
func (d *decoder) judged(faults []jsonio.Fault) []jsonio.Fault {
	if len(d.Unavailable) == 0 && len(d.faults) == 0 {
		return faults
	}
	return slices.DeleteFunc(slices.Clone(faults), func(f jsonio.Fault) bool {
		return d.isUnjudged(f.Path) || slices.ContainsFunc(d.faults, func(known jsonio.Fault) bool { return known.Rule == SealRule && known.Path == f.Path })
	})
}

// judgedOf is an event's error without what can't be told.
func (d *decoder) judgedOf(err error) error {
	invalid, ok := err.(*ValidationError)
	if !ok || len(d.Unavailable) == 0 {
		return err
	}
	var v Violations
	for _, one := range invalid.Violations {
		if !d.isUnjudged(one.Path) {
			v.Report(one)
		}
	}
	return v.Err(invalid.Type)
}

// isUnjudged says that a path is that of a field that is not available, of what is in it, or of what it is in, so that what is wrong there can't be told.
func (d *decoder) isUnjudged(path string) bool {
	return slices.ContainsFunc(d.Unavailable, func(u UnavailableField) bool { return IsAtOrUnder(path, u.Path) || IsAtOrUnder(u.Path, path) })
}
