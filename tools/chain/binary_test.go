package chain

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/tools/event"
)

// binaryOf is the binary form of what was read.
func binaryOf(m event.Binary) []byte {
	b, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	return b
}

// asked is the binary form of a value by which outside judges of protobuf were asked about it.
func (h *hearing) asked(i int) []byte {
	if i < len(h.texts) {
		return h.ours[generatedGo][i].Binary
	}
	return h.binary[i-len(h.texts)]
}

// holdsOddEntry says whether a message in binary form, or one in it, has an entry of a map with another field than key and
// value, or with one of them of another wire type.
func holdsOddEntry(data []byte, md protoreflect.MessageDescriptor) bool {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		size := protowire.ConsumeFieldValue(number, kind, data[max(n, 0):])
		if n < 0 || size < 0 {
			return false
		}
		value := data[n : n+size]
		data = data[n+size:]
		fd := md.Fields().ByNumber(number)
		if md.IsMapEntry() && (fd == nil || kind != wireType(fd.Kind())) {
			return true
		}
		if fd != nil && fd.Message() != nil && kind == protowire.BytesType {
			if inner, _ := protowire.ConsumeBytes(value); holdsOddEntry(inner, fd.Message()) {
				return true
			}
		}
	}
	return false
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}

// holdsUnknownOfClosed says whether a message in binary form, or one in it, has a number of a closed enum that is none of
// its values.
func holdsUnknownOfClosed(data []byte, md protoreflect.MessageDescriptor) bool {
	m := dynamicpb.NewMessage(md)
	_ = recovered(func() error { return proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(data, m) }) // as far as it can be read
	return unknownOfClosed(m)
}

func unknownOfClosed(m protoreflect.Message) (found bool) {
	look := func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
		switch {
		case fd.Message() != nil:
			found = found || unknownOfClosed(v.Message())
		case fd.Enum() != nil:
			found = found || fd.Enum().IsClosed() && fd.Enum().Values().ByNumber(v.Enum()) == nil
		}
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList():
			for i := range v.List().Len() {
				look(fd, v.List().Get(i))
			}
		case fd.IsMap():
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				look(fd.MapValue(), v)
				return !found
			})
		default:
			look(fd, v)
		}
		return !found
	})
	return found
}
