package trestletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
)

// Match is what a test asks of an event: see [Like] and [Where].
type Match[P trestle.Event] struct {
	what        string
	differences func(P) []string // none: the event is as asked
}

// Like asks for an event whose fields are those of want, as far as want has them. What want lacks may be anything; so may, of
// events written in JSON Schema, what is empty in it (0, "", false), since that can't be told from what it lacks, and everywhere
// empty lists and objects: ask for those with [Where]. Lists are compared item by item and are of one length.
func Like[P trestle.Event](want P) Match[P] {
	return Match[P]{"like " + textOf(want), func(got P) []string { return differences(got, want) }}
}

// Where asks for an event of which holds says true; what says in a failure's message what that is.
func Where[P trestle.Event](what string, holds func(P) bool) Match[P] {
	return Match[P]{"where " + what, func(got P) []string {
		if holds(got) {
			return nil
		}
		return []string{"it does not hold that " + what}
	}}
}

// wanted describes matches; empty where there are none.
func wanted[P trestle.Event](match []Match[P]) string {
	var all []string
	for _, m := range match {
		all = append(all, m.what)
	}
	if len(all) == 0 {
		return ""
	}
	return " " + strings.Join(all, ", ")
}

// differing says in which ways an event is not what is asked for; none: it is.
func differing[P trestle.Event](e P, match []Match[P]) []string {
	var all []string
	for _, m := range match {
		all = append(all, m.differences(e)...)
	}
	return all
}

// textOf is an event's JSON, with *** for what is sensitive.
func textOf(e trestle.Event) string {
	info := e.EventInfo()
	text, err := e.AppendJSON(nil)
	if err == nil {
		text, err = info.Masks.Hide(text, info.FullName)
	}
	if err != nil {
		return fmt.Sprintf("%s that has no JSON form", info.FullName)
	}
	return string(text)
}

// view is a JSON value, and how it may be shown.
type view struct{ value, shown any }

func viewOf(e trestle.Event) (v view, err error) {
	text, err := e.AppendJSON(nil)
	if err != nil {
		return view{}, err
	}
	info := e.EventInfo()
	shown, err := info.Masks.Hide(bytes.Clone(text), info.FullName)
	if err != nil {
		return view{}, err
	}
	if v.value, err = parse(text); err == nil {
		v.shown, err = parse(shown)
	}
	return v, err
}

// parse keeps numbers as they are written.
func parse(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}

func (v view) hidden() bool { return v.shown == jsonio.Hidden && v.value != jsonio.Hidden }

func (v view) String() string {
	if v.shown == jsonio.Hidden {
		return jsonio.Hidden
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v.shown) != nil {
		return fmt.Sprint(v.shown)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// member is a member of an object; absent ones are nil.
func (v view) member(name string) view {
	value, _ := v.value.(map[string]any)
	shown, _ := v.shown.(map[string]any)
	return view{value[name], shown[name]}
}

func (v view) item(i int) view {
	return view{v.value.([]any)[i], v.shown.([]any)[i]}
}

// differences are the ways in which got is not like want, a line each.
func differences(got, want trestle.Event) []string {
	g, err := viewOf(got)
	if err != nil {
		return []string{fmt.Sprintf("it has no JSON form: %v", err)}
	}
	w, err := viewOf(want)
	if err != nil {
		return []string{fmt.Sprintf("what is wanted has no JSON form: %v", err)}
	}
	c := comparison{zeroCounts: want.EventInfo().MessageIndexes != nil}
	c.compare("", g, w)
	return c.lines
}

type comparison struct {
	zeroCounts bool
	lines      []string
}

func (c *comparison) compare(path string, got, want view) {
	if c.asksNothing(want.value) {
		return
	}
	if got.value != nil && (got.hidden() || want.hidden()) { // what is in it, and how much, may not be told either
		inside := comparison{zeroCounts: c.zeroCounts}
		if inside.compare(path, view{got.value, got.value}, view{want.value, want.value}); len(inside.lines) > 0 {
			c.add(path, "%s differs", jsonio.Hidden)
		}
		return
	}
	switch value := want.value.(type) {
	case map[string]any:
		if _, ok := got.value.(map[string]any); !ok {
			break
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			at := name
			if path != "" {
				at = path + "." + name
			}
			c.compare(at, got.member(name), want.member(name))
		}
		return
	case []any:
		list, ok := got.value.([]any)
		if !ok {
			break
		}
		if len(list) != len(value) {
			c.add(path, "has %d items, want %d: %v, want %v", len(list), len(value), got, want)
			return
		}
		for i := range value {
			c.compare(fmt.Sprintf("%s[%d]", path, i), got.item(i), want.item(i))
		}
		return
	}
	switch {
	case got.value == nil:
		c.add(path, "absent, want %v", want)
	case isScalar(got.value) && isScalar(want.value) && got.value == want.value:
	default:
		c.add(path, "%v, want %v", got, want)
	}
}

func (c *comparison) add(path, format string, args ...any) {
	c.lines = append(c.lines, path+": "+fmt.Sprintf(format, args...))
}

// asksNothing says that what is wanted of a value can't be told from nothing.
func (c *comparison) asksNothing(want any) bool {
	switch want := want.(type) {
	case nil:
		return true
	case map[string]any:
		return len(want) == 0
	case []any:
		return len(want) == 0
	}
	if number, ok := want.(json.Number); ok && !c.zeroCounts {
		f, err := number.Float64()
		return err == nil && f == 0
	}
	return !c.zeroCounts && (want == "" || want == false)
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}
