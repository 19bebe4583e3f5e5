package schema

import "slices"

// Services returns the names of all who publish or consume an event, or own a consumer group, sorted.
func (s *Set) Services() []string {
	var names []string
	for _, e := range s.Events() {
		names = append(append(names, e.PublishedBy...), e.ConsumedBy...)
	}
	for _, g := range s.Groups {
		if g.Owner != "" {
			names = append(names, g.Owner)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
