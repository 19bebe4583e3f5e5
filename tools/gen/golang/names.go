package golang

import (
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/tools/gen/internal/naming"
	"github.com/omninode/trestle/tools/schema"
)

// memberNames are what a generated struct has beside the fields of its schema: fields cannot have these names.
var memberNames = []string{
	"AppendJSON", "DecodeJSON", "EventInfo", "MarshalJSON", "Nulls", "PartitionKey", "SetDefaults", "ShareEnvelope", "Unknown",
	"UnmarshalJSON", "Validate", "ValidateFirst", "ValidateInto",
}

// protoMemberNames are what we and protoc-gen-go add to its structs and what it does not avoid by itself.
var protoMemberNames = []string{
	"AppendBinary", "AppendJSON", "DecodeBinary", "DecodeJSON", "EventInfo", "PartitionKey", "ProtoReflect", "SetDefaults",
	"ShareEnvelope", "UnmarshalBinary", "Validate", "ValidateFirst", "ValidateInto",
}

// redactedNames are the methods that keep what is sensitive out of what fmt and slog write. Only messages that hold such, or
// stand in it, have them.
var redactedNames = []string{"Format", "LogValue"}

func membersOf(names []string, m *schema.Message) []string {
	if m == nil {
		return names
	}
	if concealed(m) {
		names = slices.Concat(names, redactedNames)
	}
	if hasDeprecated(m, map[*schema.Message]bool{}) {
		names = append(slices.Clip(names), deprecatedMethod)
	}
	return names
}

// localNames are the parameters and variables of generated functions, by which no imported package may be called.
var localNames = []string{
	"a", "at", "b", "c", "caller", "ctx", "d", "e", "entries", "entry", "env", "err", "fields", "first", "got", "holds", "i", "items", "k",
	"keys", "list", "m", "members", "n", "name", "names", "now", "o", "ok", "opts", "outer", "pub", "r", "request", "room", "s", "seen", "set",
	"state", "t", "tag", "text", "v", "value", "x",
}

// ownPackages are the packages that generated code imports, as it calls them, and the variables that hold schemas and masks.
var ownPackages = []string{
	"binary", "bytes", "celvalidate", "context", "format", "json", "jsonio", "fmt", "jsonvalidate", "masks", "math", "proto", "protobin",
	"protojson", "protowire", "redact", "regexp", "schemas", "slices", "slog", "strconv", "strings", "sync", "time", "trestle", "utf8", "wire",
}

// jsonNames are the Go names of what JSON Schemas declare: of properties and of the values of enums.
type jsonNames struct {
	fields map[*schema.Message]map[string]string
	values map[*schema.Package]map[*schema.EnumValue]string
}

func newJSONNames() *jsonNames {
	return &jsonNames{map[*schema.Message]map[string]string{}, map[*schema.Package]map[*schema.EnumValue]string{}}
}

// field is the Go name of a property. A property that begins with a letter comes before others: of `_id` and `id` it is
// the second that is called Id.
func (n *jsonNames) field(f *schema.Field) string {
	names, ok := n.fields[f.Message]
	if !ok {
		given := naming.NewDistinct(membersOf(memberNames, f.Message)...)
		if f.Message.Undeclared != nil {
			given.Take("Additional")
		}
		names = make(map[string]string, len(f.Message.Fields))
		for _, plain := range []bool{true, false} {
			for _, other := range f.Message.Fields {
				if plainName(other.Name) == plain {
					names[other.JSONName] = given.Name(camel(other.Name))
				}
			}
		}
		n.fields[f.Message] = names
	}
	if name, ok := names[f.JSONName]; ok {
		return name
	}
	return camel(f.Name)
}

// value is the Go name of an enum's value: a constant of the package, which no type and no other constant has.
func (n *jsonNames) value(e *schema.Enum, v *schema.EnumValue) string {
	names, ok := n.values[e.Package]
	if !ok {
		given := naming.NewDistinct(typeNames(e.Package)...)
		names = map[*schema.EnumValue]string{}
		for _, source := range sorted(e.Package) {
			for _, other := range e.Package.Enums {
				if other.File != source {
					continue
				}
				for _, value := range other.Values {
					names[value] = given.Name(jsonEnumName(other) + camel(value.Name))
				}
			}
		}
		n.values[e.Package] = names
	}
	return names[v]
}

// typeNames are the names of the types of a JSON Schema package.
func typeNames(pkg *schema.Package) []string {
	var names []string
	for _, m := range pkg.Messages {
		names = append(names, jsonTypeName(m))
	}
	for _, e := range pkg.Enums {
		names = append(names, jsonEnumName(e))
	}
	for _, u := range pkg.Unions {
		names = append(names, camel(u.Name))
	}
	return names
}

func plainName(name string) bool {
	for _, r := range name {
		return unicode.IsLetter(r)
	}
	return false
}

// renamed says of a field that does not have the name that its schema's gives in Go why that is so.
func renamed(name, jsonName, wanted string, members []string) string {
	if name == wanted {
		return ""
	}
	why := "another field is named " + wanted
	if slices.Contains(members, wanted) || wanted == "Additional" {
		why = wanted + " is a name that every generated type may have"
	}
	return name + " is " + strconv.Quote(jsonName) + " in the schema: " + why + "."
}

// derived says that a package's import path comes from its folder and not from an option of a file.
func derived(pkg *schema.Package) bool {
	for _, f := range pkg.Files {
		if f.Language() != schema.Protobuf {
			continue
		}
		if options, ok := f.Proto.Options().(*descriptorpb.FileOptions); ok && options.GetGoPackage() != "" {
			return false
		}
	}
	return pkg.Dir != "" && pkg.Dir != "." && (pkg.GoImport == pkg.Dir || strings.HasSuffix(pkg.GoImport, "/"+pkg.Dir))
}

// goDir is the folder of a package's Go, below the output folder: that of its schemas, but for names that mean something
// to the go tool, such as internal, or that an import path cannot have. They get an underscore.
func goDir(pkg *schema.Package) string {
	if !derived(pkg) {
		return pkg.Dir
	}
	elements := strings.Split(pkg.Dir, "/")
	for i := range elements {
		elements[i] = goElement(elements[i])
	}
	if last := &elements[len(elements)-1]; slices.Contains(aliasNames, *last) {
		*last += "_"
	}
	return strings.Join(elements, "/")
}

// aliasNames are ends of import paths by which protoc-gen-go would call the package where the name means something else.
var aliasNames = []string{"init", "x"}

// goImport is the package's import path.
func goImport(pkg *schema.Package) string {
	if !derived(pkg) {
		return pkg.GoImport
	}
	return path.Join(strings.TrimSuffix(pkg.GoImport, pkg.Dir), goDir(pkg))
}

// toolNames are folders that the go tool treats in a way of its own, and names that no file has on Windows.
var toolNames = []string{"internal", "vendor", "testdata", "con", "prn", "aux", "nul", "com1", "lpt1"}

// pathRune leaves what every path may have.
func pathRune(r rune) rune {
	if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("-._", r) {
		return r
	}
	return '_'
}

func goElement(name string) string {
	name = strings.Map(pathRune, name)
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
		name = "x" + name
	}
	short, _, _ := strings.Cut(strings.ToLower(name), ".")
	if slices.Contains(toolNames, short) || strings.HasSuffix(name, ".") {
		name += "_"
	}
	return name
}

// goPackage is the name of a package: schema stands before one that is a word of Go, main, or a name that generated code
// uses itself.
func goPackage(pkg *schema.Package) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, pkg.GoName)
	if name == "" || unicode.IsDigit([]rune(name)[0]) {
		return "schema" + name
	}
	if token.IsKeyword(name) || types.Universe.Lookup(name) != nil || name == "main" || name == "init" || name == "_" || slices.Contains(localNames, name) {
		return "schema" + name
	}
	return name
}

// platforms are the ends of file names by which the go tool leaves a file out of builds elsewhere.
var platforms = []string{
	"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd", "openbsd", "plan9",
	"solaris", "wasip1", "windows", "zos",
	"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "mips", "mipsle", "mips64", "mips64le", "mips64p32",
	"mips64p32le", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm", "test",
}

// goFile is the name of a Go file made from a schema file, without its ending: that of the schema's, but for one that the
// go tool would leave out.
func goFile(base string) string {
	head, rest, _ := strings.Cut(strings.Map(pathRune, base), ".")
	if at := strings.LastIndexByte(head, '_'); at >= 0 && slices.Contains(platforms, head[at+1:]) {
		head += "_"
	}
	if rest != "" {
		head += "." + rest
	}
	if strings.HasPrefix(head, "_") || strings.HasPrefix(head, ".") {
		head = "x" + head
	}
	return head
}

// layout is where the Go files of a package are.
type layout struct {
	dir   string
	files map[string]string // their names by the paths of schema files, without endings
}

func layoutOf(pkg *schema.Package) layout {
	given, names := naming.NewDistinct(), make(map[string]string, len(pkg.Files))
	for _, f := range sorted(pkg) {
		base := f.Path[strings.LastIndexByte(f.Path, '/')+1:]
		if dot := strings.LastIndexByte(base, '.'); dot > 0 {
			base = base[:dot]
		}
		name := goFile(base)
		if lower := strings.ToLower(name); given.Taken(lower) { // a file system may not tell them apart
			name = given.Name(lower)
		} else {
			given.Take(lower)
		}
		names[f.Path] = name
	}
	return layout{goDir(pkg), names}
}

// path is that of a Go file made from a schema file, or of the package's own where source is empty:
// "omninode/codegen/v1/status.trestle.go".
func (l layout) path(source, suffix string) string { return path.Join(l.dir, l.files[source]+suffix) }

// packagePos is the place of a package: the first of its files.
func packagePos(pkg *schema.Package) schema.Position {
	if files := sorted(pkg); len(files) > 0 {
		return schema.Position{File: files[0].Path, Line: 1, Col: 1}
	}
	return schema.Position{}
}
