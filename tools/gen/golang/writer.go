package golang

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/omninode/trestle/tools/gen/internal/naming"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// The packages that generated code imports most.
const (
	trestlePath = "github.com/omninode/trestle/runtime/event"
	jsonioPath  = "github.com/omninode/trestle/runtime/jsonio"
	wirePath    = "github.com/omninode/trestle/runtime/wire"
	formatPath  = "github.com/omninode/trestle/runtime/genapi/format"
	tspbPath    = "google.golang.org/protobuf/types/known/timestamppb"
)

// writer collects the body of one Go file and what it imports.
type writer struct {
	importPath string // of the package the file belongs to
	name       string // package name
	source     string // schema file, for the header
	guard      string // a declaration before the imports, with its comment
	body       bytes.Buffer
	imports    map[string]string // import path → alias
	// patterns holds regular expressions in order of first use; each becomes a package-level variable.
	patterns *patterns
}

func newWriter(pkg *schema.Package, source string, shared *patterns) *writer {
	return &writer{
		importPath: goImport(pkg), name: goPackage(pkg), source: source, imports: map[string]string{}, patterns: shared,
	}
}

// newProtoWriter is newWriter for a package that has protoc-gen-go's files too, and so its name.
func newProtoWriter(pkg *schema.Package, source string, shared *patterns, names *protoNames) *writer {
	w := newWriter(pkg, source, shared)
	if name := names.packages[w.importPath]; name != "" {
		w.name = string(name)
	}
	return w
}

// p writes one line of the body.
func (w *writer) p(format string, args ...any) {
	if len(args) == 0 {
		w.body.WriteString(format)
	} else {
		fmt.Fprintf(&w.body, format, args...)
	}
	w.body.WriteByte('\n')
}

// pkg returns the name under which the file refers to an imported package.
func (w *writer) pkg(importPath, name string) string {
	if alias, ok := w.imports[importPath]; ok {
		return alias
	}
	alias := name
	for n := 2; w.taken(alias); n++ {
		alias = name + strconv.Itoa(n)
	}
	w.imports[importPath] = alias
	return alias
}

func (w *writer) taken(alias string) bool {
	for _, other := range w.imports {
		if other == alias {
			return true
		}
	}
	return false
}

// std refers to a member of a standard library package: std("strconv", "Itoa").
func (w *writer) std(importPath, member string) string {
	return w.pkg(importPath, path.Base(importPath)) + "." + member
}

func (w *writer) trestle(member string) string { return w.pkg(trestlePath, "trestle") + "." + member }
func (w *writer) jsonio(member string) string {
	return w.pkg(jsonioPath, "jsonio") + "." + member
}
func (w *writer) format(member string) string { return w.pkg(formatPath, "format") + "." + member }

// ident refers to a name of the Go package at importPath.
func (w *writer) ident(importPath, pkgName, member string) string {
	if importPath == w.importPath {
		return member
	}
	if _, ok := w.imports[importPath]; !ok {
		pkgName = importName(pkgName)
	}
	return w.pkg(importPath, pkgName) + "." + member
}

// importName is a name by which no generated code calls anything else.
func importName(name string) string {
	name = strings.ToLower(name)
	if token.IsKeyword(name) || types.Universe.Lookup(name) != nil || name == "init" || slices.Contains(localNames, name) || slices.Contains(ownPackages, name) {
		return name + "pkg"
	}
	return name
}

// doc writes a comment; the deprecation, if any, in the form tools recognise.
func (w *writer) doc(text string, deprecated *schema.Deprecation) {
	text = strings.TrimRight(comment(text), " \t\n")
	if text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			for _, part := range wrap(strings.TrimPrefix(strings.TrimRight(line, " \t\r"), " ")) {
				w.p("%s", strings.TrimRight("// "+part, " "))
			}
		}
	}
	if deprecated != nil {
		if text != "" {
			w.p("//")
		}
		reason := deprecated.Reason
		if reason == "" {
			reason = "do not use."
		}
		if deprecated.Since != "" {
			reason = "since " + deprecated.Since + ": " + reason
		}
		w.p("// Deprecated: %s", strings.ReplaceAll(output.Plain(reason), "\n", " "))
	}
}

// comment is a text as a comment of Go may have it. A line that looks like a constraint of a build would become one: the
// formatter moves it to the head of the file.
func comment(text string) string {
	lines := strings.Split(output.Plain(text), "\n")
	for i, line := range lines {
		if rest := strings.TrimLeft(line, " \t"); strings.HasPrefix(rest, "+build") {
			lines[i] = line[:len(line)-len(rest)] + "'" + rest
		}
	}
	return strings.Join(lines, "\n")
}

// docWidth is how long a line of a comment may be, as long as its words are no longer.
const docWidth = 117

// wrap breaks a line of text that is too long at spaces. A line of code is left as it is.
func wrap(line string) []string {
	if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
		return []string{line}
	}
	var out []string
	for len(line) > docWidth {
		at := strings.LastIndexByte(line[:docWidth+1], ' ')
		if at <= 0 {
			if at = strings.IndexByte(line, ' '); at < 0 {
				break
			}
		}
		out = append(out, line[:at])
		line = line[at+1:]
	}
	return append(out, line)
}

// finish is the file, to be assembled and formatted. element names the part of the schema it was made from, for the error.
func (w *writer) finish(filePath, element string) unformatted {
	return unformatted{filePath, func() ([]byte, error) { return w.content(element) }}
}

// content assembles and formats the file.
func (w *writer) content(element string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n", output.Marker)
	if w.source != "" {
		fmt.Fprintf(&b, "// source: %s\n", w.source)
	}
	fmt.Fprintf(&b, "\npackage %s\n\n%s", w.name, w.guard)
	used, err := usedPackages(w.body.String())
	if err != nil {
		return nil, fmt.Errorf("%s: the generated Go does not parse, which is a fault of the generator: %w", element, err)
	}
	var standard, other []string
	for importPath, alias := range w.imports {
		if !used[alias] {
			continue
		}
		line := strconv.Quote(importPath)
		if alias != path.Base(importPath) {
			line = alias + " " + line
		}
		if first, _, _ := strings.Cut(importPath, "/"); strings.Contains(first, ".") {
			other = append(other, line)
		} else {
			standard = append(standard, line)
		}
	}
	byPath := func(a, b string) int {
		return strings.Compare(a[strings.IndexByte(a, '"'):], b[strings.IndexByte(b, '"'):])
	}
	slices.SortFunc(standard, byPath)
	slices.SortFunc(other, byPath)
	switch {
	case len(standard)+len(other) == 1:
		fmt.Fprintf(&b, "import %s\n\n", append(standard, other...)[0])
	case len(standard)+len(other) > 1:
		fmt.Fprintf(&b, "import (\n%s\n\n%s\n)\n\n", strings.Join(standard, "\n"), strings.Join(other, "\n"))
	}
	b.Write(w.body.Bytes())
	content, err := format.Source(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: the generated Go does not parse, which is a fault of the generator: %w", element, err)
	}
	return content, nil
}

// usedPackages names what stands before a dot in the code: not all that was imported along the way is needed.
func usedPackages(body string) (map[string]bool, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	return used, nil
}

// goString writes s as a Go string literal, in backquotes where that reads better.
func goString(s string) string {
	if strings.Contains(s, `"`) && strconv.CanBackquote(s) || strings.Contains(s, `\`) && strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// camel turns a schema name into a Go one: "service_info" → "ServiceInfo", "url" → "Url", "+1" → "Plus1", "<=" →
// "LessEqual".
func camel(name string) string {
	var b strings.Builder
	up := true
	for _, r := range naming.Spelled(name) {
		switch {
		case unicode.IsLetter(r):
			if up {
				r = unicode.ToUpper(r)
			}
			if b.Len() == 0 && !unicode.IsUpper(r) {
				b.WriteByte('X') // no letter of its alphabet is upper-case
			}
			b.WriteRune(r)
			up = false
		case unicode.IsDigit(r):
			if b.Len() == 0 {
				b.WriteByte('X')
			}
			b.WriteRune(r)
			up = true
		default:
			up = true
		}
	}
	if b.Len() == 0 {
		return "X"
	}
	return b.String()
}

// paragraphs joins texts that are not empty.
func paragraphs(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return strings.TrimSpace(s) == "" }), "\n\n")
}
