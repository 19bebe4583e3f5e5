package records

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/repair"
	"github.com/omninode/trestle/tools/schema"
)

// maxMended bounds how many values of a field a repair exchanges.
const maxMended = 100

// mender finds what makes refused events of one type valid: an expression that `dlq replay --repair` takes. It exchanges values that are refused for those
// that are meant beyond doubt: another spelling of a value that the schema has, the same text in other case or without white space around it. A number that is
// out of bounds, or what is missing, is nobody's to invent.
//
// The expression grows as other values come. What it does to one record it does for ever: it exchanges no value that is valid.
type mender struct {
	types *trestle.Types

	mu       sync.Mutex
	values   map[string]map[string]string // by path, from a value to that which is meant; empty: none is known
	current  *repair.Repair               // nil: there is nothing to exchange yet
	tooLarge bool
}

// mend says whether a record that is refused for violations is valid once it is repaired.
func (m *mender) mend(r *trestle.Record, faults []trestle.Violation, spots []spot) bool {
	m.mu.Lock()
	grown := false
	for i, v := range faults {
		grown = m.learn(r, v, spots[i]) || grown
	}
	if grown && !m.tooLarge {
		next, err := repair.Parse(expression(m.values))
		if err == nil {
			m.current = next
		}
		m.tooLarge = err != nil // what is longer than a repair may be
	}
	current := m.current
	m.mu.Unlock()
	return current != nil && len(broken(current, m.types, r)) == 0
}

// learn finds what a refused value is meant to be, and says whether it has.
func (m *mender) learn(r *trestle.Record, v trestle.Violation, s spot) bool {
	var value string
	if s.field == nil || s.beyond != "" || s.sensitive || s.inMap || v.ForKey || json.Unmarshal([]byte(v.Found), &value) != nil {
		return false
	}
	known := m.values[s.general]
	if _, done := known[value]; done || len(known) >= maxMended || m.tooLarge {
		return false
	}
	if known == nil {
		known = map[string]string{}
		if m.values == nil {
			m.values = map[string]map[string]string{}
		}
		m.values[s.general] = known
	}
	known[value] = ""
	for _, candidate := range candidates(value, s.field.Type) {
		one, err := repair.Parse(expression(map[string]map[string]string{s.general: {value: candidate}}))
		if err != nil {
			return false
		}
		if left := broken(one, m.types, r); !slices.ContainsFunc(left, func(other trestle.Violation) bool { return other.Rule == v.Rule && other.Path == v.Path }) {
			known[value] = candidate
			return true
		}
	}
	return false
}

// broken are the rules that a record breaks once it is repaired.
func broken(r *repair.Repair, types *trestle.Types, rec *trestle.Record) []trestle.Violation {
	value, headers, err := r.Apply(types, rec)
	if err != nil {
		return []trestle.Violation{{Rule: "repair", Message: err.Error()}}
	}
	after := *rec
	after.Value, after.Headers = value, headers
	decoded, err := trestle.Decode(&after, types, trestle.DecodeOptions{})
	switch invalid, ok := errors.AsType[*trestle.ValidationError](err); {
	case ok:
		return invalid.Violations
	case err != nil:
		return []trestle.Violation{{Rule: "event", Message: err.Error()}}
	case decoded.Event == nil:
		return []trestle.Violation{{Rule: "event", Message: "it has no payload"}}
	}
	return nil
}

// candidates are what a text may be meant to be, the likeliest first: where the schema lists what there is, the one of these that it is a spelling of, else the text itself in
// another form.
func candidates(value string, t *schema.Type) []string {
	for t.Elem != nil {
		t = t.Elem
	}
	if listed := members(t); len(listed) > 0 {
		if meant, ok := meant(value, listed); ok {
			return []string{meant}
		}
		return nil
	}
	var out []string
	trimmed := strings.TrimSpace(value)
	for _, other := range []string{trimmed, strings.ToLower(trimmed), strings.ToUpper(trimmed)} {
		if other != value && other != "" && !slices.Contains(out, other) {
			out = append(out, other)
		}
	}
	return out
}

// members are the texts that a schema lists for a type, nil where it lists none.
func members(t *schema.Type) []string {
	var out []string
	if t.Kind == schema.EnumKind {
		for _, v := range t.Enum.Values {
			if v.JSONName != "" {
				out = append(out, v.JSONName)
			}
		}
	}
	listed := t.Constraints.In
	if t.Constraints.Const != "" {
		listed = []string{t.Constraints.Const}
	}
	if listed == nil {
		return out
	}
	out = nil
	for _, text := range listed {
		var s string
		if json.Unmarshal([]byte(text), &s) == nil {
			out = append(out, s)
		}
	}
	return out
}

// meant is the one member that a text is a spelling of: the same letters and digits whatever their case, else so few letters from one member alone that no other is as close.
func meant(value string, members []string) (string, bool) {
	var same []string
	for _, m := range members {
		if letters(m) == letters(value) && letters(m) != "" {
			same = append(same, m)
		}
	}
	if len(same) > 0 {
		return same[0], len(same) == 1
	}
	best, distance, twice := "", 1+len(letters(value))/5, false
	if len(letters(value)) < 4 {
		return "", false // any other is close to what is that short
	}
	for _, m := range members {
		switch d := apart(letters(value), letters(m)); {
		case d < distance || d == distance && best == "":
			best, distance, twice = m, d, false
		case d == distance:
			twice = true
		}
	}
	return best, best != "" && !twice
}

// letters are a text's letters and digits, in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// apart counts the characters to insert, delete, exchange, or swap with their neighbour, that make b of a.
func apart(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			exchanged := rows[i-1][j-1]
			if s[i-1] != t[j-1] {
				exchanged++
			}
			rows[i][j] = min(exchanged, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}

// node is a part of a payload that an expression changes.
type node struct {
	values   map[string]string // of a text: what is exchanged
	element  *node             // of a list
	children map[string]*node
}

// expression exchanges values at paths, in CEL.
func expression(values map[string]map[string]string) string {
	root := &node{}
	for path, exchanged := range values {
		meant := maps.Clone(exchanged)
		maps.DeleteFunc(meant, func(_, to string) bool { return to == "" })
		if len(meant) == 0 {
			continue
		}
		at := root
		for _, s := range jsonio.Steps(path) {
			if s.Element {
				if at.element == nil {
					at.element = &node{}
				}
				at = at.element
				continue
			}
			if at.children == nil {
				at.children = map[string]*node{}
			}
			if at.children[s.Name] == nil {
				at.children[s.Name] = &node{}
			}
			at = at.children[s.Name]
		}
		at.values = meant
	}
	return root.text("payload", 0)
}

// text is the expression of a part that a variable holds. Names of variables count how deep it is.
func (n *node) text(of string, depth int) string {
	variable := "v"
	if depth > 0 {
		variable += strconv.Itoa(depth)
	}
	switch {
	case n.values != nil:
		var pairs []string
		for _, from := range slices.Sorted(maps.Keys(n.values)) {
			pairs = append(pairs, quoted(from)+": "+quoted(n.values[from]))
		}
		return "{" + strings.Join(pairs, ", ") + "}[?" + of + "].orValue(" + of + ")"
	case n.element != nil:
		return of + ".map(" + variable + ", " + n.element.text(variable, depth+1) + ")"
	}
	var members []string
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		members = append(members, "?"+quoted(name)+": "+of+"[?"+quoted(name)+"].optMap("+variable+", "+n.children[name].text(variable, depth+1)+")")
	}
	return of + ".merge({" + strings.Join(members, ", ") + "})"
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return string(text)
}
