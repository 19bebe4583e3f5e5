package golang

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema"
)

// numberRuleNames are the rules of every numeric type.
var numberRuleNames = []protoreflect.Name{"const", "lt", "lte", "gt", "gte", "in", "not_in", "finite", "example"}

// staticRules are the rules that have a static validator, by their type's name in buf.validate.FieldRules.
var staticRules = map[protoreflect.Name][]protoreflect.Name{
	"float": numberRuleNames, "double": numberRuleNames,
	"int32": numberRuleNames, "int64": numberRuleNames, "uint32": numberRuleNames, "uint64": numberRuleNames,
	"sint32": numberRuleNames, "sint64": numberRuleNames, "fixed32": numberRuleNames, "fixed64": numberRuleNames,
	"sfixed32": numberRuleNames, "sfixed64": numberRuleNames,
	"bool": {"const", "example"},
	"string": {
		"const", "len", "min_len", "max_len", "len_bytes", "min_bytes", "max_bytes", "pattern", "prefix", "suffix",
		"contains", "not_contains", "in", "not_in", "uuid", "tuuid", "example",
	},
	"bytes":    {"const", "len", "min_len", "max_len", "prefix", "suffix", "contains", "in", "not_in", "example"},
	"enum":     {"const", "defined_only", "in", "not_in", "example"},
	"repeated": {"min_items", "max_items", "unique", "items"},
	"map":      {"min_pairs", "max_pairs", "keys", "values"},
}

// supported refuses rules that have no static validator, by name and place.
func supported(rules *validate.FieldRules, f *schema.Field) error {
	if rules == nil {
		return nil
	}
	pos := f.Type.Constraints.Pos
	if pos.File == "" {
		pos = f.Pos
	}
	if len(rules.GetCel())+len(rules.GetCelExpression()) > 0 {
		return refuse(pos, fieldName(f), "a rule that is a CEL expression has no static validator: use standard rules")
	}
	typed := rules.ProtoReflect().WhichOneof(rules.ProtoReflect().Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return nil
	}
	known, ok := staticRules[typed.Name()]
	if !ok {
		return refuse(pos, fieldName(f), "rules of %s have no static validator: use standard rules of scalars, lists and maps", typed.Name())
	}
	var err error
	inner := rules.ProtoReflect().Get(typed).Message()
	inner.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !slices.Contains(known, fd.Name()) || fd.IsExtension() {
			err = refuse(pos, fieldName(f), "rule %s.%s has no static validator: use standard rules", typed.Name(), fd.Name())
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	if len(inner.GetUnknown()) > 0 {
		return refuse(pos, fieldName(f), "a predefined rule of %s has no static validator: use standard rules", typed.Name())
	}
	for _, nested := range []*validate.FieldRules{rules.GetRepeated().GetItems(), rules.GetMap().GetKeys(), rules.GetMap().GetValues()} {
		if err := supported(nested, f); err != nil {
			return err
		}
	}
	return nil
}
