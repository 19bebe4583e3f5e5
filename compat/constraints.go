package compat

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// relation says how a new constraint relates to the old one.
type relation uint8

const (
	same relation = iota
	tighter
	looser
	exchanged // neither holds the other, or it is not known whether one does
)

// constraintChange is one constraint that changed.
type constraintChange struct {
	relation  relation
	unknown   bool // inclusion could not be decided
	text      string
	encodings []schema.Encoding // nil: both
	rules     []string          // by which readers reject
	members   []any             // values that one side allows and the other does not, as far as known
	part      *part             // of the constraints that it is about; nil for all
}

// problem says of an element's name that a constraint of it changed.
func (ch constraintChange) problem(name string, at schema.Position) Problem {
	p := Problem{
		Change: name + ": " + ch.text, At: at, Unknown: ch.unknown, Encodings: ch.encodings, Rejections: ch.rules, Members: ch.members,
		part: ch.part,
	}
	if ch.unknown {
		p.Change += " (unknown: whether one holds the other could not be decided)"
	}
	return p
}

// constraintChanges compares what two types demand of a value. Types whose values differ in kind are left to
// FIELD_TYPE_CHANGED. A list of allowed values is held against all of the other side's constraints, so that
// replacing a pattern by the values it stood for is no change. json says how the types read each other's values in JSON.
func constraintChanges(p *values.Prover, old, new *schema.Type, json [2]readOutcome) []constraintChange {
	if o, wraps := values.Wrapped(old); wraps && new.Kind == schema.MessageKind && new.Message.FullName == old.Message.FullName {
		n, _ := values.Wrapped(new)
		changes := constraintChanges(p, o, n, json)
		for i := range changes {
			changes[i].encodings = nil // in JSON a wrapper has what its binary form has: floats that are no numbers, by their names
		}
		return changes
	}
	own := old.Kind == schema.MessageKind && values.OwnForm(old.Message) != (new.Kind == schema.MessageKind && values.OwnForm(new.Message))
	if !comparableKinds(old.Kind, new.Kind) || own || old.Kind == new.Kind && values.Free(old) && values.Free(new) {
		return textChanges(old, new)
	}
	var out []constraintChange
	for _, check := range constraintChecks {
		if ch := check.compare(old, new); ch.relation != same {
			ch.rules, ch.part = check.rules, check.part
			out = append(out, ch)
		}
	}
	out = append(out, ruleChanges(p, old, new)...)
	oldValues, newValues := values.Allowed(old), values.Allowed(new)
	if old.Kind != new.Kind {
		oldValues, newValues = valuesOf(old), valuesOf(new)
		// FIELD_TYPE_CHANGED says what happens on the wire, and where a kind is not read as another at all.
		for i := range out {
			out[i].encodings = jsonOnly
		}
		out = refine(out, json[0] != readsAll, json[1] != readsAll)
	}
	out = decide(p, old, new, refine(out, values.SurelyAcceptsAll(oldValues, new), values.SurelyAcceptsAll(newValues, old)))
	return append(out, textChanges(old, new)...)
}

// decide asks the algebra about the changes: several that make up for one another are none, and one that could not
// be ordered by itself is.
func decide(p *values.Prover, old, new *schema.Type, changes []constraintChange) []constraintChange {
	if len(changes) == 0 || len(changes) == 1 && old.Kind == new.Kind && !bothProtobufEnums(old, new) && !counted(old, new) && changes[0].relation != exchanged && values.Free(old) != values.Free(new) {
		return changes
	}
	there, back, ok := inclusions(p, old, new, schema.EncodingJSON)
	if !ok {
		return changes
	}
	all := changes
	changes = refine(changes, there.Inclusion == values.Included, back.Inclusion == values.Included)
	if old.Kind == new.Kind && old.HasBinary() && new.HasBinary() {
		changes = append(changes, binaryOnly(p, old, new, all, changes)...)
	}
	for i := range changes {
		for _, a := range []values.Answer{there, back} {
			if a.HasMember {
				changes[i].members = append(changes[i].members, a.Member)
			}
		}
		if (changes[i].relation == looser || there.Inclusion == values.NotIncluded) &&
			(changes[i].relation == tighter || back.Inclusion == values.NotIncluded) {
			changes[i].unknown = false
		}
	}
	return changes
}

// counted says whether both types are lists, or maps, whose constraints are about how many values they hold.
func counted(old, new *schema.Type) bool {
	return old.Kind == new.Kind && (old.Kind == schema.List || old.Kind == schema.Map)
}

// inclusions says whether each of two types takes the other's values in an encoding; of lists and maps, whether it takes the
// numbers of values that the other allows of what that one holds. ok is false where the algebra does not know the types.
func inclusions(p *values.Prover, old, new *schema.Type, e schema.Encoding) (there, back values.Answer, ok bool) {
	if counted(old, new) {
		there = p.Includes(p.Counted(old, old.Constraints, e), p.Counted(old, new.Constraints, e))
		return there, p.Includes(p.Counted(new, new.Constraints, e), p.Counted(new, old.Constraints, e)), true
	}
	was, okOld := p.OfType(old, e)
	is, okNew := p.OfType(new, e)
	if !okOld || !okNew {
		return there, back, false
	}
	return p.Includes(was, is), p.Includes(is, was), true
}

// binaryOnly returns the changes that are none for what types have in JSON, and are some for what only their binary form can
// hold: numbers of enums without a name, floats that are no numbers.
func binaryOnly(p *values.Prover, old, new *schema.Type, all, inJSON []constraintChange) []constraintChange {
	there, back, ok := inclusions(p, old, new, schema.EncodingProtobuf)
	if !ok {
		return nil
	}
	var out []constraintChange
	for _, c := range refine(all, there.Inclusion == values.Included, back.Inclusion == values.Included) {
		if !slices.ContainsFunc(inJSON, func(known constraintChange) bool { return known.text == c.text }) {
			c.encodings = protobufOnly
			out = append(out, c)
		}
	}
	return out
}

// constraintChecks compare one constraint each, and name the rules by which readers enforce it, and the part of the
// constraints that says it.
var constraintChecks = []struct {
	compare func(old, new *schema.Type) constraintChange
	rules   []string
	part    *part
}{
	{rangeChange, []string{"gt", "lt", "inimum", "aximum"}, constraintPart(func(out, of *schema.Constraints) {
		out.Min, out.Max = of.Min, of.Max
	}, bounding...)},
	{multipleChange, []string{"multipleOf", "type"}, constraintPart(func(out, of *schema.Constraints) {
		out.MultipleOf = of.MultipleOf
	}).inKind()},
	{lengthChange, []string{"min_len", "max_len", ".len", "minLength", "maxLength"}, constraintPart(func(out, of *schema.Constraints) {
		out.MinLen, out.MaxLen = of.MinLen, of.MaxLen
	})},
	{itemsChange, []string{"min_items", "max_items", "minItems", "maxItems"}, constraintPart(func(out, of *schema.Constraints) {
		out.MinItems, out.MaxItems = of.MinItems, of.MaxItems
	})},
	{pairsChange, []string{"min_pairs", "max_pairs", "minProperties", "maxProperties"}, constraintPart(func(out, of *schema.Constraints) {
		out.MinPairs, out.MaxPairs = of.MinPairs, of.MaxPairs
	})},
	{uniqueChange, []string{"unique"}, constraintPart(func(out, of *schema.Constraints) { out.Unique = of.Unique })},
	{patternChange, []string{"pattern"}, constraintPart(func(out, of *schema.Constraints) { out.Pattern = of.Pattern })},
	{formatChange, nil, constraintPart(func(out, of *schema.Constraints) { out.Format = of.Format }).inKind()},
	{allowedChange, []string{".in", ".const", "enum", "const"}, constraintPart(func(out, of *schema.Constraints) {
		out.Const, out.In = of.Const, of.In
	}, "const", "in").inKind()},
	{forbiddenChange, []string{"not_in", "not"}, constraintPart(func(out, of *schema.Constraints) { out.NotIn = of.NotIn }, "not_in")},
	{definedOnlyChange, []string{"defined_only"}, constraintPart(func(out, of *schema.Constraints) { out.DefinedOnly = of.DefinedOnly })},
}

// refine removes the direction in which a finite list of values settles the matter.
func refine(changes []constraintChange, backwardFine, forwardFine bool) []constraintChange {
	var out []constraintChange
	for _, ch := range changes {
		switch {
		case backwardFine && forwardFine,
			backwardFine && ch.relation == tighter,
			forwardFine && ch.relation == looser:
			continue
		case ch.relation == exchanged && backwardFine:
			ch.relation = looser
		case ch.relation == exchanged && forwardFine:
			ch.relation = tighter
		}
		out = append(out, ch)
	}
	return out
}

// comparableKinds says whether constraints on values of two kinds can be held against each other.
func comparableKinds(a, b schema.Kind) bool {
	return a == b || values.IsNumber(a) && values.IsNumber(b) ||
		isText(a) && isText(b) || isObject(a) && isObject(b)
}

func isText(k schema.Kind) bool {
	return k == schema.String || k == schema.EnumKind || k == schema.Timestamp
}

func isObject(k schema.Kind) bool {
	return k == schema.MessageKind || k == schema.Map || k == schema.JSONObject
}

func rangeChange(old, new *schema.Type) constraintChange {
	if rangeText(old) == rangeText(new) {
		return constraintChange{}
	}
	text := fmt.Sprintf("range changed from %s to %s", rangeText(old), rangeText(new))
	o, okOld := values.Ranges(old)
	n, okNew := values.Ranges(new)
	if !okOld || !okNew {
		return constraintChange{relation: exchanged, unknown: true, text: text}
	}
	if values.IsNumber(old.Kind) && values.IsNumber(new.Kind) {
		both := values.KindRange(old.Kind).Intersect(values.KindRange(new.Kind))
		for _, all := range [][]values.Interval{o, n} {
			for i := range all {
				all[i] = all[i].Intersect(both)
			}
		}
	}
	return constraintChange{relation: relate(values.AllWithin(n, o), values.AllWithin(o, n)), text: text}
}

// relate draws the relation from both inclusions.
func relate(newInOld, oldInNew bool) relation {
	switch {
	case newInOld && oldInNew:
		return same
	case newInOld:
		return tighter
	case oldInNew:
		return looser
	}
	return exchanged
}

func rangeText(t *schema.Type) string {
	above, below := func(b *schema.Bound) string { return sign(">", b.Exclusive) + b.Value }, func(b *schema.Bound) string { return sign("<", b.Exclusive) + b.Value }
	if low, high := values.Crossed(t); low != nil {
		return below(high) + " or " + above(low)
	}
	var parts []string
	if b := t.Constraints.Min; b != nil {
		parts = append(parts, above(b))
	}
	if b := t.Constraints.Max; b != nil {
		parts = append(parts, below(b))
	}
	if len(parts) == 0 {
		return "any"
	}
	return strings.Join(parts, " and ")
}

func sign(s string, exclusive bool) string {
	if exclusive {
		return s + " "
	}
	return s + "= "
}

func multipleChange(old, new *schema.Type) constraintChange {
	if old.Constraints.MultipleOf == new.Constraints.MultipleOf {
		return constraintChange{} // an integer for a number is another type
	}
	o, n := multiple(old), multiple(new)
	ch := constraintChange{text: fmt.Sprintf("multipleOf changed from %s to %s", orAny(o), orAny(n))}
	a, okOld := values.Positive(o)
	b, okNew := values.Positive(n)
	switch {
	case o == n:
	case o == "":
		ch.relation = tighter
	case n == "":
		ch.relation = looser
	case okOld && okNew:
		ch.relation = relate(values.Divides(b, a), values.Divides(a, b))
	default:
		ch.relation, ch.unknown = exchanged, true
	}
	return ch
}

// multiple is what a number is a multiple of: at least of 1, when it is an integer.
func multiple(t *schema.Type) string {
	m := t.Constraints.MultipleOf
	if !values.IsInteger(t.Kind) {
		return m
	}
	if r, ok := values.Positive(m); m == "" || ok && values.Divides(values.One, r) {
		return "1"
	}
	return m
}

func lengthChange(old, new *schema.Type) constraintChange {
	o, n := old.Constraints, new.Constraints
	return countChange("length", o.MinLen, o.MaxLen, n.MinLen, n.MaxLen)
}

func itemsChange(old, new *schema.Type) constraintChange {
	o, n := old.Constraints, new.Constraints
	return countChange("number of items", o.MinItems, o.MaxItems, n.MinItems, n.MaxItems)
}

func pairsChange(old, new *schema.Type) constraintChange {
	o, n := old.Constraints, new.Constraints
	return countChange("number of entries", o.MinPairs, o.MaxPairs, n.MinPairs, n.MaxPairs)
}

func countChange(what string, oldMin, oldMax, newMin, newMax *uint64) constraintChange {
	if oldMin == nil && oldMax == nil && newMin == nil && newMax == nil {
		return constraintChange{}
	}
	o, n := values.Counts(oldMin, oldMax), values.Counts(newMin, newMax)
	r := relate(n.Within(o), o.Within(n))
	if r == same {
		return constraintChange{}
	}
	return constraintChange{
		relation: r,
		text:     fmt.Sprintf("%s changed from %s to %s", what, countText(oldMin, oldMax), countText(newMin, newMax)),
	}
}

func countText(low, high *uint64) string {
	switch {
	case low != nil && high != nil && *low == *high:
		return "exactly " + strconv.FormatUint(*low, 10)
	case low != nil && high != nil:
		return fmt.Sprintf("%d to %d", *low, *high)
	case low != nil:
		return fmt.Sprintf("at least %d", *low)
	case high != nil:
		return fmt.Sprintf("at most %d", *high)
	}
	return "any"
}

func uniqueChange(old, new *schema.Type) constraintChange {
	return toggled(old.Constraints.Unique, new.Constraints.Unique, "items must be unique")
}

// toggled is the change of a demand that is there or not.
func toggled(old, new bool, demand string) constraintChange {
	switch {
	case new && !old:
		return constraintChange{relation: tighter, text: demand + ", which was not so"}
	case old && !new:
		return constraintChange{relation: looser, text: demand + " no longer"}
	}
	return constraintChange{}
}

func patternChange(old, new *schema.Type) constraintChange {
	return textChange("pattern", old.Constraints.Pattern, new.Constraints.Pattern)
}

func formatChange(old, new *schema.Type) constraintChange {
	o, n := formatOf(old), formatOf(new)
	ch := textChange("format", o, n)
	if ch.unknown && (old.Constraints.Rules == nil) == (new.Constraints.Rules == nil) {
		if r, known := relateFormats(o, n); known {
			ch.relation, ch.unknown = r, false
		}
	}
	return ch
}

// formatOf treats a timestamp as a string of format date-time.
func formatOf(t *schema.Type) string {
	if t.Kind == schema.Timestamp {
		return "date-time"
	}
	return t.Constraints.Format
}

func textChange(what, old, new string) constraintChange {
	switch {
	case old == new:
		return constraintChange{}
	case old == "":
		return constraintChange{relation: tighter, text: fmt.Sprintf("%s %q was added", what, new)}
	case new == "":
		return constraintChange{relation: looser, text: fmt.Sprintf("%s %q was removed", what, old)}
	}
	return constraintChange{
		relation: exchanged, unknown: true,
		text: fmt.Sprintf("%s changed from %q to %q", what, old, new),
	}
}

func definedOnlyChange(old, new *schema.Type) constraintChange {
	if old.Kind != schema.EnumKind || new.Kind != schema.EnumKind {
		return constraintChange{}
	}
	ch := toggled(old.Constraints.DefinedOnly, new.Constraints.DefinedOnly, "the number must be a declared one")
	ch.encodings = protobufOnly // in JSON, only declared names are read in any case
	return ch
}

func orAny(s string) string {
	if s == "" {
		return "any"
	}
	return s
}
