package compat

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func allowedChange(old, new *schema.Type) constraintChange {
	o, n := valuesOf(old), valuesOf(new)
	if bothProtobufEnums(old, new) {
		o, n = values.Allowed(old), values.Allowed(new)
	}
	text := fmt.Sprintf("allowed values changed from %s to %s", allowedText(o), allowedText(n))
	if bothProtobufEnums(old, new) {
		o, n = numbersOf(old, o), numbersOf(new, n)
	}
	switch {
	case o == nil && n == nil:
		return constraintChange{}
	case old.Kind == schema.EnumKind && new.Kind == schema.EnumKind && values.Allowed(old) == nil && values.Allowed(new) == nil:
		return constraintChange{} // the rules about enums say it
	case o == nil:
		return constraintChange{relation: tighter, text: text}
	case n == nil:
		return constraintChange{relation: looser, text: text}
	}
	return constraintChange{relation: relate(values.Subset(n, o), values.Subset(o, n)), text: text}
}

// valuesOf returns the values a type allows, an enum's names among them where it is held against a string.
func valuesOf(t *schema.Type) []string {
	if in := values.Allowed(t); in != nil || t.Kind != schema.EnumKind {
		return in
	}
	return values.Names(t.Enum)
}

func forbiddenChange(old, new *schema.Type) constraintChange {
	o, n := old.Constraints.NotIn, new.Constraints.NotIn
	if len(o)+len(n) == 0 {
		return constraintChange{}
	}
	text := fmt.Sprintf("forbidden values changed from %s to %s", listText(o), listText(n))
	if bothProtobufEnums(old, new) {
		o, n = numbersOf(old, o), numbersOf(new, n)
	}
	return constraintChange{relation: relate(values.Subset(o, n), values.Subset(n, o)), text: text}
}

// bothProtobufEnums says whether both types are enums of protobuf, whose binary form has numbers with a name and
// without one.
func bothProtobufEnums(old, new *schema.Type) bool {
	return old.Proto == protoreflect.EnumKind && new.Proto == protoreflect.EnumKind
}

// numbersOf returns the numbers of an enum's values, which constraints know by their JSON names where they have one.
func numbersOf(t *schema.Type, values []string) []string {
	if values == nil {
		return nil
	}
	out := make([]string, 0, len(values))
	for _, text := range values {
		for _, v := range t.Enum.Values {
			if v.JSONName != "" && jsontree.Quote(v.JSONName) == text {
				text = strconv.Itoa(int(v.Number))
			}
		}
		out = append(out, text)
	}
	return out
}

func listText(values []string) string {
	const shown = 6
	switch {
	case len(values) == 0:
		return "none"
	case len(values) > shown:
		return fmt.Sprintf("%s and %d more", strings.Join(values[:shown], ", "), len(values)-shown)
	}
	return strings.Join(values, ", ")
}

func allowedText(values []string) string {
	if values == nil {
		return "any"
	}
	return listText(values)
}
