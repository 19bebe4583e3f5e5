package python

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// pythonFormats are JSON Schema's formats that _support/formats.py checks. A UUID and a date-time are types of their own.
var pythonFormats = []string{
	"date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "json-pointer", "regex",
	"iri", "iri-reference", "uri-template", "relative-json-pointer",
}

// left says whether a keyword is left to the library.
func left(c schema.Constraints, keyword string) bool {
	return c.Unmodelled.Has(keyword)
}

// leftInto adds what is left of a value to the library.
func (g *module) leftInto(c *parts, t *schema.Type) {
	r := t.Constraints.Unmodelled
	if r == nil {
		return
	}
	c.checks = append(c.checks, g.schemas(r)+".part("+strings.Join(partArguments(r, r.Keywords), ", ")+")")
}

// leftOver writes the check of what is left of a whole message.
func (g *module) leftOver(m *schema.Message) {
	if m.Unmodelled == nil {
		return
	}
	g.p("\n    @%s(mode=\"after\")", g.use("model_validator"))
	g.p("    def _check_left(self) -> %s:", g.use("Self"))
	g.p("        %s.check(self, %s)", g.schemas(m.Unmodelled), strings.Join(partArguments(m.Unmodelled, m.Unmodelled.Keywords), ", "))
	g.p("        return self")
}

// schemas remembers the files of what is unmodelled, and returns what holds them.
func (g *module) schemas(r *schema.Unmodelled) string {
	for _, f := range r.Files {
		if _, known := g.project.left[f.Path]; known {
			continue
		}
		if root, err := jsontree.Parse(f.Source); err == nil {
			g.project.left[f.Path] = withPythonPatterns(root).JSON()
		}
	}
	return g.use("SCHEMAS")
}

func partArguments(r *schema.Unmodelled, keywords []string) []string {
	out := []string{quote(r.File.Path), quote(pythonPointer(r.Pointer))}
	for _, k := range keywords {
		out = append(out, quote(k))
	}
	return out
}

// extra are the files that only some sets need: checks of formats, and schemas for the library.
func (p *project) extra() []output.File {
	var files []output.File
	add := func(name string) {
		text, err := templates.ReadFile("template/extra/" + name)
		if err != nil {
			panic(err) // embedded
		}
		files = append(files, p.file("_support/"+name, string(text)))
	}
	if p.formats || p.known || len(p.left) > 0 {
		add("formats.py")
	}
	if p.known {
		add("wellknown.py")
	}
	if p.variants {
		add("variants.py")
	}
	if len(p.left) == 0 {
		return files
	}
	add("left.py")
	var paths []string
	for path := range p.left {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	var b strings.Builder
	b.WriteString("\"\"\"The schemas that models leave some keywords of to a library, and those that they refer to.\"\"\"\n\n")
	b.WriteString("from __future__ import annotations\n\nfrom ._support.left import Schemas\n\nSCHEMAS = Schemas(\n    {\n")
	for _, path := range paths {
		b.WriteString("        " + quote(path) + ": " + quote(p.left[path]) + ",\n")
	}
	b.WriteString("    }\n)\n")
	return append(files, p.file("schemas.py", b.String()))
}

// dependencies are what the distribution needs beside Python.
func (p *project) dependencies() string {
	needed := []string{"pydantic>=2.11,<3", "typing-extensions>=4.8"}
	if len(p.left) > 0 {
		needed = append(needed, "jsonschema>=4.23,<5")
	}
	if len(p.ruled) > 0 {
		needed = append(needed, "protovalidate>=2.1,<3", "protobuf>=6.33")
	}
	for i, name := range needed {
		needed[i] = quote(name)
	}
	return "[" + strings.Join(needed, ", ") + "]"
}

// pythonVersions are those that what the distribution needs runs on.
func (p *project) pythonVersions() string {
	if len(p.ruled) > 0 {
		return ">=3.11" // as protovalidate
	}
	return ">=3.10"
}

// mypy says what mypy need not know.
func (p *project) mypy() string {
	var untyped []string
	if len(p.left) > 0 {
		untyped = append(untyped, quote("jsonschema.*"))
	}
	if len(p.ruled) > 0 {
		untyped = append(untyped, quote("google.*"))
	}
	if len(untyped) == 0 {
		return ""
	}
	return "\n[[tool.mypy.overrides]]\nmodule = [" + strings.Join(untyped, ", ") + "]\nignore_missing_imports = true\n"
}
