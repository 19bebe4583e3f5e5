package python

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// vocabulary is the package of the options: its messages are never sent.
const vocabulary = "trestle.v1"

// root is the folder of the Python distribution, below the output folder.
const root = "python"

const header = "# " + output.Marker + "\n"

//go:embed template/*.py template/extra/*.py
var templates embed.FS

// Generate makes the Python package of a set: a distribution in the folder python, named after the first part of the
// schema packages' names ("omninode-events" for omninode.codegen.v1). A set without types makes no files.
func Generate(set *schema.Set) ([]output.File, error) { return GenerateFrom(set, digest.New(set)) }

// GenerateFrom is [Generate] with the digests of the events' schemas.
func GenerateFrom(set *schema.Set, digests *digest.Digests) ([]output.File, error) {
	p, err := newProject(set)
	if err != nil || p == nil {
		return nil, err
	}
	p.digests = digests
	var files []output.File
	for _, pkg := range p.packages {
		module, err := p.module(pkg)
		if err != nil {
			return nil, err
		}
		files = append(files, module)
	}
	files = append(append(files, p.static()...), p.extra()...)
	messages, err := p.messages()
	if err != nil {
		return nil, err
	}
	files = append(append(files, messages...), p.folders()...)
	if p.encrypts() {
		files = append(files, p.encrypted())
	}
	for _, write := range []func() (output.File, error){p.topics, p.groups, p.eventTypes, p.front} {
		file, err := write()
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	slices.SortFunc(files, func(a, b output.File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// project is what all files of the Python package share.
type project struct {
	set      *schema.Set
	digests  *digest.Digests
	packages []*schema.Package // with types, by name
	name     string            // "omninode_events"
	strip    string            // what module paths leave out of a package's name: "omninode."
	given    given
	// What modules need of the files that only some sets have: checks of formats, unions, and schemas by path.
	formats, variants, known bool
	ruled                    []*schema.Message // whose rules have expressions
	left                     map[string]string
	unruled                  map[*schema.Message]bool // messages that also stand where their rules do not hold
}

// newProject names the Python package; nil when there is nothing to put into it.
func newProject(set *schema.Set) (*project, error) {
	p := &project{set: set, left: map[string]string{}, unruled: map[*schema.Message]bool{}}
	for _, pkg := range set.Packages {
		if pkg.Name != vocabulary && len(pkg.Messages)+len(pkg.Enums) > 0 {
			p.packages = append(p.packages, pkg)
		}
	}
	if len(p.packages) == 0 {
		return nil, nil
	}
	slices.SortFunc(p.packages, func(a, b *schema.Package) int { return strings.Compare(a.Name, b.Name) })
	first, _, _ := strings.Cut(p.packages[0].Name, ".")
	p.name, p.strip = distributionName(first), first+"."
	for _, pkg := range p.packages {
		if !strings.HasPrefix(pkg.Name, p.strip) {
			p.strip = ""
		}
		if head, _, _ := strings.Cut(pkg.Name, "."); head != first {
			p.name = "events"
		}
	}
	p.give()
	p.findUnruled()
	return p, nil
}

// distributionName is the name of the Python package; a distribution's name begins with a letter.
func distributionName(first string) string {
	name := strings.Trim(strings.Map(asciiRune, first), "_")
	switch {
	case name == "":
		return "events"
	case name[0] >= '0' && name[0] <= '9':
		return "events_" + name
	}
	return name + "_events"
}

// ownModules are the modules of the Python package; that of a schema package of such a name gets an underscore.
var ownModules = []string{"_support", "topics", "groups", "event_types", "schemas", "messages"}

// modulePath is where a schema package's module belongs: ["codegen", "v1"].
func (p *project) modulePath(pkg *schema.Package) []string {
	name := strings.TrimPrefix(pkg.Name, p.strip)
	if name == "" {
		name = "schema"
	}
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = moduleName(parts[i])
	}
	if slices.Contains(ownModules, parts[0]) || parts[0] == encryptedModule && p.encrypts() {
		parts[0] += "_"
	}
	return parts
}

func (p *project) file(name, body string) output.File {
	return output.File{Path: path.Join(root, p.name, name), Content: []byte(header + body)}
}

// static are the files that are the same for every set, but for names.
func (p *project) static() []output.File {
	entries, err := templates.ReadDir("template")
	if err != nil {
		panic(err) // embedded
	}
	files := []output.File{
		p.file("py.typed", ""),
		p.file("_support/__init__.py", "\"\"\"What models and records rest on; import from the package itself.\"\"\"\n"),
		{Path: path.Join(root, "pyproject.toml"), Content: []byte(header + p.expand(pyproject))},
		{Path: path.Join(root, "README.md"), Content: []byte("<!-- " + output.Marker + " -->\n" + p.expand(readme))},
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		text, err := templates.ReadFile(path.Join("template", entry.Name()))
		if err != nil {
			panic(err) // embedded
		}
		files = append(files, p.file("_support/"+entry.Name(), string(text)))
	}
	return files
}

func (p *project) expand(text string) string {
	return strings.NewReplacer(
		"PACKAGE", p.name, "DISTRIBUTION", strings.ReplaceAll(p.name, "_", "-"), "MODULE", p.exampleModule(), "EVENT", p.exampleEvent(),
		"DEPENDENCIES", p.dependencies(), "PYTHON-VERSIONS", p.pythonVersions(), "MYPY", p.mypy(),
	).Replace(text)
}

// exampleModule and exampleEvent are what the readme shows.
func (p *project) exampleModule() string {
	return p.name + "." + strings.Join(p.given.modules[p.example()], ".")
}

func (p *project) exampleEvent() string {
	pkg := p.example()
	for _, e := range pkg.Events {
		if e.Topic != nil && e.Role == schema.RoleRequest {
			return p.className(e.Message)
		}
	}
	if len(pkg.Events) > 0 {
		return p.className(pkg.Events[0].Message)
	}
	return "Event"
}

func (p *project) example() *schema.Package {
	for _, pkg := range p.packages {
		if len(pkg.Events) > 0 {
			return pkg
		}
	}
	return p.packages[0]
}

// folders makes packages of the folders between the root and the modules.
func (p *project) folders() []output.File {
	var files []output.File
	seen := map[string]bool{}
	for pkg := range p.given.inner {
		seen[path.Join(p.given.modules[pkg]...)] = true // is one already
	}
	for _, pkg := range p.packages {
		parts := p.given.modules[pkg]
		for n := 1; n < len(parts); n++ {
			dir := path.Join(parts[:n]...)
			if !seen[dir] {
				seen[dir] = true
				files = append(files, p.file(dir+"/__init__.py", ""))
			}
		}
	}
	return files
}

// refuse says what in the schemas cannot be Python.
func refuse(pos schema.Position, element, format string, args ...any) error {
	return &schema.Error{Pos: pos, Message: element + ": " + fmt.Sprintf(format, args...)}
}
