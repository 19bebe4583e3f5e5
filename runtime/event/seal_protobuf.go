package event

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/jsonio"
)

// messageWalk passes over a message in its binary form, and has what of it is encrypted replaced.
type messageWalk struct {
	masks jsonio.Masks
	at    protoPlace
	keep  bool // what is missing stays as it is
	// inPlace appends what stands in place of the value of a text or of bytes; [errMissing]: nothing.
	inPlace func(b []byte, w *messageWalk, seal jsonio.Seal, kind protoreflect.Kind, value []byte) ([]byte, error)
	// beside appends a field for those, in their binary form, of a field that is encrypted beside.
	beside func(b []byte, w *messageWalk, seal jsonio.Seal, number protowire.Number, fields []byte) ([]byte, error)
	// besides appends the fields for a field with the sealed value of others, which have that number; [errMissing]: none. nil: it is copied.
	besides func(b []byte, w *messageWalk, seal jsonio.Seal, number protowire.Number, value []byte) ([]byte, error)
}

// protoPlace is where a walk is.
type protoPlace struct {
	pointer, schema []byte
	path            string
}

// Path implements [placed].
func (p protoPlace) Path() string { return p.path }

// Pointer implements [placed].
func (p protoPlace) Pointer() string { return string(p.pointer) }

// SchemaPointer implements [placed].
func (p protoPlace) SchemaPointer() string { return string(p.schema) }

func (p protoPlace) member(name string) protoPlace {
	return protoPlace{append(append(p.pointer, '/'), name...), append(append(p.schema, '/'), name...), jsonio.JoinPath(p.path, jsonio.MemberPath(name))}
}

func (p protoPlace) index(i int) protoPlace {
	s := strconv.Itoa(i)
	return protoPlace{append(append(p.pointer, '/'), s...), append(p.schema, "/*"...), p.path + "[" + s + "]"}
}

func (p protoPlace) entry(key string) protoPlace {
	return protoPlace{jsonio.AppendPointer(p.pointer, key), append(p.schema, "/*"...), p.path + "[" + strconv.Quote(key) + "]"}
}

// fieldsOf are the fields of one number, to be sealed together.
type fieldsOf struct {
	number protowire.Number
	seal   jsonio.Seal
	name   string
	fields []byte
}

var errBroken = errors.New("the message is broken")

// message appends a message with what of it is encrypted replaced.
func (w *messageWalk) message(b, in []byte, md protoreflect.MessageDescriptor) ([]byte, error) {
	mask, ok := w.masks[string(md.FullName())]
	if !ok {
		return append(b, in...), nil
	}
	here := w.at
	defer func() { w.at = here }()
	var groups []fieldsOf
	var counts map[protowire.Number]int
	for len(in) > 0 {
		w.at = here
		number, typ, head := protowire.ConsumeTag(in)
		if head < 0 {
			return b, errBroken
		}
		size := protowire.ConsumeFieldValue(number, typ, in[head:])
		if size < 0 {
			return b, errBroken
		}
		field, value := in[:head+size], in[head:head+size]
		in = in[head+size:]
		if typ == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		fd := md.Fields().ByNumber(number)
		if fd == nil {
			var err error
			if b, err = w.unknown(b, mask, md, number, typ, field, value); err != nil {
				return b, err
			}
			continue
		}
		name := string(fd.Name())
		seal, sealed := sealOf(mask, fd)
		var err error
		switch {
		case sealed && isBeside(fd):
			i := 0
			for i < len(groups) && groups[i].number != number {
				i++
			}
			if i == len(groups) {
				groups = append(groups, fieldsOf{number: number, seal: seal, name: name})
			}
			groups[i].fields = append(groups[i].fields, field...)
		case sealed && typ == protowire.BytesType:
			w.at = here.member(name)
			var out []byte
			switch out, err = w.inPlace(nil, w, seal, fd.Kind(), value); {
			case !errors.Is(err, errMissing):
				b = protowire.AppendBytes(protowire.AppendTag(b, number, typ), out)
			case w.keep:
				b, err = append(b, field...), nil
			default:
				err = nil
			}
		case fd.Message() == nil || sealed:
			b = append(b, field...)
		default:
			w.at = here.member(name)
			if fd.IsList() {
				if counts == nil {
					counts = map[protowire.Number]int{}
				}
				w.at = w.at.index(counts[number])
				counts[number]++
			}
			b, err = w.nested(b, fd, number, typ, field, value)
		}
		if err != nil {
			return b, err
		}
	}
	for _, g := range groups {
		w.at = here.member(g.name)
		var err error
		if b, err = w.beside(b, w, g.seal, g.number, g.fields); err != nil {
			return b, err
		}
	}
	return b, nil
}

// nested appends a field that holds a message.
func (w *messageWalk) nested(b []byte, fd protoreflect.FieldDescriptor, number protowire.Number, typ protowire.Type, field, value []byte) ([]byte, error) {
	md := fd.Message()
	switch {
	case typ == protowire.StartGroupType:
		inner := value[:len(value)-protowire.SizeTag(number)]
		out, err := w.message(protowire.AppendTag(b, number, typ), inner, md)
		return protowire.AppendTag(out, number, protowire.EndGroupType), err
	case typ != protowire.BytesType:
		return append(b, field...), nil
	}
	var out []byte
	var err error
	switch {
	case fd.IsMap():
		out, err = w.entry(value, fd)
	case md.FullName() == "google.protobuf.Any":
		out, err = w.any(value)
	default:
		out, err = w.message(nil, value, md)
	}
	if err != nil {
		return b, err
	}
	return protowire.AppendBytes(protowire.AppendTag(b, number, typ), out), nil
}

// entry is an entry of a map.
func (w *messageWalk) entry(in []byte, fd protoreflect.FieldDescriptor) ([]byte, error) {
	md := fd.MapValue().Message()
	if md == nil {
		return in, nil
	}
	key, value, rest, err := pair(in)
	if err != nil {
		return nil, err
	}
	w.at = w.at.entry(mapKey(key, fd.MapKey()))
	out, err := w.message(nil, value, md)
	return protowire.AppendBytes(protowire.AppendTag(rest, 2, protowire.BytesType), out), err
}

// pair reads a message of two fields, such as the entry of a map: what the first holds, with its length where it has one, the bytes of the second, and all but that.
func pair(in []byte) (first, second, rest []byte, err error) {
	for len(in) > 0 {
		number, typ, head := protowire.ConsumeTag(in)
		if head < 0 {
			return nil, nil, nil, errBroken
		}
		size := protowire.ConsumeFieldValue(number, typ, in[head:])
		if size < 0 {
			return nil, nil, nil, errBroken
		}
		if number == 2 && typ == protowire.BytesType {
			second, _ = protowire.ConsumeBytes(in[head:])
		} else {
			if number == 1 {
				first = in[head : head+size]
			}
			rest = append(rest, in[:head+size]...)
		}
		in = in[head+size:]
	}
	return first, second, rest, nil
}

// mapKey is the key of a map's entry as JSON has it.
func mapKey(value []byte, fd protoreflect.FieldDescriptor) string {
	switch fd.Kind() {
	case protoreflect.StringKind:
		key, _ := protowire.ConsumeString(value)
		return key
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		v, _ := protowire.ConsumeFixed32(value)
		if fd.Kind() == protoreflect.Sfixed32Kind {
			return strconv.Itoa(int(int32(v)))
		}
		return strconv.FormatUint(uint64(v), 10)
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		v, _ := protowire.ConsumeFixed64(value)
		if fd.Kind() == protoreflect.Sfixed64Kind {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatUint(v, 10)
	}
	v, _ := protowire.ConsumeVarint(value)
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return strconv.FormatBool(v != 0)
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return strconv.FormatInt(protowire.DecodeZigZag(v), 10)
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return strconv.FormatInt(int64(v), 10)
	default:
		return strconv.FormatUint(v, 10)
	}
}

// any is a message that says of what type the one in it is.
func (w *messageWalk) any(in []byte) ([]byte, error) {
	name, value, rest, err := pair(in)
	if err != nil {
		return nil, err
	}
	url, _ := protowire.ConsumeString(name)
	mt, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	if err != nil {
		return in, nil //nolint:nilerr // it is copied as it is: nobody knows what is in it
	}
	out, err := w.message(nil, value, mt.Descriptor())
	return protowire.AppendBytes(protowire.AppendTag(rest, 2, protowire.BytesType), out), err
}

// unknown appends a field that the message does not declare: that with the sealed value of another maybe.
func (w *messageWalk) unknown(
	b []byte, mask jsonio.Mask, md protoreflect.MessageDescriptor, number protowire.Number, typ protowire.Type, field, value []byte,
) ([]byte, error) {
	fd := md.Fields().ByNumber(number - jsonio.BesideNumber)
	if fd == nil || w.besides == nil || typ != protowire.BytesType {
		return append(b, field...), nil
	}
	seal, sealed := sealOf(mask, fd)
	if !sealed || !isBeside(fd) {
		return append(b, field...), nil
	}
	w.at = w.at.member(string(fd.Name()))
	whole := len(b)
	b, err := w.besides(b, w, seal, fd.Number(), value)
	if errors.Is(err, errMissing) {
		if b, err = b[:whole], nil; w.keep {
			b = append(b, field...)
		}
	}
	return b, err
}

// sealOf says how a field is encrypted.
func sealOf(mask jsonio.Mask, fd protoreflect.FieldDescriptor) (jsonio.Seal, bool) {
	if seal, ok := mask.Sealed[string(fd.Name())]; ok {
		return seal, true
	}
	seal, ok := mask.Sealed[fd.JSONName()]
	return seal, ok
}

// isBeside says that what is encrypted of a field is in another one: only text and bytes are replaced in a message.
func isBeside(fd protoreflect.FieldDescriptor) bool {
	return fd.Cardinality() == protoreflect.Repeated || fd.Kind() != protoreflect.StringKind && fd.Kind() != protoreflect.BytesKind
}

// message appends a message with its values sealed.
func (s *sealer) message(b, plain []byte, md protoreflect.MessageDescriptor) ([]byte, error) {
	w := messageWalk{
		masks: s.info.Masks,
		inPlace: func(b []byte, w *messageWalk, seal jsonio.Seal, kind protoreflect.Kind, value []byte) ([]byte, error) {
			if s.again && encrypt.IsWhole(value) {
				return append(b, value...), nil
			}
			if kind == protoreflect.StringKind {
				return s.text(b, seal, w.at, encrypt.Text, value)
			}
			key, err := s.key(seal)
			if err != nil {
				return b, err
			}
			s.place.Pointer, s.place.Schema = string(w.at.pointer), string(w.at.schema)
			return key.AppendBytes(b, &s.place, encrypt.Bytes, value, seal.Deterministic)
		},
		beside: func(b []byte, w *messageWalk, seal jsonio.Seal, number protowire.Number, fields []byte) ([]byte, error) {
			if number > math.MaxInt32>>2-jsonio.BesideNumber { // the largest number of a field, less that
				return b, fmt.Errorf("%s: field number %d is too large for an encrypted field", w.at.path, number)
			}
			text, err := s.text(nil, seal, w.at, encrypt.Protobuf, fields)
			return protowire.AppendBytes(protowire.AppendTag(b, number+jsonio.BesideNumber, protowire.BytesType), text), err
		},
	}
	return w.message(b, plain, md)
}

// message appends a message with its values opened. The error says that it is broken.
func (o *opener) message(b, in []byte, md protoreflect.MessageDescriptor) ([]byte, error) {
	open := func(b []byte, w *messageWalk, s encrypt.Sealed, seal jsonio.Seal, err error, as encrypt.Format) ([]byte, error) {
		if err != nil {
			o.refuse(w.at, err)
			return b, errMissing
		}
		return o.open(b, &s, seal, w.at, as)
	}
	w := messageWalk{
		masks: o.info.Masks, keep: o.keep,
		inPlace: func(b []byte, w *messageWalk, seal jsonio.Seal, kind protoreflect.Kind, value []byte) ([]byte, error) {
			if !encrypt.IsSealed(value) {
				if !o.isPlain(value, w.at) {
					return b, errMissing
				}
				return append(b, value...), nil
			}
			if kind == protoreflect.StringKind {
				s, err := encrypt.ParseText(value)
				return open(b, w, s, seal, err, encrypt.Text)
			}
			s, err := encrypt.ParseBytes(value)
			return open(b, w, s, seal, err, encrypt.Bytes)
		},
		beside: func(b []byte, w *messageWalk, _ jsonio.Seal, _ protowire.Number, fields []byte) ([]byte, error) {
			if !o.isPlain(nil, w.at) {
				return b, nil
			}
			return append(b, fields...), nil
		},
		besides: func(b []byte, w *messageWalk, seal jsonio.Seal, number protowire.Number, value []byte) ([]byte, error) {
			s, err := encrypt.ParseText(value)
			before := len(b)
			b, err = open(b, w, s, seal, err, encrypt.Protobuf)
			if err == nil && !isOf(b[before:], number) {
				o.refuse(w.at, errors.New("what was sealed is not of the field"))
				err = errMissing
			}
			return b, err
		},
	}
	return w.message(b, in, md)
}

// isOf says that fields in their binary form are of that number.
func isOf(fields []byte, number protowire.Number) bool {
	for len(fields) > 0 {
		found, _, n := protowire.ConsumeField(fields)
		if n < 0 || found != number {
			return false
		}
		fields = fields[n:]
	}
	return true
}
