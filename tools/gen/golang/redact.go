package golang

import (
	"maps"
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

const redactPath = "github.com/omninode/trestle/runtime/genapi/redact"

func (w *writer) redact(member string) string { return w.pkg(redactPath, "redact") + "." + member }

// concealed says that not all of a message is to be shown: it holds what is sensitive, or stands in it.
func concealed(m *schema.Message) bool { return m.HoldsSensitive || m.InSensitive }

// redacted writes the methods that fmt and slog ask a message for its text, where not all of it is to be shown. A message that
// stands in a sensitive field is shown as what stands there; by itself it does not tell where it stands, and is not shown.
func (g *file) redacted(m *schema.Message, goName string) {
	if !concealed(m) {
		return
	}
	receiver, pointer := goName, "&x"
	if g.proto() {
		receiver, pointer = "*"+goName, "x"
		g.redactedMembers(m)
	}
	if m.InSensitive {
		g.hiddenMethods(receiver)
		return
	}
	g.redactMethods(receiver, pointer, m.FullName)
}

// redactedUnion does so for a union.
func (g *file) redactedUnion(u *schema.Union, goName string) {
	switch {
	case slices.ContainsFunc(u.Variants, func(v *schema.Variant) bool { return v.Message.InSensitive }):
		g.hiddenMethods(goName)
	case u.HoldsSensitive():
		g.redactMethods(goName, "&x", u.FullName)
	}
}

// redactedMembers does so for the types of a oneof's members, which hold the values of fields alone.
func (g *file) redactedMembers(m *schema.Message) {
	for _, f := range m.Fields {
		if v := g.view(f); v.wrapper != "" && (f.Sensitive || m.InSensitive) {
			g.hiddenMethods("*" + v.wrapper)
		}
	}
}

func (g *file) redactMethods(receiver, pointer, fullName string) {
	g.p("// Format writes x as JSON for any verb, with *** for what is sensitive.")
	g.p("func (x %s) Format(s %s, _ rune) {", receiver, g.std("fmt", "State"))
	g.p("%s(s, %s, masks, %s)", g.redact("Format"), pointer, goString(fullName))
	g.p("}\n")
	g.p("// LogValue is what slog writes of x: what Format does.")
	g.p("func (x %s) LogValue() %s {", receiver, g.std("log/slog", "Value"))
	g.p("return %s(%s, masks, %s)", g.redact("LogValue"), pointer, goString(fullName))
	g.p("}\n")
}

func (g *file) hiddenMethods(receiver string) {
	g.p("// Format writes ***: it is sensitive.")
	g.p("func (%s) Format(s %s, _ rune) { %s(s) }\n", receiver, g.std("fmt", "State"), g.redact("FormatHidden"))
	g.p("// LogValue is what slog writes of it: ***.")
	g.p("func (%s) LogValue() %s { return %s() }\n", receiver, g.std("log/slog", "Value"), g.redact("LogHidden"))
}

// unshown has what checks report of a sensitive field tell neither where in it nor what was found. Of a scalar they report
// nothing else anyway.
func (g *file) unshown(f *schema.Field, path string, lines []string) []string {
	inside := f.Type.Elem != nil || f.Type.Message != nil || f.Type.Constraints.Unmodelled != nil
	if !f.Sensitive || !inside || len(lines) == 0 {
		return lines
	}
	out := append([]string{"{", "first := v.Len()", "func() {"}, lines...)
	return append(out, "}()", "if v.UnderSensitive(first, "+path+") {", "return", "}", "}")
}

// masks writes what of the package's messages and unions, and of those that they hold, is not to be shown.
func (g *file) masks() {
	var types []*schema.Type
	for _, m := range allMessages(g.owner.Messages) {
		types = append(types, typeOf(m))
	}
	for _, u := range g.owner.Unions {
		types = append(types, &schema.Type{Kind: schema.JSONObject, Union: u})
	}
	masks := g.set.Masks(types...)
	if len(masks) == 0 {
		return
	}
	g.p("// masks say what of the package's types, and of those that they hold, is sensitive.")
	g.p("var masks = %s{", g.jsonio("Masks"))
	for _, name := range slices.Sorted(maps.Keys(masks)) {
		g.p("%s: {", goString(name))
		g.mask(masks[name])
		g.p("},")
	}
	g.p("}\n")
}

func (g *file) mask(m jsonio.Mask) {
	members := func(name string, described map[string]string) {
		if len(described) == 0 {
			return
		}
		g.p("%s: map[string]string{", name)
		for _, key := range slices.Sorted(maps.Keys(described)) {
			g.p("%s: %s,", goString(key), goString(described[key]))
		}
		g.p("},")
	}
	members("Members", m.Members)
	if m.Others != "" {
		g.p("Others: %s,", goString(m.Others))
	}
	if m.Choice != "" {
		g.p("Choice: %s,", goString(m.Choice))
	}
	members("Variants", m.Variants)
	if len(m.Sealed) > 0 {
		g.p("Sealed: map[string]%s{", g.jsonio("Seal"))
		for _, name := range slices.Sorted(maps.Keys(m.Sealed)) {
			s := m.Sealed[name]
			line := goString(name) + ": {Key: " + goString(s.Key)
			if s.Deterministic {
				line += ", Deterministic: true"
			}
			if s.Beside {
				line += ", Beside: true"
			}
			g.p("%s},", line)
		}
		g.p("},")
	}
}
