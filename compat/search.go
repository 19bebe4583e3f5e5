package compat

// Searching looks for an event that shows each candidate: one that a side writes and the other rejects, misreads or
// drops, found by running both.
func (c *comparison) search() {
	if c.opts.NoWitness {
		return
	}
	for _, k := range c.candidates {
		if k.breaksData() && k.Witness == nil && k.about.trail.Old != nil && !c.foundEarlier(k) {
			k.Witness = c.findWitness(k)
		}
	}
}

// foundEarlier says that a comparison before this one found the same.
func (c *comparison) foundEarlier(k *candidate) bool {
	return len(c.earlier) > 0 && c.earlier[fingerprint(k.rule.ID, k.about.path, k.Change)] != nil
}

func (c *comparison) findWitness(k *candidate) *Witness {
	backward, forward := k.Breaks&Backward != 0, k.Breaks&Forward != 0
	trail := k.about.trail.About(k.Rejections...).Trying(k.Members...)
	if k.Within {
		trail = trail.Inner()
	}
	w := c.witnesses.Find(trail, backward, forward, k.Encodings)
	for _, other := range k.Beside {
		if w == nil {
			w = c.witnesses.Find(k.about.trail.Beside(other.old, other.new), backward, forward, k.Encodings)
		}
	}
	return w
}
