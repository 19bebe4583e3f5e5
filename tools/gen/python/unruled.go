package python

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// findUnruled finds the messages that stand in fields whose rules are always ignored: neither theirs hold there, nor those of
// what is in them.
func (p *project) findUnruled() {
	var add func(t *schema.Type)
	add = func(t *schema.Type) {
		for ; t != nil; t = t.Elem {
			if t.Message == nil || p.unruled[t.Message] {
				continue
			}
			p.unruled[t.Message] = true
			for _, f := range t.Message.Fields {
				add(f.Type)
			}
		}
	}
	for _, pkg := range p.packages {
		for _, m := range allMessages(pkg.Messages) {
			for _, f := range m.Fields {
				for t := f.Type; t != nil; t = t.Elem {
					if ignoresAlways(t) {
						add(t)
					}
				}
			}
		}
	}
}

// unruledName is the class of a message where its rules do not hold.
func unruledName(class string) string { return "_Unruled" + class }

// unruledClass writes the class that reads a message where its rules do not hold, whose fields with rules are these.
func (g *module) unruledClass(m *schema.Message, ruled []field) error {
	g.unruled = true
	defer func() { g.unruled = false }()
	class := g.className(m)
	g.p("\n\nclass %s(%s):", unruledName(class), class)
	g.body.WriteString(docstring("    ", class+" where the schema says to ignore its rules."))
	for i, f := range m.Fields {
		bare := *f
		bare.Required, bare.Type = false, withoutRules(f.Type)
		made, err := g.field(&bare)
		if err != nil {
			return err
		}
		first, rest, _ := strings.Cut(made.text, "\n")
		before, _, _ := strings.Cut(ruled[i].text, "\n")
		if strings.Contains(first, " | None") && !strings.Contains(before, " | None") {
			first += "  # type: ignore[assignment]"
		}
		if i == 0 {
			g.p("")
		}
		g.body.WriteString(first + "\n" + rest)
	}
	bare := *m
	bare.Rules, bare.Oneofs = nil, nil
	for _, o := range m.Oneofs {
		one := *o
		one.Required = false
		bare.Oneofs = append(bare.Oneofs, &one)
	}
	if m.HasExpressions() {
		g.always("_check_expressions")
	}
	if len(m.Rules.GetOneof()) > 0 && len(m.Oneofs) == 0 {
		g.always("_check_choices")
	}
	return g.choices(&bare)
}

// always writes a check that holds, in place of that of the class above.
func (g *module) always(name string) {
	g.p("\n    @%s(mode=\"after\")", g.use("model_validator"))
	g.p("    def %s(self) -> %s:", name, g.use("Self"))
	g.p("        return self")
}
