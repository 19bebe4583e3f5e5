package python

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// expressions writes the check of a message's rules in CEL, which protovalidate's library makes.
func (g *module) expressions(m *schema.Message) {
	if !m.HasExpressions() {
		return
	}
	g.ruled = append(g.ruled, m)
	g.p("\n    @%s(mode=\"after\")", g.use("model_validator"))
	g.p("    def _check_expressions(self) -> %s:", g.use("Self"))
	hidden := ""
	if m.HoldsSensitive || m.InSensitive {
		hidden = ", hidden=True"
	}
	g.p("        %s.check(self, %s%s)", g.use("MESSAGES"), quote(m.FullName), hidden)
	g.p("        return self")
}

// onlyOptions are files that give options and no types: their rules are in the descriptors of those that use them.
var onlyOptions = []string{"buf/validate/validate.proto", "trestle/v1/options.proto"}

// messages writes the module of the protobuf messages whose rules have expressions; none where there are none.
func (p *project) messages() ([]output.File, error) {
	if len(p.ruled) == 0 {
		return nil, nil
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(fd protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if seen[fd.Path()] {
			return
		}
		seen[fd.Path()] = true
		file := protodesc.ToFileDescriptorProto(fd)
		file.SourceCodeInfo, file.Dependency, file.PublicDependency, file.WeakDependency = nil, nil, nil, nil
		for i := range fd.Imports().Len() {
			imported := fd.Imports().Get(i)
			if slices.Contains(onlyOptions, imported.Path()) && !declaresExtensions(fd) {
				continue
			}
			if imported.IsPublic {
				file.PublicDependency = append(file.PublicDependency, int32(len(file.Dependency)))
			}
			file.Dependency = append(file.Dependency, imported.Path())
			add(imported.FileDescriptor)
		}
		allowAbsent(file.MessageType)
		set.File = append(set.File, file)
	}
	enums, fields := map[string]string{}, map[string]string{}
	known := map[*schema.Message]bool{}
	var visit func(m *schema.Message)
	visit = func(m *schema.Message) {
		if known[m] {
			return
		}
		known[m] = true
		var renamed []string
		for _, f := range m.Fields {
			if f.JSONName != f.Name {
				renamed = append(renamed, quote(f.JSONName)+": "+quote(f.Name))
			}
			for t := f.Type; t != nil; t = t.Elem {
				if t.Enum != nil {
					enums[t.Enum.FullName] = numbers(t.Enum)
				}
				if t.Message != nil {
					visit(t.Message)
				}
			}
		}
		if len(renamed) > 0 {
			fields[m.FullName] = strings.Join(renamed, ", ")
		}
	}
	for _, m := range p.ruled {
		add(m.Proto.ParentFile())
		visit(m)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("\"\"\"The protobuf messages whose rules have expressions in CEL.\"\"\"\n\n")
	b.WriteString("from __future__ import annotations\n\nfrom ._support.expressions import Messages\n\nMESSAGES = Messages(\n")
	text := base64.StdEncoding.EncodeToString(data)
	for len(text) > 0 {
		n := min(len(text), width-8)
		fmt.Fprintf(&b, "    %s\n", quote(text[:n]))
		text = text[n:]
	}
	b.WriteString("    \"\",\n")
	for _, table := range []map[string]string{enums, fields} {
		b.WriteString("    {\n")
		for _, name := range slices.Sorted(maps.Keys(table)) {
			fmt.Fprintf(&b, "        %s: {%s},\n", quote(name), table[name])
		}
		b.WriteString("    },\n")
	}
	b.WriteString(")\n")
	support, err := templates.ReadFile("template/extra/expressions.py")
	if err != nil {
		return nil, err
	}
	return []output.File{p.file("messages.py", b.String()), p.file("_support/expressions.py", string(support))}, nil
}

// allowAbsent takes from fields that the binary form needs them: JSON does not, and what lacks them is judged by its rules.
func allowAbsent(messages []*descriptorpb.DescriptorProto) {
	for _, m := range messages {
		for _, f := range append(m.Field, m.Extension...) {
			if f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REQUIRED {
				f.Label = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
			}
			if features := f.GetOptions().GetFeatures(); features.GetFieldPresence() == descriptorpb.FeatureSet_LEGACY_REQUIRED {
				features.FieldPresence = descriptorpb.FeatureSet_EXPLICIT.Enum()
			}
		}
		allowAbsent(m.NestedType)
	}
}

// numbers are those of an enum's names in JSON.
func numbers(e *schema.Enum) string {
	var out []string
	for _, v := range e.Values {
		if v.JSONName != "" {
			out = append(out, fmt.Sprintf("%s: %d", quote(v.JSONName), v.Number))
		}
	}
	return strings.Join(out, ", ")
}

func declaresExtensions(fd protoreflect.FileDescriptor) bool {
	found := fd.Extensions().Len() > 0
	var walk func(messages protoreflect.MessageDescriptors)
	walk = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			found = found || messages.Get(i).Extensions().Len() > 0
			walk(messages.Get(i).Messages())
		}
	}
	walk(fd.Messages())
	return found
}
