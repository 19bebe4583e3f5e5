package values

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
)

// Kinds is a set of the kinds of JSON values.
type Kinds uint8

// The kinds. An integer is a Number that is a multiple of 1.
const (
	Null Kinds = 1 << iota
	Bool
	Number
	String
	Array
	Object

	AnyKind = Null | Bool | Number | String | Array | Object
)

// Shape is a set of values. It is made by a [Space]; two shapes of one space that are written alike are the same.
type Shape struct {
	op   op
	kids []*Shape
	atom atom
	id   int
}

type op uint8

const (
	opAtom op = iota
	opAnd
	opOr
	opNot
	opRef // kids[0] is what it stands for, once that is known
)

// An atom limits values of one kind and lets those of all others pass.
type atom interface {
	of() Kinds
	key() string
}

type (
	kindsAtom Kinds
	boolAtom  bool
	rangeAtom struct{ Interval }
	multiple  struct{ unit *big.Rat }
	// scalars is a finite list of numbers, as texts of rationals, or of strings.
	scalars struct {
		kind   Kinds
		values []string
	}
	textAtom struct{ *Language }
	length   struct {
		kind      Kinds
		low, high int // high is -1 for none
	}
	// itemAt: the item at an index, if there is one, is in a shape.
	itemAt struct {
		index int
		shape *Shape
	}
	// atLeast: n items from an index on, or more, are in a shape.
	atLeast struct {
		n, from int
		shape   *Shape
	}
	unique struct{}
	// members: every member whose name is in a language is in a shape.
	members struct {
		names *Language
		shape *Shape
	}
	// opaque is a condition that the algebra cannot look into; two of one id are the same.
	opaque struct {
		kind    Kinds
		id      string
		test    func(any) truth // nil: cannot be run
		samples []any           // that pass
	}
	// byteLength limits the length of strings in bytes of UTF-8; high is -1 for none.
	byteLength struct{ low, high int }
	// measure limits an integer that is read off a value: the time that a string is, say.
	measure struct {
		kind Kinds
		name string
		Interval
		read    func(any) (*big.Rat, bool)
		samples func(*big.Rat) any // a value that measures so
	}
)

func (a kindsAtom) of() Kinds  { return AnyKind }
func (a boolAtom) of() Kinds   { return Bool }
func (a rangeAtom) of() Kinds  { return Number }
func (a multiple) of() Kinds   { return Number }
func (a scalars) of() Kinds    { return a.kind }
func (a textAtom) of() Kinds   { return String }
func (a length) of() Kinds     { return a.kind }
func (a itemAt) of() Kinds     { return Array }
func (a atLeast) of() Kinds    { return Array }
func (a unique) of() Kinds     { return Array }
func (a members) of() Kinds    { return Object }
func (a opaque) of() Kinds     { return a.kind }
func (a byteLength) of() Kinds { return String }
func (a measure) of() Kinds    { return a.kind }

func (a kindsAtom) key() string  { return fmt.Sprintf("k%d", a) }
func (a boolAtom) key() string   { return fmt.Sprintf("b%t", a) }
func (a rangeAtom) key() string  { return "r" + a.Interval.text() }
func (a multiple) key() string   { return "m" + a.unit.RatString() }
func (a scalars) key() string    { return fmt.Sprintf("v%d%q", a.kind, a.values) }
func (a textAtom) key() string   { return "t" + a.Language.key }
func (a length) key() string     { return fmt.Sprintf("l%d:%d:%d", a.kind, a.low, a.high) }
func (a itemAt) key() string     { return fmt.Sprintf("i%d:%d", a.index, a.shape.id) }
func (a atLeast) key() string    { return fmt.Sprintf("c%d:%d:%d", a.n, a.from, a.shape.id) }
func (a unique) key() string     { return "u" }
func (a members) key() string    { return fmt.Sprintf("p%d:%s", a.shape.id, a.names.key) }
func (a opaque) key() string     { return fmt.Sprintf("o%d:%s", a.kind, a.id) }
func (a byteLength) key() string { return fmt.Sprintf("n%d:%d", a.low, a.high) }
func (a measure) key() string    { return fmt.Sprintf("q%d:%s:%s", a.kind, a.name, a.Interval.text()) }

func (i Interval) text() string {
	end := func(r *big.Rat, open bool) string {
		if r == nil {
			return "*"
		}
		return r.RatString() + strconv.FormatBool(open)
	}
	return end(i.Low, i.OpenLow) + ".." + end(i.High, i.OpenHigh)
}

// Space makes shapes, and makes each only once. It is not safe for concurrent use.
type Space struct {
	shapes map[string]*Shape
	langs  map[string]*Language
	exprs  map[string]*Language // by expression, so that each is compiled once
	// plain are the contents of references that are no part of themselves, and settled says which these are.
	plain   map[string]*Shape
	settled map[*Shape]bool
	// making counts the shapes of [Space.once] that are being made, and pending are questions about them.
	making  int
	pending []pendingTruth
	celBase *cel.Env // of expressions that are run
	// domains and demands are what is seen of shapes at first sight; exclusive are those of which one alternative holds at most.
	domains, complements map[*Shape]domain
	demands              map[*Shape]*demands
	exclusive            map[*Shape]bool
	count                int
	anyOf                *Shape
	none                 *Shape
}

// NewSpace returns an empty space.
func NewSpace() *Space {
	s := &Space{
		shapes: map[string]*Shape{}, langs: map[string]*Language{}, exprs: map[string]*Language{}, plain: map[string]*Shape{},
		settled: map[*Shape]bool{}, domains: map[*Shape]domain{}, complements: map[*Shape]domain{},
		demands: map[*Shape]*demands{}, exclusive: map[*Shape]bool{},
	}
	s.anyOf = s.of(kindsAtom(AnyKind))
	s.none = s.of(kindsAtom(0))
	return s
}

func (s *Space) intern(key string, made Shape) *Shape {
	if known := s.shapes[key]; known != nil {
		return known
	}
	s.count++
	made.id = s.count
	s.shapes[key] = &made
	return &made
}

func (s *Space) of(a atom) *Shape { return s.intern(a.key(), Shape{op: opAtom, atom: a}) }

// Any is every value.
func (s *Space) Any() *Shape { return s.anyOf }

// Never is no value.
func (s *Space) Never() *Shape { return s.none }

// OfKind is every value of some kinds.
func (s *Space) OfKind(k Kinds) *Shape { return s.of(kindsAtom(k & AnyKind)) }

// Not is every value that is not in a.
func (s *Space) Not(a *Shape) *Shape {
	switch {
	case a == s.anyOf:
		return s.none
	case a == s.none:
		return s.anyOf
	case a.op == opNot:
		return a.kids[0]
	}
	return s.intern(fmt.Sprintf("!%d", a.id), Shape{op: opNot, kids: []*Shape{a}})
}

// And is every value that is in all shapes.
func (s *Space) And(all ...*Shape) *Shape { return s.join(opAnd, "&", s.anyOf, s.none, all) }

// Or is every value that is in one of the shapes at least.
func (s *Space) Or(all ...*Shape) *Shape { return s.join(opOr, "|", s.none, s.anyOf, all) }

func (s *Space) join(o op, sign string, neutral, absorbing *Shape, all []*Shape) *Shape {
	var kids []*Shape
	for _, k := range all {
		switch {
		case k == absorbing:
			return absorbing
		case k == neutral:
		case k.op == o:
			kids = append(kids, k.kids...)
		default:
			kids = append(kids, k)
		}
	}
	slices.SortFunc(kids, func(a, b *Shape) int { return a.id - b.id })
	kids = slices.Compact(kids)
	switch len(kids) {
	case 0:
		return neutral
	case 1:
		return kids[0]
	}
	var key strings.Builder
	key.WriteString(sign)
	for _, k := range kids {
		fmt.Fprintf(&key, "%d,", k.id)
	}
	return s.intern(key.String(), Shape{op: o, kids: kids})
}

// One is every value that is in exactly one of the shapes.
func (s *Space) One(all ...*Shape) *Shape { return s.oneOf(all, all) }

// oneOf is every value that is in one of the parts, and in none of the whole shapes but that which this is a part of.
func (s *Space) oneOf(parts, whole []*Shape) *Shape {
	var out []*Shape
	for i, part := range parts {
		kept := []*Shape{part}
		for j, other := range whole {
			if j != i && !s.apart(part, other) {
				kept = append(kept, s.Not(other))
			}
		}
		out = append(out, s.And(kept...))
	}
	one := s.Or(out...)
	s.exclusive[one] = one.op == opOr
	return one
}

// Ref is a shape by name, whose content is set later, so that shapes may be part of themselves.
func (s *Space) Ref(name string) (ref *Shape, known bool) {
	key := "@" + name
	if r := s.shapes[key]; r != nil {
		return r, true
	}
	return s.intern(key, Shape{op: opRef, kids: []*Shape{nil}}), false
}

// Define sets what a Ref stands for.
func (s *Space) Define(ref, content *Shape) { ref.kids[0] = content }

// The following let values of other kinds pass.

// InRange limits numbers to an interval.
func (s *Space) InRange(i Interval) *Shape { return s.of(rangeAtom{i}) }

// MultipleOf limits numbers to multiples of a unit above zero.
func (s *Space) MultipleOf(unit *big.Rat) *Shape { return s.of(multiple{unit}) }

// Length limits the length of strings in characters, of arrays in items, or of objects in members; a high of -1 is none.
func (s *Space) Length(k Kinds, low, high int) *Shape {
	if low <= 0 && high < 0 {
		return s.anyOf
	}
	return s.of(length{k, max(low, 0), high})
}

// InText limits strings to a language.
func (s *Space) InText(l *Language) *Shape { return s.of(textAtom{l}) }

// Item limits the item at an index.
func (s *Space) Item(index int, a *Shape) *Shape {
	if a == s.anyOf {
		return a
	}
	return s.of(itemAt{index, a})
}

// Items limits all items from an index on.
func (s *Space) Items(from int, a *Shape) *Shape {
	if a == s.anyOf {
		return a
	}
	return s.Or(s.OfKind(AnyKind&^Array), s.Not(s.AtLeast(1, from, s.Not(a))))
}

// AtLeast asks of arrays that n items from an index on are in a shape.
func (s *Space) AtLeast(n, from int, a *Shape) *Shape {
	if n <= 0 {
		return s.anyOf
	}
	return s.of(atLeast{n, from, a})
}

// Unique asks of arrays that no two items are equal.
func (s *Space) Unique() *Shape { return s.of(unique{}) }

// Members limits the members of objects whose names are in a language.
func (s *Space) Members(names *Language, a *Shape) *Shape {
	if a == s.anyOf {
		return a
	}
	return s.of(members{names, a})
}

// WithMember asks of objects that there is a member of that name, and that its value is in a shape.
func (s *Space) WithMember(name string, a *Shape) *Shape {
	return s.Or(s.OfKind(AnyKind&^Object), s.Not(s.of(members{s.Exactly(name), s.Not(a)})))
}

// Opaque limits values by a condition that cannot be looked into.
func (s *Space) Opaque(k Kinds, id string, test func(any) bool, samples ...any) *Shape {
	if test == nil {
		return s.of(opaque{k, id, nil, samples})
	}
	return s.of(opaque{k, id, func(v any) truth { return truthOf(test(v)) }, samples})
}

// ByteLength limits the length of strings in bytes of UTF-8; a high of -1 is none.
func (s *Space) ByteLength(low, high int) *Shape {
	if low <= 0 && high < 0 {
		return s.anyOf
	}
	return s.of(byteLength{max(low, 0), high})
}

// Measure limits an integer that is read off values of a kind.
func (s *Space) Measure(k Kinds, name string, i Interval, read func(any) (*big.Rat, bool), sample func(*big.Rat) any) *Shape {
	return s.of(measure{k, name, i.closed(), read, sample})
}

// Strings limits strings, and Numbers numbers, to a list.
func (s *Space) Strings(values ...string) *Shape {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	return s.of(scalars{String, values})
}

// Numbers limits numbers to a list.
func (s *Space) Numbers(values ...*big.Rat) *Shape {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.RatString()
	}
	slices.Sort(texts)
	return s.of(scalars{Number, slices.Compact(texts)})
}

// Value is the set of one JSON value, with numbers as json.Number.
func (s *Space) Value(v any) *Shape {
	switch x := v.(type) {
	case nil:
		return s.OfKind(Null)
	case bool:
		return s.And(s.OfKind(Bool), s.of(boolAtom(x)))
	case string:
		return s.And(s.OfKind(String), s.Strings(x))
	case []any:
		parts := []*Shape{s.OfKind(Array), s.Length(Array, len(x), len(x))}
		for i, e := range x {
			parts = append(parts, s.Item(i, s.Value(e)))
		}
		return s.And(parts...)
	case map[string]any:
		parts := []*Shape{s.OfKind(Object), s.Length(Object, len(x), len(x))}
		for name, e := range x {
			parts = append(parts, s.WithMember(name, s.Value(e)))
		}
		return s.And(parts...)
	}
	r, _ := rational(v)
	return s.And(s.OfKind(Number), s.Numbers(r))
}
