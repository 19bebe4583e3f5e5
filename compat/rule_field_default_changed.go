package compat

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

var fieldDefaultChanged = Rule{
	ID:        "FIELD_DEFAULT_CHANGED",
	Purpose:   "an absent field keeps its meaning",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Shown:     Absent,
	Backward:  "consumers of %s with the new schema misread old events that lack the field",
	Forward:   "consumers with the old schema misread new ones that lack it",
	Fix:       "keep the default of %s, and set the other value where events are made",
	Field: func(c *Check, old, new *schema.Field) {
		if new == nil || old != nil && sameDefault(old.Default, new.Default) {
			return
		}
		if new.Default != "" && !c.cmp.prover().TakesAbsent(new) {
			c.Report(Problem{
				Change: fmt.Sprintf("default of %s is %s now, which its own rules refuse", fieldText(new), new.Default), Breaks: Backward,
				Acceptance: true, Refused: true, Within: values.Zero(new.Type.Kind) == "",
				Backward: "consumers of %s with the new schema reject old events that lack the field",
				Fix:      "give %s a default that its rules allow",
			})
			if old != nil && old.Default != "" { // where no rule is asked, what lacks the field is taken, and misread
				c.Report(Problem{Change: defaultChange(old, new), Taken: true})
			}
			return
		}
		if old != nil && old.Default == "" && zeroBecomesDefault(old, new) && c.cmp.prover().TakesAbsent(old) {
			c.Report(Problem{
				Change: fmt.Sprintf("%s gained the default %s, and does not tell zero from absent", fieldText(new), new.Default), Breaks: Backward,
				Backward: "consumers of %s with the new schema take the default for zero in old events",
				Fix:      "make %s optional, so that zero stays zero, or leave the default out",
			})
			return
		}
		if old != nil && new.Default == "" && !(new.Explicit && old.Explicit) && new.Number != 0 && !defaultNotZero(old) {
			return // absent still means zero
		}
		if old != nil && new.Default == "" && emptyDefault(old) {
			return // an empty one is as good as none
		}
		if old != nil && old.Default == "" && new.Number == 0 && c.cmp.newUse.partOfDistinct(new.Message) {
			c.Report(Problem{
				Change: fmt.Sprintf("%s gained the default %s, by which items may be there twice that are told apart by it alone", fieldText(new), new.Default),
				Breaks: Backward, Unknown: true,
				Backward: "consumers of %s with the new schema may reject old events in which one of two such items lacks the field",
				Fix:      "leave the default of %s out, or let its list hold items twice",
			})
			return
		}
		// A field that gains a default had none to mean anything; the minor step of schema_version is what a
		// compatible change asks for.
		if old == nil || old.Default == "" || new.Name == schema.VersionField && minorStep(old.Default, new.Default) {
			return
		}
		c.Report(Problem{Change: defaultChange(old, new)})
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if old == nil || new == nil {
			return
		}
		was := old.lacking(new)
		if was == nil {
			return
		}
		// Our readers fill in the defaults of fields alone, so that no event shows this; others fill in these, too.
		p := Problem{Name: new.name, Encodings: jsonOnly, Policy: true}
		is := "none"
		if now := new.lacking(old); now != nil {
			is, p.At = now.text, now.pos
		}
		p.Change = fmt.Sprintf("default of %s changed from %s to %s", new.name, was.text, is)
		c.Report(p)
	},
	Type: func(c *Check, old, new *schema.Type) {
		if old.Kind != schema.MessageKind || new.Kind == schema.MessageKind || !isObject(new.Kind) {
			return
		}
		for _, f := range old.Message.Fields {
			if f.Default != "" && (f.Explicit || defaultNotZero(f)) {
				c.Report(Problem{
					Change: fmt.Sprintf("%s of %s had the default %s, and as %s has none", fieldText(f), c.Name(), f.Default, typeName(new)),
					At:     new.Pos, Breaks: Backward, Encodings: jsonOnly, Shown: Written,
				})
				return
			}
		}
	},
}

func defaultChange(old, new *schema.Field) string {
	return fmt.Sprintf("default of %s changed from %s to %s", fieldText(new), old.Default, orNone(new.Default))
}

// zeroBecomesDefault says whether a zero that old events have is filled in by a default that is something else.
func zeroBecomesDefault(old, new *schema.Field) bool {
	if old.Explicit || new.Explicit || new.Number == 0 || old.Number == 0 {
		return false
	}
	switch new.Type.Kind {
	case schema.List, schema.Map:
		return false // an empty one is as good as none
	}
	return defaultNotZero(new)
}

// emptyDefault says whether a field's default is a list or an object that holds nothing, nor is filled with anything.
func emptyDefault(f *schema.Field) bool {
	switch f.Type.Kind {
	case schema.List:
		return sameDefault(f.Default, "[]")
	case schema.Map, schema.JSONObject:
		return sameDefault(f.Default, "{}")
	}
	return false
}

func sameDefault(a, b string) bool {
	if a == b || a != "" && b != "" && values.SameValue(a, b) {
		return true
	}
	x, okX := worth(a)
	y, okY := worth(b)
	return okX && okY && reflect.DeepEqual(x, y)
}

// worth is a JSON text with numbers that are equal written alike.
func worth(text string) (any, bool) {
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	var v any
	if in.Decode(&v) != nil {
		return nil, false
	}
	var of func(any) any
	of = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			if n, ok := new(big.Rat).SetString(v.String()); ok {
				return json.Number(n.RatString())
			}
		case []any:
			for i := range v {
				v[i] = of(v[i])
			}
		case map[string]any:
			for name := range v {
				v[name] = of(v[name])
			}
		}
		return v
	}
	return of(v), true
}

// minorStep says whether a version, as JSON text, grew within its major part: "1.0" to "1.1".
func minorStep(old, new string) bool {
	oldMajor, oldMinor, ok1 := versionOf(old)
	newMajor, newMinor, ok2 := versionOf(new)
	return ok1 && ok2 && oldMajor == newMajor && newMinor > oldMinor
}

func versionOf(text string) (major, minor int, ok bool) {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return 0, 0, false
	}
	return cutSchemaVersion(s)
}

// cutSchemaVersion splits "1.0" into its parts.
func cutSchemaVersion(s string) (major, minor int, ok bool) {
	a, b, found := strings.Cut(s, ".")
	major, err1 := strconv.Atoi(a)
	minor, err2 := strconv.Atoi(b)
	return major, minor, found && err1 == nil && err2 == nil
}
