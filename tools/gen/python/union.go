package python

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// union writes the type of a choice of messages, which come before it.
func (g *module) union(u *schema.Union) error {
	if g.unions[u] {
		return nil
	}
	g.unions[u] = true
	var members, tags []string
	for _, v := range u.Variants {
		if v.Message.Package == g.pkg {
			if err := g.message(v.Message); err != nil {
				return err
			}
		}
		class := g.reference(v.Message.Package, g.className(v.Message))
		members = append(members, g.use("Annotated")+"["+class+", "+g.use("Tag")+"("+quote(v.Values[0])+")]")
		for _, value := range v.Values {
			tags = append(tags, quote(value)+": "+quote(v.Values[0]))
		}
	}
	g.variants = true
	name := g.className(u)
	g.p("\n\n%s = %s[", name, g.use("Annotated"))
	g.p("    %s,", strings.Join(members, "\n    | "))
	g.p("    %s(%s.told_apart(%s, {%s})),", g.use("Discriminator"), g.use("variants"), quote(u.Property), strings.Join(tags, ", "))
	g.p("]")
	g.body.WriteString(docstring("", documentation(u.Doc, name+" is one of these, which "+u.Property+" tells.", nil)))
	return nil
}
