package compat

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat/shape"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ruleChanges compares the protovalidate rules that have no member in schema.Constraints: prefixes, bytes, times,
// CEL. A rule that came is tighter, one that went is looser; one that changed is compared where its name gives the
// order away, and unknown otherwise.
func ruleChanges(old, new *schema.Type) []constraintChange {
	o, n := shape.Rules(old), shape.Rules(new)
	names := map[string]bool{}
	for k := range o {
		names[k] = true
	}
	for k := range n {
		names[k] = true
	}
	var out []constraintChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, was := o[name]
		after, is := n[name]
		ch := constraintChange{rules: []string{ruleID(name)}}
		switch {
		case was && is && before.Equal(after):
			continue
		case !was:
			ch.relation = tighter
			ch.text = fmt.Sprintf("rule %s%s was added", name, leafText(after))
		case !is:
			ch.relation = looser
			ch.text = fmt.Sprintf("rule %s%s was removed", name, leafText(before))
		default:
			ch.relation, ch.unknown = compareLeaves(name, before, after)
			ch.text = fmt.Sprintf("rule %s changed from%s to%s", name, leafText(before), leafText(after))
		}
		out = append(out, ch)
	}
	if ch := switched(!old.Constraints.SkipZero, !new.Constraints.SkipZero, "rules hold for the zero value too"); ch.relation != same {
		out = append(out, ch)
	}
	return out
}

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
	a, okA := before.Interface().(uint64)
	b, okB := after.Interface().(uint64)
	if okA && okB {
		switch {
		case last == "min_bytes" && b > a, last == "max_bytes" && b < a:
			return tighter, false
		case last == "min_bytes", last == "max_bytes":
			return looser, false
		case last == "len_bytes":
			return exchanged, false
		}
	}
	x, okX := before.Interface().(string)
	y, okY := after.Interface().(string)
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
	return exchanged, true
}

// leafText renders a rule's value for a finding, with a space before it; nothing for what would not fit a line.
func leafText(v protoreflect.Value) string {
	switch x := v.Interface().(type) {
	case bool, int32, int64, uint32, uint64, float32, float64:
		return fmt.Sprintf(" %v", x)
	case string:
		return fmt.Sprintf(" %q", x)
	case protoreflect.Message:
		if fd := x.Descriptor().Fields().ByName("expression"); fd != nil && x.Has(fd) {
			return fmt.Sprintf(" %q", x.Get(fd).String())
		}
	}
	return ""
}
