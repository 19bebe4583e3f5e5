package values

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
)

// Inclusion is the answer to whether one set of values is part of another.
type Inclusion uint8

// The answers.
const (
	Unknown Inclusion = iota
	Included
	NotIncluded
)

// Answer says whether everything that is written can be read.
type Answer struct {
	Inclusion Inclusion
	// Member is a small value that is written and not read, with numbers as json.Number: of NotIncluded always, of
	// Unknown where HasMember says so, and then it is likely but not certain to be one.
	Member    any
	HasMember bool
	// Why says what could not be decided; of Unknown only.
	Why string
}

// Prover answers questions about the shapes of one space. It keeps what it learns, and is not safe for concurrent use.
type Prover struct {
	*Space
	s *solver
}

// NewProver returns a prover with a space of its own.
func NewProver() *Prover {
	s := NewSpace()
	return &Prover{s, newSolver(s)}
}

// Implies tells that every value of one shape is one of another, of conditions that cannot be looked into.
func (p *Prover) Implies(a, b *Shape) {
	if a == b || slices.Contains(p.s.implied[a], b) {
		return
	}
	p.s.implied[a] = append(p.s.implied[a], b)
	clear(p.s.known)
}

// Includes says whether every value that is in written is in read as well.
func (p *Prover) Includes(written, read *Shape) Answer {
	if written == read {
		return Answer{Inclusion: Included}
	}
	p.s.steps, p.s.limit = 0, maxSteps
	o := p.s.solve([]literal{{written, true}, {read, false}})
	switch o.state {
	case nothing:
		return Answer{Inclusion: Included}
	case unclear:
		a := Answer{Inclusion: Unknown, Why: o.why}
		if _, none := o.value.(absentValue); !none {
			a.Member, a.HasMember = o.value, true
		}
		return a
	}
	differs := func(v any) bool { return written.contains(v, 0) == yes && read.contains(v, 0) == no }
	if !differs(o.value) {
		return Answer{Inclusion: Unknown, Member: o.value, HasMember: true, Why: "a value that was found is not one when it is run"}
	}
	return Answer{Inclusion: NotIncluded, Member: shrink(o.value, differs), HasMember: true}
}

// Find returns a small value that is in all shapes; ok is false where none was found. It is likely but not certain to
// be one.
func (p *Prover) Find(all ...*Shape) (v any, ok bool) {
	a := p.Includes(p.And(all...), p.Never())
	return a.Member, a.HasMember
}

// Empty says whether a shape has no members at all.
func (p *Prover) Empty(a *Shape) bool { return p.Includes(a, p.Never()).Inclusion == Included }

// shrink takes a value apart as long as what is left still does what keep says.
func shrink(v any, keep func(any) bool) any {
	budget := 300
	try := func(x any) bool {
		budget--
		return budget > 0 && keep(x)
	}
	var inside func(v any, put func(any) any) any
	inside = func(v any, put func(any) any) any {
		switch x := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(x)) {
				less := maps.Clone(x)
				delete(less, name)
				if try(put(less)) {
					x = less
				}
			}
			for _, name := range slices.Sorted(maps.Keys(x)) {
				here := maps.Clone(x)
				x[name] = inside(x[name], func(e any) any {
					c := maps.Clone(here)
					c[name] = e
					return put(c)
				})
			}
			return x
		case []any:
			for i := len(x) - 1; i >= 0; i-- {
				less := slices.Delete(slices.Clone(x), i, i+1)
				if try(put(less)) {
					x = less
				}
			}
			for i := range x {
				here := slices.Clone(x)
				x[i] = inside(x[i], func(e any) any {
					c := slices.Clone(here)
					c[i] = e
					return put(c)
				})
			}
			return x
		case string:
			for _, simple := range []string{"a"} {
				if x != simple && len(x) > 0 && try(put(simple)) {
					return simple
				}
			}
		case json.Number:
			for _, simple := range []string{"1", "0"} {
				r, _ := rational(x)
				if r.Cmp(big.NewRat(1, 1)) != 0 && r.Sign() != 0 && try(put(json.Number(simple))) {
					return json.Number(simple)
				}
			}
		}
		return v
	}
	return inside(clone(v), func(x any) any { return x })
}

// clone copies what can be changed of a value.
func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = clone(e)
		}
		return out
	}
	return v
}
