package golang

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// anyTellsNull says whether a property may be null and may also be absent: Go keeps the two apart.
func anyTellsNull(m *schema.Message) bool {
	return slices.ContainsFunc(m.Fields, (*schema.Field).TellsNull)
}

// nullsMember declares the names of the properties that are null.
func (g *file) nullsMember(m *schema.Message) {
	if !anyTellsNull(m) {
		return
	}
	g.p("")
	g.p("// Nulls holds the names of fields that are null where they could be absent. What has a value is not null.")
	g.p("Nulls %s", g.jsonio("Names"))
}

// setNull makes a property null: its name is noted where it could also be absent.
func (g *file) setNull(v view) string {
	none := "nil"
	if v.Type.Kind == schema.JSONObject || v.Type.Kind == schema.JSONValue {
		none = `""`
	}
	lines := v.expr + " = " + none
	if v.Field.TellsNull() {
		lines += "\nx.Nulls = append(x.Nulls, " + goString(v.JSONName) + ")"
	}
	return lines
}
