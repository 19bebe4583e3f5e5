package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// pair is a message, or an enum, in two versions.
type pair struct{ old, new any }

func pairOf[T any](of [2]*T) pair { return pair{of[0], of[1]} }

// place is where a pair stands: in a field that both sides of another have.
type place struct {
	pair
	old, new *schema.Field
}

// places are all those at which judging came upon something, also where it had judged that before: what the events of one
// root cannot have, or have at one place only, those of another may.
type places struct {
	in    map[pair][]place // what stands in a message
	holds map[pair][]pair  // which messages something stands in
	// elsewhere is what stands at places that are no fields, too: enums of names.
	elsewhere map[pair]bool
}

func newPlaces() *places {
	return &places{map[pair][]place{}, map[pair][]pair{}, map[pair]bool{}}
}

// add keeps that something stands in the field of an element.
func (p *places) add(at *element, what pair) {
	in := pairOf(at.messages)
	p.in[in] = append(p.in[in], place{what, at.oldField, at.newField})
	p.holds[what] = append(p.holds[what], in)
	p.elsewhere[what] = p.elsewhere[what] || at.isKey
}

// leading are the pairs that something stands in, directly or further down, and it itself.
func (p *places) leading(to pair) map[pair]bool {
	out := map[pair]bool{to: true}
	for todo := []pair{to}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, in := range p.holds[next] {
			if !out[in] {
				out[in] = true
				todo = append(todo, in)
			}
		}
	}
	return out
}

// standsIn is the pair that an element is, or is part of.
func (e *element) standsIn() pair {
	if e.enums != [2]*schema.Enum{} {
		return pairOf(e.enums)
	}
	return pairOf(e.messages)
}

// isUndeclared says that an element may stand, or what it stands in, where no field is declared, which places do not know.
func (c *comparison) isUndeclared(at *element) bool {
	for p := range c.places.leading(at.standsIn()) {
		old, _ := p.old.(*schema.Message)
		new, _ := p.new.(*schema.Message)
		if old != nil && c.oldUse.undeclared[old] || new != nil && c.newUse.undeclared[new] {
			return true
		}
	}
	return false
}

// rootsWith are the pairs of events that an element may be in, of those that judging began with: what travels only as a part
// of others is in those.
func (c *comparison) rootsWith(at *element) [][2]*schema.Message {
	leading := c.places.leading(at.standsIn())
	var whole, parts [][2]*schema.Message
	for _, r := range c.roots {
		switch {
		case r[0] == nil || r[1] == nil || !leading[pairOf(r)]:
		case c.travelsInOthers(r):
			parts = append(parts, r)
		default:
			whole = append(whole, r)
		}
	}
	if whole == nil {
		return parts
	}
	return whole
}

// having is every event of a root, as writers of a direction have it in an encoding, that has somewhere in it what an element
// belongs to, a message or the value of an enum, in a shape.
func (c *comparison) having(root [2]*schema.Message, at *element, is *values.Shape, d Direction, e schema.Encoding) *values.Shape {
	p, to := c.prover(), at.standsIn()
	leading := c.places.leading(to)
	done, within := map[pair]*values.Shape{}, map[pair]*values.Shape{}
	var from func(pair) *values.Shape
	from = func(at pair) *values.Shape {
		if known := done[at]; known != nil {
			return known
		}
		if ref, open := within[at]; open { // it is part of itself
			if ref == nil {
				ref, _ = p.Ref(fmt.Sprintf("having %p %p %p of %p %p in %s %s", at.old, at.new, is, to.old, to.new, e, d))
				within[at] = ref
			}
			return ref
		}
		within[at] = nil
		var any []*values.Shape
		if at == to {
			any = append(any, is)
		}
		for _, in := range c.places.in[at] {
			field := in.old
			if d == Forward {
				field = in.new
			}
			if leading[in.pair] {
				any = append(any, p.AtField(field, e, from(in.pair)))
			}
		}
		out := p.Or(any...)
		if ref := within[at]; ref != nil {
			p.Define(ref, out)
			out = ref
		}
		delete(within, at)
		done[at] = out
		return out
	}
	return from(pairOf(root))
}
