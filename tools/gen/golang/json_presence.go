package golang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// presence checks which fields of an object are there, and which values some of them have: what keywords beside its
// properties say of no more than that is code, and what is left of them is for the library.
type presence struct {
	g     *file
	m     *schema.Message
	lines []string
}

// presenceKeywords checks those keywords of an object that the model does not hold and that are about presence. rest is
// what remains for the library, nil for nothing.
func (g *file) presenceKeywords(m *schema.Message) (lines []string, rest *schema.Unmodelled) {
	if m.Unmodelled == nil || len(m.Unmodelled.Keywords) == 0 {
		return nil, m.Unmodelled
	}
	p := &presence{g: g, m: m}
	keywords := map[string]*jsontree.Value{}
	for _, k := range m.Unmodelled.Texts() {
		if v, err := jsontree.Parse([]byte(k.JSON)); err == nil {
			keywords[k.Keyword] = v
		}
	}
	var left []string
	conditional := p.conditional(keywords)
	for _, k := range m.Unmodelled.Texts() {
		branch := k.Keyword == "if" || k.Keyword == "then" || k.Keyword == "else"
		if branch && !conditional || !branch && !p.keyword(k.Keyword, keywords[k.Keyword]) {
			left = append(left, k.Keyword)
		}
	}
	if len(left) == 0 {
		return p.lines, nil
	}
	reduced := *m.Unmodelled
	reduced.Keywords = left
	return p.lines, &reduced
}

// keyword adds the check of a keyword; false when it is about more than presence.
func (p *presence) keyword(name string, v *jsontree.Value) bool {
	switch name {
	case "minProperties", "maxProperties":
		return p.size(name, v)
	case "dependentRequired":
		for _, property := range v.Members {
			for _, needed := range property.Value.Items {
				lacks := allOf(p.has(property.Name), p.has(needed.Text).inverted())
				p.check(lacks.is, needed.Text, name, "value is required because "+property.Name+" is there")
			}
		}
		return true
	case "not":
		condition, ok := p.condition(v)
		if ok {
			p.check(condition.is, "", name, "must not be what the schema excludes")
		}
		return ok
	case "anyOf":
		conditions, ok := p.conditions(v.Items)
		if ok {
			p.check(anyOf(conditions...).not, "", name, "must be one of the alternatives")
		}
		return ok
	case "oneOf":
		conditions, ok := p.conditions(v.Items)
		if !ok {
			return false
		}
		p.lines = append(p.lines, "{", "holds := 0")
		for _, c := range conditions {
			p.lines = append(p.lines, "if "+c.is+" {", "holds++", "}")
		}
		p.check("holds == 0", "", name, "must be one of the alternatives")
		p.check("holds > 1", "", name, "must be only one of the alternatives")
		p.lines = append(p.lines, "}")
		return true
	}
	return false
}

func (p *presence) check(condition, path, rule, text string) {
	if condition == "false" {
		return
	}
	p.lines = append(p.lines, p.g.check(condition, valueRule{path: strconv.Quote(path)}, finding{rule: rule, text: text}))
}

// size checks how many members the object has.
func (p *presence) size(name string, v *jsontree.Value) bool {
	limit, err := strconv.ParseUint(v.Text, 10, 64)
	if err != nil {
		return false
	}
	always := 0
	lines := []string{}
	for _, f := range p.m.Fields {
		has := p.has(f.JSONName)
		if has.is == "true" {
			always++
			continue
		}
		lines = append(lines, "if "+has.is+" {", "members++", "}")
	}
	count := "members := " + strconv.Itoa(always)
	switch {
	case p.m.Undeclared != nil:
		count += " + len(" + restExpr + ")"
	case p.m.KeepUnknown:
		count += " + len(x.Unknown)"
	}
	p.lines = append(append(p.lines, "{", count), lines...)
	if name == "minProperties" {
		p.check(fmt.Sprintf("members < %d", size(limit)), "", name, "must have at least "+plural(limit, "entry"))
	} else {
		p.check(fmt.Sprintf("members > %d", size(limit)), "", name, "must have at most "+plural(limit, "entry"))
	}
	p.lines = append(p.lines, "}")
	return true
}

// truth is a condition and its opposite, as Go.
type truth struct{ is, not string }

func (t truth) inverted() truth { return truth{t.not, t.is} }

// allOf is true when each of them is.
func allOf(list ...truth) truth {
	var is, not []string
	for _, t := range list {
		switch t.is {
		case "true":
			continue
		case "false":
			return t
		}
		is, not = append(is, t.is), append(not, t.not)
	}
	switch len(is) {
	case 0:
		return truth{"true", "false"}
	case 1:
		return truth{is[0], not[0]}
	}
	return truth{"(" + strings.Join(is, " && ") + ")", "(" + strings.Join(not, " || ") + ")"}
}

// anyOf is true when one of them is.
func anyOf(list ...truth) truth {
	inverted := make([]truth, len(list))
	for i, t := range list {
		inverted[i] = t.inverted()
	}
	return allOf(inverted...).inverted()
}

// conditions are the conditions of several schemas.
func (p *presence) conditions(list []*jsontree.Value) (out []truth, ok bool) {
	for _, v := range list {
		c, ok := p.condition(v)
		if !ok {
			return nil, false
		}
		out = append(out, c)
	}
	return out, len(out) > 0
}

// condition is that of a schema that says nothing but which members are there and what single values they have.
func (p *presence) condition(v *jsontree.Value) (truth, bool) {
	var parts []truth
	for _, m := range v.AllMembers() {
		switch m.Name {
		case "required":
			for _, name := range m.Value.Items {
				parts = append(parts, p.has(name.Text))
			}
		case "not":
			c, ok := p.condition(m.Value)
			if !ok {
				return truth{}, false
			}
			parts = append(parts, c.inverted())
		case "allOf", "anyOf":
			list, ok := p.conditions(m.Value.Items)
			if !ok {
				return truth{}, false
			}
			if m.Name == "allOf" {
				parts = append(parts, allOf(list...))
			} else {
				parts = append(parts, anyOf(list...))
			}
		case "properties":
			for _, property := range m.Value.Members {
				c, ok := p.equals(property.Name, property.Value)
				if !ok {
					return truth{}, false
				}
				parts = append(parts, c)
			}
		case "title", "description", "$comment":
		default:
			return truth{}, false
		}
	}
	return allOf(parts...), len(parts) > 0
}

// has is the condition that a member is there.
func (p *presence) has(name string) truth {
	i := slices.IndexFunc(p.m.Fields, func(f *schema.Field) bool { return f.JSONName == name })
	if i < 0 {
		found := ""
		switch {
		case p.m.Undeclared != nil:
			found = p.g.jsonio("HasKey") + "(" + restExpr + ", " + goString(name) + ")"
		case p.m.KeepUnknown:
			found = p.g.jsonio("HasMember") + "(x.Unknown, " + goString(name) + ")"
		default:
			return truth{"false", "true"}
		}
		return truth{found, "!" + found}
	}
	v := p.g.view(p.m.Fields[i])
	switch {
	case v.has == "" || v.JSONRequired:
		return truth{"true", "false"}
	case v.Field.TellsNull():
		null := "x.Nulls.Has(" + goString(name) + ")"
		return truth{"(" + v.has + " || " + null + ")", "(" + v.hasNot + " && !" + null + ")"}
	}
	return truth{v.has, v.hasNot}
}
