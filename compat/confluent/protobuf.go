package confluent

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// protobufComparison compares two files by what a registry looks at: names of messages, numbers and families of types.
type protobufComparison struct {
	files   [2]string // the paths of the two
	out     []difference
	visited map[[2]protoreflect.FullName]bool
}

func protobufDifferences(old, new protoreflect.FileDescriptor) []difference {
	c := &protobufComparison{files: [2]string{old.Path(), new.Path()}, visited: map[[2]protoreflect.FullName]bool{}}
	if old.Package() != new.Package() {
		c.add("package", "PACKAGE_CHANGED")
	}
	c.messages(old.Messages(), new.Messages())
	slices.SortFunc(c.out, func(a, b difference) int { return strings.Compare(a.path+a.kind, b.path+b.kind) })
	return c.out
}

func (c *protobufComparison) add(path, kind string) {
	c.out = append(c.out, difference{path, kind})
}

func (c *protobufComparison) messages(old, new protoreflect.MessageDescriptors) {
	for i := range old.Len() {
		m := old.Get(i)
		if !isCompared(m) {
			continue
		}
		if other := new.ByName(m.Name()); other != nil && isCompared(other) {
			c.message(m, other)
		} else {
			c.add(string(m.FullName()), "MESSAGE_REMOVED")
		}
	}
}

// isCompared says whether a registry looks at a message: it passes over groups, and knows entries of maps by the map.
func isCompared(m protoreflect.MessageDescriptor) bool { return !m.IsMapEntry() && !isGroup(m) }

// isGroup says whether a message is declared by a field: `optional group Result = 1 {…}`.
func isGroup(m protoreflect.MessageDescriptor) bool {
	if m.ParentFile().Syntax() != protoreflect.Proto2 || m.Parent() == nil {
		return false
	}
	within, ok := m.Parent().(protoreflect.MessageDescriptor)
	if !ok {
		return false
	}
	f := within.Fields().ByName(protoreflect.Name(strings.ToLower(string(m.Name()))))
	return f != nil && f.Kind() == protoreflect.GroupKind && f.Message() == m
}

func (c *protobufComparison) message(old, new protoreflect.MessageDescriptor) {
	key := [2]protoreflect.FullName{old.FullName(), new.FullName()}
	if c.visited[key] {
		return
	}
	c.visited[key] = true
	olds, news := byNumber(old), byNumber(new)
	for _, number := range slices.Sorted(maps.Keys(olds)) {
		was, is := olds[number], news[number]
		path := string(was.FullName())
		switch o := realOneof(was); {
		case is != nil:
			c.types(path, was, is)
		case o == nil:
			if was.Cardinality() == protoreflect.Required {
				c.add(path, "REQUIRED_FIELD_REMOVED")
			}
		case new.Oneofs().ByName(o.Name()) != nil || survives(o, news):
			c.add(path, "ONEOF_FIELD_REMOVED")
		}
	}
	for i := range new.Oneofs().Len() {
		c.exclusive(new.Oneofs().Get(i), olds)
	}
	for number, is := range news {
		if olds[number] == nil && is.Cardinality() == protoreflect.Required {
			c.add(string(is.FullName()), "REQUIRED_FIELD_ADDED")
		}
	}
	c.messages(old.Messages(), new.Messages())
}

// survives says whether some field of a oneof is still there.
func survives(o protoreflect.OneofDescriptor, news map[protoreflect.FieldNumber]protoreflect.FieldDescriptor) bool {
	for i := range o.Fields().Len() {
		if news[o.Fields().Get(i).Number()] != nil {
			return true
		}
	}
	return false
}

// exclusive finds fields that a oneof makes exclude each other, and that did not.
func (c *protobufComparison) exclusive(o protoreflect.OneofDescriptor, olds map[protoreflect.FieldNumber]protoreflect.FieldDescriptor) {
	if o.IsSynthetic() {
		return
	}
	groups := map[protoreflect.FullName]bool{}
	beside := 0
	for i := range o.Fields().Len() {
		was := olds[o.Fields().Get(i).Number()]
		switch {
		case was == nil:
		case realOneof(was) != nil:
			groups[realOneof(was).FullName()] = true
		default:
			groups[was.FullName()] = true
			beside++
		}
	}
	switch {
	case len(groups) < 2:
	case beside > 1:
		c.add(string(o.FullName()), "MULTIPLE_FIELDS_MOVED_TO_ONEOF")
	default:
		c.add(string(o.FullName()), "FIELD_MOVED_TO_EXISTING_ONEOF")
	}
}

func byNumber(m protoreflect.MessageDescriptor) map[protoreflect.FieldNumber]protoreflect.FieldDescriptor {
	out := map[protoreflect.FieldNumber]protoreflect.FieldDescriptor{}
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); f.Message() == nil || !isGroup(f.Message()) {
			out[f.Number()] = f
		}
	}
	return out
}

func realOneof(f protoreflect.FieldDescriptor) protoreflect.OneofDescriptor {
	if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
		return o
	}
	return nil
}

func (c *protobufComparison) types(path string, old, new protoreflect.FieldDescriptor) {
	kind := func(f protoreflect.FieldDescriptor) string {
		switch {
		case f.IsMap():
			return "map"
		case f.Message() != nil:
			return "message"
		}
		return "scalar"
	}
	switch k := kind(old); {
	case k != kind(new):
		c.add(path, "FIELD_KIND_CHANGED")
	case k == "map":
		c.types(path, old.MapKey(), new.MapKey())
		c.types(path, old.MapValue(), new.MapValue())
	case k == "message":
		if localName(old.Message()) != localName(new.Message()) {
			c.add(path, "FIELD_NAMED_TYPE_CHANGED")
			return
		}
		if old.Message().ParentFile().Path() == c.files[0] && new.Message().ParentFile().Path() == c.files[1] {
			return // compared where it is declared
		}
		before := len(c.out)
		c.message(old.Message(), new.Message())
		if len(c.out) > before {
			c.add(path, "FIELD_NAMED_TYPE_CHANGED")
		}
	case scalarFamily(old.Kind()) != scalarFamily(new.Kind()):
		c.add(path, "FIELD_SCALAR_KIND_CHANGED")
	case label(old) != "" && label(new) != "" && label(old) != label(new) && scalarFamily(old.Kind()) != "text":
		c.add(path, "FIELD_NUMERIC_LABEL_CHANGED")
	}
}

// label is what stands before a field's type; nothing in most fields of proto3.
func label(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsList():
		return "repeated"
	case f.Cardinality() == protoreflect.Required:
		return "required"
	case f.HasOptionalKeyword():
		return "optional"
	}
	return ""
}

// localName is a message's name without its package.
func localName(m protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(string(m.FullName()), string(m.ParentFile().Package())+".")
}

// scalarFamily groups types that a registry takes for one another.
func scalarFamily(k protoreflect.Kind) string {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.BoolKind, protoreflect.EnumKind:
		return "number"
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return "zigzag"
	case protoreflect.StringKind, protoreflect.BytesKind:
		return "text"
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return "fixed32"
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return "fixed64"
	}
	return k.String()
}
