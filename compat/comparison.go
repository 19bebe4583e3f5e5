package compat

import (
	"maps"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// comparison is one run of the engine over two sets. Its steps stand in files of their own, and each works on what the
// ones before it have left here.
type comparison struct {
	opts     Options
	old, new *schema.Set
	rules    []Rule

	// Judging collects candidates and changes; searching and pruning work on the candidates.
	candidates []*candidate
	changes    []change
	// pairs holds the events of both sides as they were judged.
	pairs [][2]*schema.Event
	// roots are the pairs of messages that judging began with.
	roots    judgedRoots
	compared compared

	// What it comes to.
	findings []*Finding
	notes    []Note
	err      error // why the sets cannot be compared

	// earlier are the findings of comparisons before this one, by fingerprint: their witnesses stand, and none is looked
	// for again.
	earlier map[string]*Finding

	// What the steps ask.
	oldUse, newUse *usage
	algebra        *algebra
	witnesses      *witness.Finder
	// undocumented says that a side has no comments to compare.
	undocumented bool

	// What judging keeps of its way: message pairs that are still to be visited or were, enums that were, and those that
	// are left for last.
	places    *places
	sameFiles map[[2]*schema.File]bool
	queue     []visit
	// sameKeys says that what messages say of encryption is all in themselves: no family names other keys than before.
	sameKeys      bool
	visited       map[[2]*schema.Message]bool
	visitedEnums  map[[2]*schema.Enum]bool
	deferredEnums []deferredEnum
}

func newComparison(old, new *schema.Set, newUse *usage, opts Options) *comparison {
	c := &comparison{
		opts: opts, old: old, new: new, rules: Rules(),
		oldUse: newUsage(old), newUse: newUse,
		algebra: &algebra{old: old, new: new},
		places:  newPlaces(), sameFiles: map[[2]*schema.File]bool{},
		undocumented: undocumented(old) || undocumented(new),
		visited:      map[[2]*schema.Message]bool{}, visitedEnums: map[[2]*schema.Enum]bool{},
	}
	c.sameKeys = maps.Equal(familyKeys(old), familyKeys(new))
	c.witnesses = witness.NewFinder(old, new, c.algebra)
	return c
}

// familyKeys are the classes of keys that the families of packages name.
func familyKeys(s *schema.Set) map[string]string {
	out := map[string]string{}
	for _, p := range s.Packages {
		if p.Family != nil && p.Family.EncryptionKey != "" {
			out[p.Name] = p.Family.EncryptionKey
		}
	}
	return out
}

// run takes the steps in order.
func (c *comparison) run() {
	if c.opts.Profile == Confluent {
		c.judgeAsRegistry()
		return
	}
	c.roots = c.judge()
	c.search()
	c.prune()
	c.proveInclusion()
	c.noteChanges()
	c.judgeEventsLast()
	c.word()
}

func (c *comparison) prover() *values.Prover { return c.algebra.Prover() }

// fail keeps the first reason why the sets cannot be compared.
func (c *comparison) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}
