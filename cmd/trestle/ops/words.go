package ops

import (
	"context"
	"maps"
	"slices"
)

// Words are the names that somebody may type for a project, as its schemas and trestle.yaml have them, sorted.
type Words struct {
	EventTypes, Topics, Groups, Services, Subjects, Environments []string
}

// Words returns the names of a project. What a mistake in a schema makes unknown is left out.
func (p *Project) Words(ctx context.Context) Words {
	w := Words{Environments: slices.Sorted(maps.Keys(p.Config.Environments))}
	set, err := p.load(ctx)
	if err != nil {
		return w
	}
	for _, e := range set.Events() {
		w.EventTypes = append(w.EventTypes, e.Type)
	}
	for _, t := range set.Topics {
		w.Topics = append(w.Topics, t.Name)
	}
	for _, g := range set.Groups {
		w.Groups = append(w.Groups, g.Name)
	}
	w.Services = set.Services()
	if declared, err := subjects(set); err == nil {
		for _, s := range declared {
			w.Subjects = append(w.Subjects, s.Name)
		}
	}
	for _, list := range []*[]string{&w.EventTypes, &w.Topics, &w.Groups, &w.Subjects} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return w
}
