package golang

import (
	"strings"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/runtime/genapi/celvalidate"
	"github.com/omninode/trestle/tools/schema"
)

const celvalidatePath = "github.com/omninode/trestle/runtime/genapi/celvalidate"

func (w *writer) celvalidate(member string) string {
	return w.pkg(celvalidatePath, "celvalidate") + "." + member
}

// wrappers are the kinds inside protobuf's wrapper messages.
var wrappers = map[string]schema.Kind{
	"google.protobuf.BoolValue": schema.Bool, "google.protobuf.BytesValue": schema.Bytes,
	"google.protobuf.DoubleValue": schema.Double, "google.protobuf.FloatValue": schema.Float,
	"google.protobuf.Int32Value": schema.Int32, "google.protobuf.Int64Value": schema.Int64,
	"google.protobuf.StringValue": schema.String, "google.protobuf.UInt32Value": schema.Uint32,
	"google.protobuf.UInt64Value": schema.Uint64,
}

// typed names which kind of rules there are: "int64", "repeated"; empty for none.
func typed(rules *validate.FieldRules) protoreflect.Name {
	if rules == nil {
		return ""
	}
	msg := rules.ProtoReflect()
	if fd := msg.WhichOneof(msg.Descriptor().Oneofs().ByName("type")); fd != nil {
		return fd.Name()
	}
	return ""
}

// messageRuleNames are the rules of messages.
var messageRuleNames = map[protoreflect.FullName]protoreflect.Name{
	"google.protobuf.Any": "any", "google.protobuf.Duration": "duration", "google.protobuf.Timestamp": "timestamp",
	"google.protobuf.FieldMask": "field_mask", "google.protobuf.BoolValue": "bool", "google.protobuf.BytesValue": "bytes",
	"google.protobuf.DoubleValue": "double", "google.protobuf.FloatValue": "float", "google.protobuf.Int32Value": "int32",
	"google.protobuf.Int64Value": "int64", "google.protobuf.StringValue": "string", "google.protobuf.UInt32Value": "uint32",
	"google.protobuf.UInt64Value": "uint64",
}

// fits refuses rules of another type than the value's, and those that nothing can check.
func fits(rules *validate.FieldRules, f *schema.Field, fd protoreflect.FieldDescriptor, item bool) error {
	have := typed(rules)
	if rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS || have == "" {
		return nil
	}
	var want protoreflect.Name
	switch {
	case !item && fd.IsMap():
		want = "map"
	case !item && fd.IsList():
		want = "repeated"
	case fd.Message() != nil:
		want = messageRuleNames[fd.Message().FullName()]
	default:
		want = protoreflect.Name(fd.Kind().String())
	}
	if have != want {
		pos := f.Type.Constraints.Pos
		if pos.File == "" {
			pos = f.Pos
		}
		if want == "" {
			return refuse(pos, fieldName(f), "rules of %s are for another type than %s", have, fd.Message().FullName())
		}
		return refuse(pos, fieldName(f), "rules of %s are for another type: use those of %s", have, want)
	}
	switch have {
	case "repeated":
		if rules.GetRepeated().GetUnique() && !f.Type.Elem.ToldApart() {
			return refuse(f.Pos, fieldName(f), "repeated.unique is not for messages: use it for scalars")
		}
		return fits(rules.GetRepeated().GetItems(), f, fd, true)
	case "map":
		if err := fits(rules.GetMap().GetKeys(), f, fd.MapKey(), true); err != nil {
			return err
		}
		return fits(rules.GetMap().GetValues(), f, fd.MapValue(), true)
	}
	return nil
}

// besideExpressions leaves of a field's rules what is not checked where its expressions are: what decides whether messages below
// it are validated, and the size of a list of wrappers, which protovalidate passes over.
func besideExpressions(t *schema.Type, rules *validate.FieldRules) *validate.FieldRules {
	out := nestedOnly(rules)
	if list := rules.GetRepeated(); list != nil && t.Elem.Message != nil && wrappers[t.Elem.Message.FullName] != "" {
		out.Type = &validate.FieldRules_Repeated{Repeated: &validate.RepeatedRules{MinItems: list.MinItems, MaxItems: list.MaxItems}}
	}
	return out
}

func nestedOnly(rules *validate.FieldRules) *validate.FieldRules {
	if rules == nil {
		return nil
	}
	out := &validate.FieldRules{}
	if rules.HasIgnore() {
		out.SetIgnore(rules.GetIgnore())
	}
	if items := rules.GetRepeated().GetItems(); items != nil {
		out.Type = &validate.FieldRules_Repeated{Repeated: &validate.RepeatedRules{Items: nestedOnly(items)}}
	}
	if values := rules.GetMap().GetValues(); values != nil {
		out.Type = &validate.FieldRules_Map{Map: &validate.MapRules{Values: nestedOnly(values)}}
	}
	return out
}

// compiles refuses rules whose expressions protovalidate cannot compile; desc is the message's or a field's.
func (g *file) compiles(m *schema.Message, desc protoreflect.Descriptor, pos schema.Position) error {
	if pos.File == "" {
		pos = m.Pos
	}
	compiler, err := g.names.compiler()
	if err != nil {
		return refuse(pos, string(desc.FullName()), "read predefined rules: %v", err)
	}
	if err := compiler.Compile(m.Proto, desc); err != nil {
		return refuse(pos, string(desc.FullName()), "the rule cannot be compiled: %s", oneLine(err.Error()))
	}
	return nil
}

// newCompiler makes what compiles the expressions of a set's rules, once one has them.
func newCompiler(set *schema.Set) func() (*celvalidate.Compiler, error) {
	return sync.OnceValues(func() (*celvalidate.Compiler, error) {
		types := &protoregistry.Types{}
		for _, pkg := range set.Packages {
			for _, f := range sorted(pkg) {
				if f.Language() != schema.Protobuf {
					continue
				}
				if err := registerExtensions(types, f.Proto.Extensions(), f.Proto.Messages()); err != nil {
					return nil, err
				}
			}
		}
		return celvalidate.NewCompiler(types)
	})
}

func registerExtensions(types *protoregistry.Types, extensions protoreflect.ExtensionDescriptors, messages protoreflect.MessageDescriptors) error {
	for i := range extensions.Len() {
		if err := types.RegisterExtension(dynamicpb.NewExtensionType(extensions.Get(i))); err != nil {
			return err
		}
	}
	for i := range messages.Len() {
		if err := registerExtensions(types, messages.Get(i).Extensions(), messages.Get(i).Messages()); err != nil {
			return err
		}
	}
	return nil
}

// ruled says whether a message, or one that it holds, has rules: others need no validation.
func (n *protoNames) ruled(m *schema.Message) bool {
	if known, ok := n.withRules[m]; ok {
		return known
	}
	visited := map[*schema.Message]bool{}
	found := n.reachesRules(m, visited)
	if found {
		n.withRules[m] = true
		return true
	}
	for seen := range visited {
		n.withRules[seen] = false
	}
	return false
}

func (n *protoNames) reachesRules(m *schema.Message, visited map[*schema.Message]bool) bool {
	if known, ok := n.withRules[m]; ok || visited[m] {
		return known
	}
	visited[m] = true
	if len(m.Rules.GetCel())+len(m.Rules.GetCelExpression())+len(m.Rules.GetOneof()) > 0 {
		return true
	}
	for _, o := range m.Oneofs {
		if o.Required {
			return true
		}
	}
	for _, f := range m.Fields {
		rules := f.Type.Constraints.Rules
		if rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
			continue
		}
		if rules != nil {
			return true
		}
		t := f.Type
		if t.Kind == schema.List || t.Kind == schema.Map {
			t = t.Elem
		}
		if t.Kind == schema.MessageKind && !foreign(t.Message) && n.reachesRules(t.Message, visited) {
			return true
		}
	}
	return false
}

// oneLine joins the lines of a message.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
