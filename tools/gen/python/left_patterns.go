package python

import (
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// withPythonPatterns is a JSON Schema whose patterns are expressions of Python's re, which its library runs.
func withPythonPatterns(root *jsontree.Value) *jsontree.Value {
	schemas := map[*jsontree.Value]bool{}
	var find func(v *jsontree.Value)
	find = func(v *jsontree.Value) {
		schemas[v] = true
		subschema.Each(v, func(s subschema.Subschema) { find(s.Schema) })
	}
	find(root)
	var rewrite func(v *jsontree.Value) *jsontree.Value
	rewrite = func(v *jsontree.Value) *jsontree.Value {
		out := *v
		out.Items, out.Members = slices.Clone(v.Items), slices.Clone(v.Members)
		for i, item := range out.Items {
			out.Items[i] = rewrite(item)
		}
		for i, m := range out.Members {
			value := rewrite(m.Value)
			switch {
			case !schemas[v]:
			case m.Name == "pattern" && value.Kind == jsontree.String:
				value.Text = inPython(value.Text)
			case m.Name == "patternProperties":
				for j, named := range value.Members {
					value.Members[j].Name = inPython(named.Name)
				}
			}
			out.Members[i].Value = value
		}
		return &out
	}
	return rewrite(root)
}

// pythonPointer is where withPythonPatterns has what was at a pointer.
func pythonPointer(pointer string) string {
	tokens := strings.Split(pointer, "/")
	for i := 1; i+1 < len(tokens); i++ {
		if !subschema.Named(tokens[i]) {
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
