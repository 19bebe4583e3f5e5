package python

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema"
)

func protoName(s string) protoreflect.Name { return protoreflect.Name(s) }

var numberRules = []protoreflect.Name{"const", "lt", "lte", "gt", "gte", "in", "not_in", "finite", "example"}

// checked are the rules that a model checks, by their type's name in buf.validate.FieldRules.
var checked = map[protoreflect.Name][]protoreflect.Name{
	"float": numberRules, "double": numberRules, "int32": numberRules, "int64": numberRules, "uint32": numberRules,
	"uint64": numberRules, "sint32": numberRules, "sint64": numberRules, "fixed32": numberRules, "fixed64": numberRules,
	"sfixed32": numberRules, "sfixed64": numberRules,
	"bool": {"const", "example"},
	"string": {
		"const", "len", "min_len", "max_len", "len_bytes", "min_bytes", "max_bytes", "pattern", "prefix", "suffix",
		"contains", "not_contains", "in", "not_in", "uuid", "tuuid", "example", "well_known_regex", "strict", "email", "hostname", "ip",
		"ipv4", "ipv6", "uri", "uri_ref", "address", "ulid", "ip_with_prefixlen", "ipv4_with_prefixlen", "ipv6_with_prefixlen", "ip_prefix",
		"ipv4_prefix", "ipv6_prefix", "protobuf_fqn", "protobuf_dot_fqn", "host_and_port",
	},
	"bytes": {
		"const", "len", "min_len", "max_len", "prefix", "suffix", "contains", "in", "not_in", "example", "pattern", "ip", "ipv4", "ipv6", "uuid",
	},
	"duration":   {"const", "lt", "lte", "gt", "gte", "in", "not_in", "example"},
	"timestamp":  {"const", "lt", "lte", "gt", "gte", "lt_now", "gt_now", "within", "example"},
	"any":        {"in", "not_in"},
	"field_mask": {"const", "in", "not_in", "example"},
	"enum":       {"const", "defined_only", "in", "not_in", "example"},
	"repeated":   {"min_items", "max_items", "unique", "items"},
	"map":        {"min_pairs", "max_pairs", "keys", "values"},
}

// noteUnchecked remembers rules of a value that the model does not check, for its documentation.
func (g *module) noteUnchecked(f *schema.Field, t *schema.Type) {
	rules := t.Constraints.Rules
	if rules == nil {
		return
	}
	typed := rules.ProtoReflect().WhichOneof(rules.ProtoReflect().Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return
	}
	values := rules.ProtoReflect().Get(typed).Message()
	var names []string
	values.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		off := fd.Kind() == protoreflect.BoolKind && !fd.IsList() && !v.Bool()
		if !off && (!fd.IsExtension() && !slices.Contains(checked[typed.Name()], fd.Name())) {
			names = append(names, f.JSONName+" ("+string(typed.Name())+"."+string(fd.Name())+")")
		}
		return true
	})
	slices.Sort(names)
	g.unchecked = append(g.unchecked, names...)
}
