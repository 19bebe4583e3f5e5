package compat

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ruleChanges compares the protovalidate rules that have no member in schema.Constraints: prefixes, bytes, times,
// CEL. A rule that came is tighter, one that went is looser; one that changed is compared where its name gives the
// order away, and unknown otherwise.
func ruleChanges(p *values.Prover, old, new *schema.Type) []constraintChange {
	o, n := values.Rules(old), values.Rules(new)
	dropSameCEL(o, n)
	names := map[string]bool{}
	for k := range o {
		names[k] = true
	}
	for k := range n {
		names[k] = true
	}
	var out []constraintChange
	if ch := knownBytesChange(o, n); ch.relation != same {
		out = append(out, ch)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, was := o[name]
		after, is := n[name]
		ch := constraintChange{rules: []string{ruleID(name)}, part: rulePart(name)}
		if strings.HasSuffix(name, ".finite") {
			ch.encodings = protobufOnly // JSON has no other numbers
		}
		switch {
		case was && is && before.Equal(after), knownBytes[name] != nil:
			continue
		case name == looseRegex:
			if ch.relation = looser; was {
				ch.relation = tighter
			}
			if !o[knownRegex].Equal(n[knownRegex]) {
				continue
			}
			ch.rules, ch.text = []string{"well_known_regex"}, "rule string.strict changed"
			learnRule(p, ch, old, new, knownRegex)
		case !was:
			ch.relation = tighter
			ch.text = fmt.Sprintf("rule %s%s was added", name, leafText(after))
		case !is:
			ch.relation = looser
			ch.text = fmt.Sprintf("rule %s%s was removed", name, leafText(before))
		default:
			ch.relation, ch.unknown = compareLeaves(name, before, after)
			learnRule(p, ch, old, new, name)
			ch.text = fmt.Sprintf("rule %s changed from%s to%s", name, leafText(before), leafText(after))
		}
		out = append(out, ch)
	}
	if ch := toggled(!old.Constraints.SkipZero, !new.Constraints.SkipZero, "rules hold for the zero value too"); ch.relation != same {
		out = append(out, ch)
	}
	return out
}

// dropSameCEL takes out the expressions that both sides have, under whatever id.
func dropSameCEL(o, n map[string]protoreflect.Value) {
	for name, before := range o {
		for other, after := range n {
			if values.IsCEL(name) && values.IsCEL(other) && cel.Same(before.String(), after.String()) {
				delete(o, name)
				delete(n, other)
				break
			}
		}
	}
}

// knownBytes are the rules on bytes that name what they hold, with the lengths that they let pass.
var knownBytes = map[string][]int{"bytes.ip": {4, 16}, "bytes.ipv4": {4}, "bytes.ipv6": {16}, "bytes.uuid": {16}}

func knownBytesChange(o, n map[string]protoreflect.Value) (ch constraintChange) {
	var names [2]string
	for i, rules := range []map[string]protoreflect.Value{o, n} {
		for name := range rules {
			if knownBytes[name] != nil {
				names[i] = name
			}
		}
	}
	ch.rules = []string{ruleID(names[0]), ruleID(names[1])}
	ch.part = constraintPart(nil, ch.rules...)
	was, is := knownBytes[names[0]], knownBytes[names[1]]
	switch {
	case names[0] == names[1]:
	case was == nil:
		ch.relation, ch.rules, ch.text = tighter, ch.rules[1:], fmt.Sprintf("rule %s was added", names[1])
	case is == nil:
		ch.relation, ch.rules, ch.text = looser, ch.rules[:1], fmt.Sprintf("rule %s was removed", names[0])
	default:
		within := func(a, b []int) bool {
			return !slices.ContainsFunc(a, func(n int) bool { return !slices.Contains(b, n) })
		}
		ch.relation, ch.text = relate(within(is, was), within(was, is)), fmt.Sprintf("rule %s changed to %s", names[0], names[1])
	}
	return ch
}

// The rule of HTTP headers, and that it is to be less strict; that is no rule on its own.
const (
	knownRegex = "string.well_known_regex"
	looseRegex = "string.strict"
)

// ruleID is how a rule's name shows in the id of a violation: "prefix" of "string.prefix", "a.b" of "cel[a.b]".
func ruleID(name string) string {
	if _, id, ok := strings.Cut(name, "["); ok {
		return strings.TrimSuffix(id, "]")
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

// compareLeaves orders two values of a rule by what its name says; anything else is unknown.
func compareLeaves(name string, before, after protoreflect.Value) (relation, bool) {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == "const" {
		return exchanged, false
	}
	if name == knownRegex { // what is a name is a value of a header, too
		return relate(before.Enum() > after.Enum(), before.Enum() < after.Enum()), false
	}
	if grown, ok := compareNumbers(before, after); ok {
		return compareSizes(last, grown)
	}
	if grown, ok := compareTimes(before, after); ok {
		return compareSizes(last, grown)
	}
	x, okX := textOf(before)
	y, okY := textOf(after)
	if okX && okY {
		switch last {
		case "prefix":
			return relate(strings.HasPrefix(y, x), strings.HasPrefix(x, y)), false
		case "suffix":
			return relate(strings.HasSuffix(y, x), strings.HasSuffix(x, y)), false
		case "contains":
			return relate(strings.Contains(y, x), strings.Contains(x, y)), false
		case "not_contains":
			return relate(strings.Contains(x, y), strings.Contains(y, x)), false
		}
	}
	o, okO := before.Interface().(protoreflect.List)
	n, okN := after.Interface().(protoreflect.List)
	if okO && okN {
		switch last {
		case "in":
			return relate(sublist(n, o), sublist(o, n)), false
		case "not_in":
			return relate(sublist(o, n), sublist(n, o)), false
		}
	}
	return exchanged, true
}

// compareSizes orders two values of a rule of which the new one is greater, equal or less, as grown is 1, 0 or -1.
func compareSizes(rule string, grown int) (relation, bool) {
	switch rule {
	case "lt", "lte", "max_bytes", "within":
		return relate(grown <= 0, grown >= 0), false
	case "gt", "gte", "min_bytes":
		return relate(grown >= 0, grown <= 0), false
	case "len_bytes":
		return exchanged, false
	}
	return exchanged, true
}

// compareNumbers says whether a number is greater than another, equal or less: 1, 0 or -1.
func compareNumbers(before, after protoreflect.Value) (int, bool) {
	switch before.Interface().(type) {
	case int32, int64:
		return cmp.Compare(after.Int(), before.Int()), true
	case uint32, uint64:
		return cmp.Compare(after.Uint(), before.Uint()), true
	case float32, float64:
		return cmp.Compare(after.Float(), before.Float()), true
	}
	return 0, false
}

// compareTimes says whether a time, or a duration, is after, equal to or before another: 1, 0 or -1.
func compareTimes(before, after protoreflect.Value) (int, bool) {
	switch a := messageOf(before).(type) {
	case *timestamppb.Timestamp:
		b, ok := messageOf(after).(*timestamppb.Timestamp)
		return b.AsTime().Compare(a.AsTime()), ok
	case *durationpb.Duration:
		b, ok := messageOf(after).(*durationpb.Duration)
		return cmp.Or(cmp.Compare(b.GetSeconds(), a.GetSeconds()), cmp.Compare(b.GetNanos(), a.GetNanos())), ok
	}
	return 0, false
}

func messageOf(v protoreflect.Value) any {
	if m, ok := v.Interface().(protoreflect.Message); ok {
		return m.Interface()
	}
	return nil
}

func textOf(v protoreflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case string:
		return x, true
	case []byte:
		return string(x), true
	}
	return "", false
}

// sublist says whether every element of a is in b.
func sublist(a, b protoreflect.List) bool {
	for i := range a.Len() {
		found := false
		for j := range b.Len() {
			found = found || a.Get(i).Equal(b.Get(j))
		}
		if !found {
			return false
		}
	}
	return true
}

// leafText renders a rule's value for a finding, with a space before it; nothing for what would not fit a line.
func leafText(v protoreflect.Value) string {
	switch x := v.Interface().(type) {
	case bool, int32, int64, uint32, uint64, float32, float64:
		return fmt.Sprintf(" %v", x)
	case string, []byte:
		return fmt.Sprintf(" %q", x)
	}
	return ""
}
