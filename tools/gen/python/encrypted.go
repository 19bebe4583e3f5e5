package python

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// encryptedModule is the module that says what of events is encrypted, which only some sets have.
const encryptedModule = "encrypted"

// encrypts says whether any event of the set has an encrypted field.
func (p *project) encrypts() bool {
	return slices.ContainsFunc(p.set.Events(), func(e *schema.Event) bool { return e.Message.HoldsEncrypted })
}

// encryption writes of an event by which keys fields are encrypted, which those are, and whom it is about.
func (g *module) encryption(e *schema.Event) {
	if keys := g.set.SealedKeys(e.Message); len(keys) > 0 {
		g.p("        sealed_keys=%s,", tuple(keys))
		g.p("        sealed=%s,", g.use("SEALED"))
	}
	if e.DataSubject != nil {
		g.p("        data_subject=%s,", tuple(e.SubjectNames()))
	}
}

// encrypted writes the module that says what of types is encrypted: those of events and what they lead to.
func (p *project) encrypted() output.File {
	types := map[string]string{}
	for _, e := range p.events() {
		p.addSealed(types, e.Message)
	}
	var b strings.Builder
	b.WriteString("\"\"\"What of the types of events is encrypted, by their names.\"\"\"\n\nfrom __future__ import annotations\n\n")
	b.WriteString("from collections.abc import Mapping\nfrom typing import Final\n\nfrom ._support.sealed import Seal, SealedType\n\n")
	b.WriteString("SEALED: Final[Mapping[str, SealedType]] = {\n")
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if types[name] != "" {
			b.WriteString("    " + quote(name) + ": SealedType(\n" + types[name] + "    ),\n")
		}
	}
	b.WriteString("}\n")
	return p.file(encryptedModule+".py", b.String())
}

// addSealed adds what is said of a message, and of those that it holds in fields that are not encrypted.
func (p *project) addSealed(types map[string]string, m *schema.Message) {
	if _, known := types[m.FullName]; known || !m.HoldsEncrypted {
		return
	}
	types[m.FullName] = ""
	others := p.sealedIn(types, m.Undeclared)
	var seals, members, b strings.Builder
	for _, f := range m.Fields {
		if f.EncryptionKey == "" {
			if described := p.sealedIn(types, f.Type); described != "" || others != "" {
				fmt.Fprintf(&members, "            %s: %s,\n", quote(f.JSONName), quote(described))
			}
			continue
		}
		fmt.Fprintf(&seals, "            %s: Seal(%s", quote(f.JSONName), quote(f.EncryptionKey))
		if f.Deterministic {
			seals.WriteString(", deterministic=True")
		}
		if f.Type.SealedBeside() {
			seals.WriteString(", beside=True")
		}
		seals.WriteString("),\n")
	}
	if seals.Len() > 0 {
		b.WriteString("        seals={\n" + seals.String() + "        },\n")
	}
	if members.Len() > 0 {
		b.WriteString("        members={\n" + members.String() + "        },\n")
	}
	if others != "" {
		fmt.Fprintf(&b, "        others=%s,\n", quote(others))
	}
	types[m.FullName] = b.String()
}

// sealedIn describes the values of a type in which something is encrypted, and adds what is said of the types in it; empty: nothing is.
func (p *project) sealedIn(types map[string]string, t *schema.Type) string {
	if t == nil || !t.HoldsEncrypted() {
		return ""
	}
	described := t.Described()
	for t.Elem != nil {
		t = t.Elem
	}
	if t.Union == nil {
		if t.Message.WellKnown() == "Any" { // it may hold each of them, and says which
			p.set.EachMessage(func(m *schema.Message) { p.addSealed(types, m) })
		} else {
			p.addSealed(types, t.Message)
		}
		return described
	}
	if _, known := types[t.Union.FullName]; known {
		return described
	}
	types[t.Union.FullName] = ""
	var b strings.Builder
	fmt.Fprintf(&b, "        choice=%s,\n        variants={\n", quote(t.Union.Property))
	for _, v := range t.Union.Variants {
		p.addSealed(types, v.Message) // of which nothing is said where nothing is encrypted
		for _, value := range v.Values {
			fmt.Fprintf(&b, "            %s: %s,\n", quote(value), quote(v.Message.FullName))
		}
	}
	b.WriteString("        },\n")
	types[t.Union.FullName] = b.String()
	return described
}
