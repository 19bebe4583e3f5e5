package python

import (
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Keywords whose members are named freely and are schemas, and those whose values are no schemas whatever they look like.
var (
	namedSchemas = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
	plainValues  = []string{"const", "enum", "default", "examples"}
)

// withPythonPatterns is a JSON Schema whose patterns are expressions of Python's re, which its library runs.
func withPythonPatterns(v *jsontree.Value) *jsontree.Value {
	out := *v
	out.Items, out.Members = slices.Clone(v.Items), slices.Clone(v.Members)
	for i, item := range out.Items {
		out.Items[i] = withPythonPatterns(item)
	}
	for i, m := range out.Members {
		switch {
		case slices.Contains(plainValues, m.Name) || strings.HasPrefix(m.Name, "x-"):
		case m.Name == "pattern" && m.Value.Kind == jsontree.String:
			pattern := *m.Value
			pattern.Text = inPython(pattern.Text)
			out.Members[i].Value = &pattern
		case slices.Contains(namedSchemas, m.Name):
			named := *m.Value
			named.Members = slices.Clone(m.Value.Members)
			for j, inner := range named.Members {
				if m.Name == "patternProperties" {
					named.Members[j].Name = inPython(inner.Name)
				}
				named.Members[j].Value = withPythonPatterns(inner.Value)
			}
			out.Members[i].Value = &named
		default:
			out.Members[i].Value = withPythonPatterns(m.Value)
		}
	}
	return &out
}

// pythonPointer is where withPythonPatterns has what was at a pointer.
func pythonPointer(pointer string) string {
	tokens := strings.Split(pointer, "/")
	for i := 1; i+1 < len(tokens); i++ {
		if !slices.Contains(namedSchemas, tokens[i]) {
			continue
		}
		if i++; tokens[i-1] == "patternProperties" {
			tokens[i] = jsontree.EscapeToken(inPython(jsontree.UnescapeToken(tokens[i])))
		}
	}
	return strings.Join(tokens, "/")
}

// alike are expressions that ECMA-262 and Python read alike, but for $, which Python takes before a line break too.
var alike = regexp.MustCompile("^(?:[A-Za-z0-9_@%&=,:;<>\"'/! ~`+*?|)^\\[\\]-]|\\((?:\\?:)?|\\{[0-9]+(?:,[0-9]*)?\\})*\\$?$")

// inPython is an expression of ECMA-262 as one of Python's.
func inPython(pattern string) string {
	tree, err := ecma.Parse(pattern)
	switch {
	case err != nil:
		return pattern // of what no validator runs
	case alike.MatchString(pattern):
		if text, found := strings.CutSuffix(pattern, "$"); found {
			return text + `\Z`
		}
		return pattern
	}
	return pythonPattern(tree.Root)
}
