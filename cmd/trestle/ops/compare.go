package ops

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
)

// Comparison says what differs between two environments, as they are, by the names that the schemas have.
type Comparison struct {
	// Environment and Like are names in trestle.yaml; empty: the environment is none of there.
	Environment string `json:"environment"`
	Like        string `json:"like"`
	// Changes are what would make the first like the second: what only the second has is to be created, what only the first has deleted.
	Changes []Difference `json:"changes"`
	// NotCompared says what only one of them names a cluster or a registry for.
	NotCompared []string `json:"not_compared"`
}

// Difference is a topic or a subject that two environments have, or one of them. From is always the first environment's.
type Difference struct {
	PlannedChange
	// Undeclared says that the schemas do not have it.
	Undeclared bool `json:"undeclared,omitempty"`
}

// The actions of a comparison beside those of a plan.
const actionDelete = "delete"

// Empty says that there is no difference.
func (c *Comparison) Empty() bool {
	return !slices.ContainsFunc(c.Changes, func(d Difference) bool { return d.Action != string(topics.None) })
}

// Compare looks at the topics and subjects of two environments, and changes nothing. Names are those of the schemas, for what these do not have those
// without the environment's prefix. What neither environment can have by its names is left out, and so is what one of them shares a cluster or a registry
// with and the other declares. Of several registries each of the first environment's is compared with the second's first.
func Compare(ctx context.Context, p *Project, env, like Environment) (*Comparison, error) {
	set, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Environment: env.name, Like: like.name, Changes: []Difference{}, NotCompared: []string{}}
	both := [2]Environment{env, like}
	switch {
	case env.Registry != "" && like.Registry != "":
		if err := c.registries(ctx, set, env, like); err != nil {
			return nil, err
		}
	case env.Registry != like.Registry:
		c.NotCompared = append(c.NotCompared, "subjects: one of the environments has no registry")
	}
	switch {
	case len(env.Brokers) > 0 && len(like.Brokers) > 0:
		if err := c.topics(ctx, set, both); err != nil {
			return nil, err
		}
	case len(env.Brokers) != len(like.Brokers):
		c.NotCompared = append(c.NotCompared, "topics: one of the environments has no brokers")
	}
	if len(c.Changes) == 0 && (env.Registry == "" || like.Registry == "") && (len(env.Brokers) == 0 || len(like.Brokers) == 0) {
		return nil, fmt.Errorf("environments %s and %s have neither both brokers nor both a registry: there is nothing to compare", env.label(), like.label())
	}
	return c, nil
}

// add notes what became of one name, by what the two environments have of it.
func (c *Comparison) add(kind, name string, declared bool, have, want bool, changes []FieldChange) {
	d := Difference{PlannedChange: PlannedChange{Kind: kind, Name: name, Action: string(topics.None), Changes: changes}, Undeclared: !declared}
	switch {
	case !have && !want:
		return
	case !have:
		d.Action = string(topics.Create)
	case !want:
		d.Action = actionDelete
	case len(changes) > 0:
		d.Action = string(topics.Update)
	}
	if d.Changes == nil {
		d.Changes = []FieldChange{}
	}
	c.Changes = append(c.Changes, d)
}

func (c *Comparison) topics(ctx context.Context, set *schema.Set, both [2]Environment) error {
	logical := append(TopicNames(set), besideSchemas(set)...)
	var found [2]*topics.Found
	var physical [2]map[string]bool // that are declared
	for i, env := range both {
		names, err := env.namesOf(set)
		if err != nil {
			return err
		}
		physical[i] = map[string]bool{}
		for _, name := range logical {
			one, err := names.Topic(name)
			if err != nil {
				return env.errorf("%w", err)
			}
			physical[i][one] = true
		}
		cl, err := env.kafka(ctx)
		if err != nil {
			return env.errorf("%w", err)
		}
		found[i], err = topics.All(ctx, cl)
		cl.Close()
		if err != nil {
			return env.errorf("%w", err)
		}
	}
	shared := found[0].ClusterID != "" && found[0].ClusterID == found[1].ClusterID
	var states [2]map[string]topics.State
	for i, env := range both {
		states[i] = map[string]topics.State{}
		for _, t := range found[i].Topics {
			if name, ok := env.Names().TopicOf(t.Name); ok && (physical[i][t.Name] || !shared || !physical[1-i][t.Name]) {
				states[i][name] = t
			}
		}
	}
	for _, name := range union(states[0], states[1]) {
		have, isThere := states[0][name]
		want, isWanted := states[1][name]
		var changes []FieldChange
		if isThere && isWanted {
			changes = topicDifferences(have, want)
		}
		c.add("topic", name, slices.Contains(logical, name), isThere, isWanted, changes)
	}
	return nil
}

// topicDifferences compares partitions, replicas, and settings: those that both clusters know, and those that are a topic's own.
func topicDifferences(a, b topics.State) []FieldChange {
	var out []FieldChange
	differ := func(name, from, to string) {
		if from != to {
			out = append(out, FieldChange{name, from, to})
		}
	}
	differ("partitions", fmt.Sprint(a.Partitions), fmt.Sprint(b.Partitions))
	differ("replication_factor", fmt.Sprint(a.ReplicationFactor), fmt.Sprint(b.ReplicationFactor))
	for _, name := range union(a.Config, b.Config) {
		from, inA := a.Config[name]
		to, inB := b.Config[name]
		if inA && inB || a.Set[name] || b.Set[name] {
			differ(name, from, to)
		}
	}
	return out
}

// registries compares the subjects of each registry of an environment.
func (c *Comparison) registries(ctx context.Context, set *schema.Set, env, like Environment) error {
	each, err := env.eachRegistry()
	if err != nil {
		return err
	}
	for _, one := range each {
		from := len(c.Changes)
		address, err := c.subjects(ctx, set, [2]Environment{one, like})
		if err != nil {
			return err
		}
		for i := range c.Changes[from:] {
			if len(each) > 1 {
				c.Changes[from+i].Registry = address
			}
		}
	}
	return nil
}

// subjects compares those of two registries, and returns the address of the first.
func (c *Comparison) subjects(ctx context.Context, set *schema.Set, both [2]Environment) (address string, err error) {
	declared, err := subjects(set)
	if err != nil {
		return "", err
	}
	var clients [2]*registry.Client
	var listed, declaredAs [2][]string
	var logicalOf [2]map[string]string
	for i, env := range both {
		physical, err := env.subjectNames(set, declared)
		if err != nil {
			return "", err
		}
		logicalOf[i] = map[string]string{}
		for logical, name := range physical {
			logicalOf[i][name] = logical
			declaredAs[i] = append(declaredAs[i], name)
		}
		if clients[i], err = env.registryClient(ctx); err == nil {
			listed[i], err = clients[i].Subjects(ctx)
		}
		if err != nil {
			return "", env.errorf("%w", err)
		}
	}
	shared := clients[0].Address() == clients[1].Address()
	var states [2]map[string]registry.Newest
	for i, env := range both {
		for _, name := range listed[i] {
			if logicalOf[i][name] != "" || shared && slices.Contains(declaredAs[1-i], name) {
				continue
			}
			if logical, ok := strings.CutPrefix(name, env.Prefix); ok {
				logicalOf[i][name] = logical
			}
		}
		found, err := clients[i].Newest(ctx, slices.Sorted(maps.Keys(logicalOf[i])))
		if err != nil {
			return "", env.errorf("%w", err)
		}
		states[i] = map[string]registry.Newest{}
		for name, state := range found {
			states[i][logicalOf[i][name]] = state
		}
	}
	for _, name := range union(states[0], states[1]) {
		have, isThere := states[0][name]
		want, isWanted := states[1][name]
		var changes []FieldChange
		if isThere && isWanted {
			changes = subjectDifferences(have, want, clients[0].Same(have.Stored, want.Stored))
		}
		isDeclared := slices.ContainsFunc(declared, func(s registry.Subject) bool { return s.Name == name })
		c.add("subject", name, isDeclared, isThere, isWanted, changes)
	}
	return clients[0].Address(), nil
}

// subjectDifferences compares the newest versions: their schemas, how many have come before them, and the level.
func subjectDifferences(a, b registry.Newest, same bool) []FieldChange {
	var out []FieldChange
	from, to := fmt.Sprintf("version %d", a.Version), fmt.Sprintf("version %d", b.Version)
	switch {
	case a.Type != b.Type:
		out = append(out, FieldChange{"type", string(a.Type), string(b.Type)})
	case !same:
		out = append(out, FieldChange{"schema", from, to})
	case a.Version != b.Version:
		out = append(out, FieldChange{"version", fmt.Sprint(a.Version), fmt.Sprint(b.Version)})
	}
	if a.Level != b.Level {
		out = append(out, FieldChange{"compatibility", a.Level, b.Level})
	}
	return out
}

func union[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))))))
}
