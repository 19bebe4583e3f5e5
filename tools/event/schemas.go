package event

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// Schemas are the readers of what a set declares. They may be used from many goroutines. Nothing is compiled before it is
// needed, and each schema once.
type Schemas struct {
	set       *schema.Set
	now       func() time.Time
	digest    func(*schema.Event) string
	validator func() (protovalidate.Validator, error)
	files     func() *jsoncompile.Files
	anyTypes  func() anyTypes
	// sizedWrappers says whether there are lists of wrappers whose size has rules.
	sizedWrappers func() bool
	editions      editions

	mu    sync.Mutex
	types map[*schema.Message]*Type
}

// Option changes how schemas are used.
type Option func(*Schemas)

// WithNow sets the present of rules that are about it (lt_now, within), in place of the clock. Defaults of the present have
// it from SetDefaults.
func WithNow(now func() time.Time) Option {
	return func(s *Schemas) { s.now = now }
}

// WithDigests says what the digests of the events' schemas are, empty where that is not known: those of tools/gen/digest. Without it none is.
func WithDigests(of func(*schema.Event) string) Option {
	return func(s *Schemas) { s.digest = of }
}

// New returns the readers of a set.
func New(set *schema.Set, opts ...Option) *Schemas {
	s := &Schemas{set: set, digest: func(*schema.Event) string { return "" }, types: map[*schema.Message]*Type{}}
	for _, set := range opts {
		set(s)
	}
	s.validator = sync.OnceValues(s.newValidator)
	s.files = sync.OnceValue(s.newFiles)
	s.anyTypes = sync.OnceValue(s.newAnyTypes)
	s.sizedWrappers = sync.OnceValue(func() bool { return s.hasField(isSizedWrappers) })
	return s
}

// Type returns a message of the set. It fails when the message's schema cannot be compiled.
func (s *Schemas) Type(m *schema.Message) (*Type, error) {
	t := s.typeOf(m)
	if err := t.compile(); err != nil {
		return nil, fmt.Errorf("read %s: %w", m.FullName, err)
	}
	return t, nil
}

// typeOf is Type that leaves compiling to the first who validates.
func (s *Schemas) typeOf(m *schema.Message) *Type {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.types[m]; t != nil {
		return t
	}
	t := &Type{schemas: s, message: m}
	s.types[m] = t
	if m.HasBinary() {
		t.desc = s.editions.descriptor(m.Proto)
	} else {
		t.json = sync.OnceValues(func() (jsonValidator, error) { return s.compile(m) })
	}
	return t
}

// compile makes what validates the type.
func (t *Type) compile() error {
	if t.json != nil {
		_, err := t.json()
		return err
	}
	_, err := t.schemas.validator()
	return err
}

// Type is a message of a set: what a generated type is to a program.
type Type struct {
	schemas *Schemas
	message *schema.Message
	desc    protoreflect.MessageDescriptor // of protobuf
	json    func() (jsonValidator, error)  // of JSON Schema
}

// Value is what generated types are: one message, for one goroutine at a time.
type Value interface {
	// DecodeJSON reads the value from a JSON object. What is wrong with the object stays in r.
	DecodeJSON(r *jsonio.Reader)
	// SetDefaults fills fields that are absent and have a default; now is for those whose default is the present.
	SetDefaults(now time.Time)
	// Validate returns a [trestle.ValidationError] with all that is wrong; any other error says that the schema cannot be
	// used.
	Validate() error
	// AppendJSON appends the value as a JSON object. It fails for what has no form there.
	AppendJSON(b []byte) ([]byte, error)
}

// Binary is a [Value] of protobuf, which has a binary form. Between the two forms stands a JSON that holds what the binary
// one does and events' JSON does not: an enum's number without a name is a number there, a float that is no number is its
// name, both as in protobuf's own JSON; text that is not UTF-8 is an array of its bytes. What is left, such as a time
// beyond the years that JSON has, it tells apart, but does not read again.
type Binary interface {
	Value
	proto.Message
	// DecodeBinaryJSON reads the JSON that holds what the binary form does.
	DecodeBinaryJSON(r *jsonio.Reader)
	// AppendBinaryJSON appends it.
	AppendBinaryJSON(b []byte) ([]byte, error)
}

// Message returns the model of the type.
func (t *Type) Message() *schema.Message { return t.message }

// New returns an empty value. It is a [Binary] when the type is of protobuf.
func (t *Type) New() Value {
	if t.desc != nil {
		return newProtoValue(t)
	}
	return newJSONValue(t)
}

// ReadJSON reads a value, fills in what is absent and validates it, as consumers do with a payload. The value is nil where
// the text is no JSON; otherwise what is wrong is a [trestle.ValidationError], and the value as far as it could be read.
func (t *Type) ReadJSON(text []byte, now time.Time) (Value, error) {
	v, r := t.New(), jsonio.NewReader(text)
	v.DecodeJSON(r)
	r.End()
	if err := r.Err(); err != nil {
		return nil, err
	}
	v.SetDefaults(now)
	err := v.Validate()
	if _, ok := errors.AsType[*trestle.ValidationError](err); err != nil && !ok {
		return v, err
	}
	var all trestle.Violations
	all.AddFaults(r.Faults())
	all.AddUnfaulted(err, r.Faults())
	return v, all.Err(t.message.FullName)
}

// ReadBinary is ReadJSON for protobuf's binary form.
func (t *Type) ReadBinary(data []byte, now time.Time) (Value, error) {
	if t.desc == nil {
		return nil, fmt.Errorf("read %s: a JSON Schema has no binary form", t.message.FullName)
	}
	v := newProtoValue(t)
	if err := v.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	v.SetDefaults(now)
	return v, v.Validate()
}
