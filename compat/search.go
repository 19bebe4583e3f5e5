package compat

import "github.com/omninode/trestle/compat/witness"

// Searching looks for events that show each candidate, in each direction that it breaks: ones that a side writes and the
// other rejects, misreads or drops, found by running both.
//
// Where no witness is wanted, and there is much to ask of the algebra, they are looked for all the same: what an event shows
// need not be asked, and each question takes as long as the message is large.
func (c *comparison) search() {
	if c.opts.NoWitness && len(c.candidates) <= mostAsked {
		return
	}
	for _, k := range c.candidates {
		if k.Encrypted && k.about.trail.Old != nil && !c.opts.NoWitness {
			k.Witness = c.witnesses.Encrypted(k.about.trail, k.Breaks == Backward, k.Encodings)
		}
		if !k.breaksData() || k.Witness != nil || k.about.trail.Old == nil || c.foundEarlier(k) {
			continue
		}
		k.shown = map[Direction]*Witness{}
		for _, d := range k.Breaks.each() {
			if w := c.findWitness(k, d); w != nil && k.isShownBy(w) {
				k.shown[d] = w
			}
		}
	}
}

// mostAsked is how many candidates may all be asked of the algebra.
const mostAsked = 20

// foundEarlier says that a comparison before this one found the same.
func (c *comparison) foundEarlier(k *candidate) bool {
	if len(c.earlier) == 0 {
		return false
	}
	f := c.earlier[fingerprint(k.rule.ID, k.about.path, k.Change)]
	return f != nil && k.Breaks&^f.Breaks == 0
}

// isShownBy says that what becomes of a witness is what the candidate is about.
func (k *candidate) isShownBy(w *Witness) bool {
	rejected := w.Outcome == witness.Rejected
	return !(k.Refused && !rejected || k.Taken && rejected)
}

func (c *comparison) findWitness(k *candidate, d Direction) *Witness {
	trail := k.about.trail
	if k.Closed {
		trail = c.closedTrail(k.about).Closed()
	}
	trail = trail.About(k.Rejections...).Trying(k.Members...)
	if k.Within {
		trail = trail.Inner()
	}
	w := c.witnesses.Find(trail, d == Backward, k.Encodings)
	for _, other := range k.Beside {
		if w == nil {
			w = c.witnesses.Find(k.about.trail.Beside(other.old, other.new), d == Backward, k.Encodings)
		}
	}
	return w
}

// witnessOf returns the witness of a candidate in one of some directions: in JSON, where there is one.
func (c *comparison) witnessOf(k *candidate, wanted Direction) *Witness {
	best := k.Witness
	if c.opts.NoWitness {
		return best
	}
	for _, d := range (k.Breaks & wanted).each() {
		if w := k.shown[d]; w != nil && (best == nil || best.Bytes != nil && w.Bytes == nil) {
			best = w
		}
	}
	return best
}
