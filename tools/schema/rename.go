package schema

import (
	"cmp"
	"slices"
	"sync"
)

// Rename gives topics and consumer groups the names that they have in an environment. What else speaks of topics by name, such
// as the patterns and routes of families, says what the schemas say. Nobody may use the set meanwhile.
func (s *Set) Rename(topic, group func(name string) string) {
	for _, t := range s.Topics {
		t.Name = topic(t.Name)
	}
	for _, g := range s.Groups {
		g.Name = group(g.Name)
		g.Topics = slices.Clone(g.Topics)
		for i := range g.Topics {
			g.Topics[i] = topic(g.Topics[i])
		}
	}
	slices.SortStableFunc(s.Topics, func(a, b *Topic) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(s.Groups, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	s.index.once = sync.Once{}
}
