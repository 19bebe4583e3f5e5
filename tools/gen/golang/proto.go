package golang

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/omninode/trestle/tools/schema"
)

// newPlugin hands the protobuf files of the packages that are wanted, and of those that they refer to, to protoc-gen-go's
// library, which knows how Go names come about.
func newPlugin(set *schema.Set, opts Options, wanted func(*schema.Package) bool) (*protogen.Plugin, *protoNames, error) {
	req := &pluginpb.CodeGeneratorRequest{}
	added := map[string]bool{}
	var add func(fd protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if added[fd.Path()] {
			return
		}
		added[fd.Path()] = true
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		file := protodesc.ToFileDescriptorProto(fd)
		for _, at := range file.GetSourceCodeInfo().GetLocation() {
			for _, text := range []*string{at.LeadingComments, at.TrailingComments} {
				if text != nil {
					*text = comment(*text)
				}
			}
			for i, text := range at.LeadingDetachedComments {
				at.LeadingDetachedComments[i] = comment(text)
			}
		}
		req.ProtoFile = append(req.ProtoFile, file)
	}
	known, needed := map[string]bool{}, map[*schema.Package]bool{}
	for _, pkg := range set.Packages {
		if wanted(pkg) {
			needed[pkg] = true
			for _, u := range usesOf(set, pkg) {
				needed[u.to] = true
			}
		}
	}
	params := []string{"paths=source_relative"}
	for _, pkg := range set.Packages {
		for _, f := range sorted(pkg) {
			if f.Language() != schema.Protobuf {
				continue
			}
			known[f.Path] = true
			if needed[pkg] {
				add(f.Proto)
			}
			if wanted(pkg) {
				req.FileToGenerate = append(req.FileToGenerate, f.Path)
			}
			if options, ok := f.Proto.Options().(*descriptorpb.FileOptions); ok && options.GetGoPackage() != "" && opts.WithoutMessages {
				continue // the protoc-gen-go beside us goes by it
			}
			params = append(params, "M"+f.Path+"="+goImport(pkg)+";"+goPackage(pkg))
		}
	}
	names := &protoNames{
		messages: map[string]*protogen.Message{}, enums: map[string]*protogen.Enum{},
		fields: map[string]*protogen.Field{}, packages: map[string]protogen.GoPackageName{},
		values:    map[string]map[string]protogen.GoIdent{},
		withRules: map[*schema.Message]bool{}, compiler: newCompiler(set),
	}
	if len(req.FileToGenerate) == 0 {
		return nil, names, nil
	}
	req.Parameter = proto.String(strings.Join(params, ","))
	plugin, err := protogen.Options{}.New(req)
	if err != nil {
		return nil, nil, fmt.Errorf("name the Go types of %d protobuf files: %w", len(req.FileToGenerate), err)
	}
	concealing := map[string]*schema.Message{}
	for _, pkg := range set.Packages {
		for _, m := range allMessages(pkg.Messages) {
			concealing[m.FullName] = m
		}
	}
	for _, f := range plugin.Files {
		names.packages[string(f.GoImportPath)] = f.GoPackageName
		for _, e := range f.Enums {
			names.enums[string(e.Desc.FullName())] = e
		}
		if known[f.Desc.Path()] && !opts.WithoutMessages {
			rename(f.Messages, concealing)
		}
		names.add(f.Messages)
	}
	return plugin, names, nil
}

func (n *protoNames) add(messages []*protogen.Message) {
	for _, m := range messages {
		n.messages[string(m.Desc.FullName())] = m
		for _, f := range m.Fields {
			n.fields[string(f.Desc.FullName())] = f
		}
		for _, e := range m.Enums {
			n.enums[string(e.Desc.FullName())] = e
		}
		n.add(m.Messages)
	}
}

// protoMessages is what protoc-gen-go makes of the package's files, without the versions in the header.
func protoMessages(plugin *protogen.Plugin, pkg *schema.Package) []unformatted {
	var files []unformatted
	at := layoutOf(pkg)
	for _, f := range sorted(pkg) {
		made := internal_gengo.GenerateFile(plugin, plugin.FilesByPath[f.Path])
		files = append(files, unformatted{at.path(f.Path, ".pb.go"), func() ([]byte, error) {
			content, err := made.Content()
			if err != nil {
				return nil, fmt.Errorf("%s: the Go of protoc-gen-go does not parse: %w", f.Path, err)
			}
			return withoutVersions(content), nil
		}})
	}
	return files
}

// withoutVersions drops the tool versions from protoc-gen-go's header: a new version that writes the same code makes
// no difference.
func withoutVersions(content []byte) []byte {
	lines := strings.SplitAfter(string(content), "\n")
	kept := lines[:0]
	header := true
	for _, line := range lines {
		if strings.HasPrefix(line, "package ") {
			header = false
		}
		if header && (line == "// versions:\n" || strings.HasPrefix(line, "// \tproto") || strings.HasPrefix(line, "// - proto")) {
			continue
		}
		kept = append(kept, line)
	}
	return []byte(strings.Join(kept, ""))
}

// protoPackage makes the methods of a protobuf package's messages and enums, a file a schema file, and the package's
// own file.
func protoPackage(set *schema.Set, pkg *schema.Package, names *protoNames, opts Options) ([]unformatted, error) {
	shared, at := &patterns{}, layoutOf(pkg)
	var files []unformatted
	for _, source := range sorted(pkg) {
		g := &file{writer: newProtoWriter(pkg, source.Path, shared, names), set: set, owner: pkg, names: names, onlyValidators: opts.OnlyValidators, keepRefused: opts.KeepRefused}
		if err := g.protoFile(source); err != nil {
			return nil, err
		}
		if g.body.Len() == 0 {
			continue
		}
		files = append(files, g.finish(at.path(source.Path, ".trestle.go"), source.Path))
	}
	own, err := packageFile(set, pkg, names, nil, shared, opts)
	if err != nil {
		return nil, err
	}
	return append(files, own...), nil
}

// protoFile writes the methods of one file's messages and enums.
func (g *file) protoFile(source *schema.File) error {
	for _, e := range g.owner.Enums {
		if e.File == source && !g.onlyValidators {
			g.protoEnum(e)
		}
	}
	for _, m := range g.owner.Messages {
		if m.File == source {
			if err := g.protoMessage(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *file) protoMessage(m *schema.Message) error {
	pm := g.names.messages[m.FullName]
	if options, ok := m.Proto.Options().(*descriptorpb.MessageOptions); ok && options.GetMapEntry() {
		return nil
	}
	goName := pm.GoIdent.GoName
	if pm.APILevel.String() != "API_OPEN" {
		return refuse(m.Pos, m.FullName, "generated code needs protobuf's open Go API: set features.(pb.go).api_level = API_OPEN")
	}
	if err := g.refuseMember(m); err != nil {
		return err
	}
	if e := eventOf(g.owner, m); e != nil && !g.onlyValidators {
		g.eventMethods(e, goName)
	}
	if err := g.validate(m, goName); err != nil {
		if !g.keepRefused {
			return err
		}
		g.validateRefused(m, goName, err)
	}
	if !g.onlyValidators {
		if err := g.codec(m, goName); err != nil {
			return err
		}
	}
	for _, nested := range m.Messages {
		if err := g.protoMessage(nested); err != nil {
			return err
		}
	}
	return nil
}

// codec writes defaults, the use of deprecated fields, and JSON of a message and of the enums in it.
func (g *file) codec(m *schema.Message, goName string) error {
	if err := g.setDefaults(m, goName); err != nil {
		return err
	}
	if err := g.deprecatedFields(m, goName); err != nil {
		return err
	}
	if err := g.appendJSON(m, goName); err != nil {
		return err
	}
	if err := g.decodeJSON(m, goName); err != nil {
		return err
	}
	g.binary(m, goName)
	g.redacted(m, goName)
	for _, e := range m.Enums {
		g.protoEnum(e)
	}
	return nil
}

// allMessages are messages and those inside them.
func allMessages(messages []*schema.Message) []*schema.Message {
	var out []*schema.Message
	for _, m := range messages {
		out = append(append(out, m), allMessages(m.Messages)...)
	}
	return out
}

// eventOf returns the event that a message is, or nil.
func eventOf(pkg *schema.Package, m *schema.Message) *schema.Event {
	for _, e := range pkg.Events {
		if e.Message == m {
			return e
		}
	}
	return nil
}

// protoEnum writes the JSON form of an enum.
func (g *file) protoEnum(e *schema.Enum) {
	goName := g.enumType(e)
	g.p("// JSONName returns the name of e in JSON, empty when it has none: not set, or not a value of the schema.")
	g.p("func (e %s) JSONName() string {", goName)
	g.p("switch e {")
	seen := map[int32]bool{}
	for _, v := range e.Values {
		if v.JSONName == "" || seen[v.Number] {
			continue
		}
		seen[v.Number] = true
		g.p("case %s:", g.enumConst(e, v))
		g.p("return %s", goString(v.JSONName))
	}
	g.p("}")
	g.p("return \"\"")
	g.p("}\n")

	parse := g.function("Parse" + goName + "JSON")
	g.p("// %s returns the value with that name in JSON.", parse)
	g.p("func %s(name string) (value %s, ok bool) {", parse, goName)
	g.p("switch name {")
	named := map[string]bool{}
	for _, v := range e.Values {
		if v.JSONName == "" || named[v.JSONName] {
			continue
		}
		named[v.JSONName] = true
		g.p("case %s:", goString(v.JSONName))
		g.p("return %s, true", g.enumConst(e, v))
	}
	g.p("}")
	g.p("return 0, false")
	g.p("}\n")

	g.p("// AppendJSON appends e's name in JSON, quoted; a value without one is an error.")
	g.p("func (e %s) AppendJSON(b []byte) ([]byte, error) {", goName)
	g.p("name := e.JSONName()")
	g.p("if name == \"\" {")
	g.p("return b, &%s{Offset: -1, Message: \"enum value \" + %s(int(e)) + \" has no JSON name\"}", g.jsonio("Error"), g.std("strconv", "Itoa"))
	g.p("}")
	g.p("return %s(b, name)", g.jsonio("AppendString"))
	g.p("}\n")

	g.p("// DecodeJSON reads e from its name in JSON. A name that the schema does not have is a fault.")
	g.p("func (e *%s) DecodeJSON(r *%s) {", goName, g.jsonio("Reader"))
	g.p("if r.Kind() != '\"' {")
	g.p("r.StringView() // the fault is that it is no string")
	g.p("return")
	g.p("}")
	g.p("name := r.StringView()")
	g.p("value, ok := %s(name)", parse)
	g.p("if !ok {")
	g.p("r.Fault(\"enum.defined_only\", \"value must be one of the defined enum values\", name)")
	g.p("return")
	g.p("}")
	g.p("*e = value")
	g.p("}\n")
}
