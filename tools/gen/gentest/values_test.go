package gentest

import (
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// setting sets a field of a message to one of the values worth trying.
type setting func(protoreflect.Message)

// settings are the values worth trying for a field: what its rules name, what is next to that, and what is special to
// its type.
func settings(fd protoreflect.FieldDescriptor, depth int) []setting {
	rules, err := protovalidate.ResolveFieldRules(fd)
	if err != nil {
		panic(err)
	}
	switch {
	case fd.IsMap():
		return mapSettings(fd, rules.GetMap(), depth)
	case fd.IsList():
		return listSettings(fd, rules.GetRepeated(), depth)
	case fd.Message() != nil:
		var out []setting
		for _, fill := range fillings(fd.Message(), depth) {
			out = append(out, func(m protoreflect.Message) { fill(m.Mutable(fd).Message()) })
		}
		return append(out, func(m protoreflect.Message) { m.Clear(fd) })
	}
	var out []setting
	for _, v := range scalars(fd, rules) {
		out = append(out, func(m protoreflect.Message) { m.Set(fd, v) })
	}
	return append(out, func(m protoreflect.Message) { m.Clear(fd) })
}

// fillings fill a message that is in another: not at all, and at random to a certain depth.
func fillings(md protoreflect.MessageDescriptor, depth int) []setting {
	out := []setting{func(protoreflect.Message) {}}
	if strings.HasPrefix(string(md.FullName()), "google.protobuf.") {
		return append(out, wellKnown(md)...)
	}
	if depth >= 2 {
		return out
	}
	for seed := range uint64(4) {
		out = append(out, func(m protoreflect.Message) { randomise(m, rand.New(rand.NewPCG(seed, uint64(depth))), depth+1) })
	}
	return out
}

// wellKnown fill one of protobuf's own messages with what the rules in testdata name, and what is next to that.
func wellKnown(md protoreflect.MessageDescriptor) []setting {
	fields := md.Fields()
	var out []setting
	switch md.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		now := time.Now().Unix()
		for _, seconds := range []int64{0, 1, 2, 9, 10, 59, 60, 61, 99, 100, 101, 199, 200, 201, now - 3700, now - 3500, now + 3500, now + 3700} {
			for _, nanos := range []int32{0, 1, 2, 5, 500000000} {
				out = append(out, func(m protoreflect.Message) {
					m.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds))
					m.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(nanos))
				})
			}
		}
	case "google.protobuf.Any":
		for _, url := range []string{"a", "b", "c", "type.googleapis.com/a"} {
			out = append(out, func(m protoreflect.Message) { m.Set(fields.ByName("type_url"), protoreflect.ValueOfString(url)) })
		}
	case "google.protobuf.FieldMask":
		for _, paths := range [][]string{{"a"}, {"b"}, {"c"}, {"a.b"}, {"a.bc"}, {"a.b.c"}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a", "c"}, {""}} {
			out = append(out, func(m protoreflect.Message) {
				list := m.Mutable(fields.ByName("paths")).List()
				for _, path := range paths {
					list.Append(protoreflect.ValueOfString(path))
				}
			})
		}
	default: // a wrapper
		if value := fields.ByName("value"); value != nil && value.Message() == nil && !value.IsList() && !value.IsMap() {
			for _, v := range scalars(value, nil) {
				out = append(out, func(m protoreflect.Message) { m.Set(value, v) })
			}
		}
	}
	return out
}

func listSettings(fd protoreflect.FieldDescriptor, rules *validate.RepeatedRules, depth int) []setting {
	var out []setting
	appendItem := func(list protoreflect.List, n int) {
		if fd.Message() != nil {
			item := list.NewElement()
			choices := fillings(fd.Message(), depth)
			choices[n%len(choices)](item.Message())
			list.Append(item)
			return
		}
		items := scalars(fd, rules.GetItems())
		list.Append(items[n%len(items)])
	}
	for n := range 6 {
		out = append(out, func(m protoreflect.Message) { // n different items
			m.Clear(fd)
			for i := range n {
				appendItem(m.Mutable(fd).List(), i+n)
			}
		})
	}
	for item := range 12 {
		out = append(out, func(m protoreflect.Message) { // the same item once and twice
			m.Clear(fd)
			for range 1 + item%2 {
				appendItem(m.Mutable(fd).List(), item/2)
			}
		})
	}
	return append(out, func(m protoreflect.Message) { // more than are compared with each other
		m.Clear(fd)
		for i := range 20 {
			appendItem(m.Mutable(fd).List(), i)
		}
	})
}

func mapSettings(fd protoreflect.FieldDescriptor, rules *validate.MapRules, depth int) []setting {
	var out []setting
	keys := scalars(fd.MapKey(), rules.GetKeys())
	for n := range 4 {
		for offset := range len(keys) {
			out = append(out, func(m protoreflect.Message) {
				m.Clear(fd)
				entries := m.Mutable(fd).Map()
				for i := range n {
					key := keys[(i+offset)%len(keys)].MapKey()
					if fd.MapValue().Message() != nil {
						choices := fillings(fd.MapValue().Message(), depth)
						choices[(i+offset)%len(choices)](entries.Mutable(key).Message())
						continue
					}
					values := scalars(fd.MapValue(), rules.GetValues())
					entries.Set(key, values[(i*7+offset)%len(values)])
				}
			})
		}
	}
	return out
}

// scalars are values of a scalar type.
func scalars(fd protoreflect.FieldDescriptor, rules *validate.FieldRules) []protoreflect.Value {
	named := namedNumbers(rules)
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return []protoreflect.Value{protoreflect.ValueOfBool(false), protoreflect.ValueOfBool(true)}
	case protoreflect.EnumKind:
		var out []protoreflect.Value
		for _, n := range []int32{0, 1, 2, 3, 4, 5, 6, 9, 10, -1, 99} {
			out = append(out, protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)))
		}
		return out
	case protoreflect.StringKind:
		return stringValues(rules.GetString())
	case protoreflect.BytesKind:
		var out []protoreflect.Value
		for _, s := range []string{"", "a", "ab", "abc", "abcd", "cd", "\x01\x00\xff", "\x01\xff", "\x01\x00", "\x00\xff", "\xff"} {
			out = append(out, protoreflect.ValueOfBytes([]byte(s)))
		}
		return out
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return floatValues(fd.Kind(), named)
	}
	return integerValues(fd.Kind(), named)
}

// namedNumbers are the numbers in a numeric type's rules.
func namedNumbers(rules *validate.FieldRules) []protoreflect.Value {
	var out []protoreflect.Value
	if rules == nil {
		return nil
	}
	msg := rules.ProtoReflect()
	typed := msg.WhichOneof(msg.Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return nil
	}
	msg.Get(typed).Message().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList():
			for i := range v.List().Len() {
				out = append(out, v.List().Get(i))
			}
		case fd.Kind() != protoreflect.BoolKind && fd.Message() == nil:
			out = append(out, v)
		}
		return true
	})
	return out
}

func floatValues(kind protoreflect.Kind, named []protoreflect.Value) []protoreflect.Value {
	values := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.MaxFloat32, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat32}
	var out []protoreflect.Value
	for _, n := range named {
		values = append(values, n.Float())
		if kind == protoreflect.FloatKind {
			values = append(values, float64(math.Nextafter32(float32(n.Float()), 1e30)), float64(math.Nextafter32(float32(n.Float()), -1e30)))
		} else {
			values = append(values, math.Nextafter(n.Float(), 1e300), math.Nextafter(n.Float(), -1e300))
		}
	}
	for _, f := range values {
		if kind == protoreflect.FloatKind {
			out = append(out, protoreflect.ValueOfFloat32(float32(f)))
		} else {
			out = append(out, protoreflect.ValueOfFloat64(f))
		}
	}
	return out
}

func integerValues(kind protoreflect.Kind, named []protoreflect.Value) []protoreflect.Value {
	signed := []int64{0, 1, -1, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}
	unsigned := []uint64{0, 1, math.MaxUint32, math.MaxUint64}
	for _, v := range named {
		switch v.Interface().(type) {
		case uint32, uint64:
			unsigned = append(unsigned, v.Uint()-1, v.Uint(), v.Uint()+1)
		case int32, int64:
			signed = append(signed, v.Int()-1, v.Int(), v.Int()+1)
		}
	}
	var out []protoreflect.Value
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		for _, n := range signed {
			out = append(out, protoreflect.ValueOfInt32(int32(n)))
		}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		for _, n := range signed {
			out = append(out, protoreflect.ValueOfInt64(n))
		}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		for _, n := range unsigned {
			out = append(out, protoreflect.ValueOfUint32(uint32(n)))
		}
	default:
		for _, n := range unsigned {
			out = append(out, protoreflect.ValueOfUint64(n))
		}
	}
	return out
}

func stringValues(rules *validate.StringRules) []protoreflect.Value {
	values := []string{
		"", "a", "b", "c", "x", "é", "日本", "a\"b", "1.0", "1.", "x1.0", "<a-b>", "<a--b>", "<ab>", "a-b>", "<a-b",
		"550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-44665544ABCD", "550e8400e29b41d4a716446655440000",
		"550e8400-e29b-41d4-a716-44665544000", "550e8400-e29b-41d4-a716-44665544000g",
	}
	for n := range 8 {
		values = append(values, strings.Repeat("n", n), strings.Repeat("ü", n))
	}
	for _, n := range []uint64{rules.GetLen(), rules.GetMinLen(), rules.GetMaxLen(), rules.GetMinBytes(), rules.GetMaxBytes()} {
		for _, m := range []uint64{n - 1, n, n + 1} {
			if m < 10000 {
				values = append(values, strings.Repeat("z", int(m)), strings.Repeat("ß", int(m)))
			}
		}
	}
	values = append(values, rules.GetIn()...)
	values = append(values, rules.GetNotIn()...)
	values = append(values, rules.GetConst())
	var out []protoreflect.Value
	for _, s := range values {
		out = append(out, protoreflect.ValueOfString(s))
	}
	return out
}
