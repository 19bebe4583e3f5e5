package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// unchanged says that two sides of a field say the same, so that there is nothing to say of it: most fields, by far.
// Fields whose meaning is not all in themselves (oneofs, enums, elements) and those that say much (defaults, constraints
// that are not plain rules, deprecations) are left to the rules.
func unchanged(old, new *schema.Field) bool {
	return old != nil && new != nil &&
		old.Name == new.Name && old.JSONName == new.JSONName && old.Number == new.Number &&
		old.Explicit == new.Explicit && old.Required == new.Required && old.JSONRequired == new.JSONRequired &&
		old.RequiredOnWire() == new.RequiredOnWire() && old.OnlyRequired == new.OnlyRequired && old.Nullable == new.Nullable &&
		old.Sensitive == new.Sensitive && old.NotSensitive == new.NotSensitive &&
		old.EncryptionKey == new.EncryptionKey && old.Deterministic == new.Deterministic &&
		old.Doc == new.Doc && slices.Equal(old.Examples, new.Examples) &&
		old.Default == "" && new.Default == "" &&
		old.Deprecated == nil && new.Deprecated == nil && old.Oneof == nil && new.Oneof == nil &&
		unchangedType(old.Type, new.Type)
}

func unchangedType(old, new *schema.Type) bool {
	if old.Kind != new.Kind || old.Proto != new.Proto || old.RawText != new.RawText || old.Union != nil || new.Union != nil {
		return false
	}
	switch old.Kind {
	case schema.EnumKind, schema.List, schema.Map:
		return false
	case schema.MessageKind:
		return unconstrained(old) && unconstrained(new) && old.Message.FullName == new.Message.FullName
	}
	return constrainedAlike(old, new)
}

// constrainedAlike says that two types have the same constraints, which mean the same on both sides: expressions in CEL,
// rules that a schema predefines, and what the model does not hold are left to the rules of this package.
func constrainedAlike(old, new *schema.Type) bool {
	if unconstrained(old) || unconstrained(new) {
		return unconstrained(old) && unconstrained(new)
	}
	o, n := &old.Constraints, &new.Constraints
	return o.Unmodelled == nil && n.Unmodelled == nil && (o.Rules == nil || plain(o.Rules.ProtoReflect())) && sameConstraints(*o, *n)
}

// plain says that rules are protovalidate's own, and no expressions.
func plain(rules protoreflect.Message) bool {
	if len(rules.GetUnknown()) > 0 {
		return false
	}
	all := true
	rules.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		all = !fd.IsExtension() && (fd.Message() == nil || !fd.IsList() && plain(v.Message()))
		return all
	})
	return all
}

// unconstrained says that a type has no constraints at all, as most have.
func unconstrained(t *schema.Type) bool {
	c := &t.Constraints
	return c.Rules == nil && c.Min == nil && c.Max == nil && c.MultipleOf == "" &&
		c.MinLen == nil && c.MaxLen == nil && c.Pattern == "" && c.Format == "" &&
		c.MinItems == nil && c.MaxItems == nil && !c.Unique && c.MinPairs == nil && c.MaxPairs == nil &&
		c.Const == "" && c.In == nil && c.NotIn == nil && !c.DefinedOnly && !c.SkipZero && c.Unmodelled == nil
}
