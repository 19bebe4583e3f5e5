package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// Options say what to leave out.
type Options struct {
	// Ignore silences rules for elements, by [Finding.Path]: a path stands for the element and all that is below it at a
	// dot (`orders.v1` for a package, `orders.v1.OrderPlaced` for a message with its fields), `*` for everything.
	Ignore map[string][]string
}

// Check says which of the options name no rule, or name a rule and nothing to ignore.
func (o Options) Check() error {
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.ID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(o.Ignore)) {
		if !known[id] {
			return fmt.Errorf("lint: ignore: there is no rule %q: is it spelled as in a finding?", id)
		}
		if len(o.Ignore[id]) == 0 || slices.Contains(o.Ignore[id], "") {
			return fmt.Errorf("lint: ignore: %s names no element: give paths as in findings, or \"*\" for all", id)
		}
	}
	return nil
}

func (o Options) ignores(f *Finding) bool {
	for _, path := range o.Ignore[f.Rule] {
		if path == "*" || f.Path == path || strings.HasPrefix(f.Path, path+".") {
			return true
		}
	}
	return false
}

// Run shows a set's elements to every rule and returns what they found, sorted by file, line and rule. The slice is
// empty, not nil, where nothing was found.
func Run(set *schema.Set, opts Options) []*Finding {
	r := &run{set: set, opts: opts, index: newIndex(set), findings: []*Finding{}, schemas: event.New(set)}
	for _, rule := range Rules() {
		r.apply(&rule)
	}
	sortFindings(r.findings)
	return r.findings
}

type run struct {
	set      *schema.Set
	opts     Options
	index    *index
	findings []*Finding
	schemas  *event.Schemas
}

func (r *run) add(f *Finding) {
	if !r.opts.ignores(f) {
		r.findings = append(r.findings, f)
	}
}

// vocabulary is the package of Trestle's own options. Where it lies beside the schemas, it is not theirs to change.
const vocabulary = "trestle.v1"

func (r *run) apply(rule *Rule) {
	for _, p := range r.set.Packages {
		if p.Name == vocabulary {
			continue
		}
		if rule.Package != nil {
			pos := schema.Position{}
			if p.Family != nil {
				pos = p.Family.Pos
			} else if len(p.Files) > 0 {
				pos.File = p.Files[0].Path
			}
			rule.Package(&Check{run: r, rule: rule, path: p.Name, name: p.Name, pos: pos}, p)
		}
		r.messages(rule, p.Messages)
		r.enums(rule, p.Enums)
		if rule.Event != nil {
			for _, e := range p.Events {
				rule.Event(&Check{run: r, rule: rule, path: e.Message.FullName, name: e.Type, pos: e.Pos}, e)
			}
		}
	}
	if rule.Topic != nil {
		for _, t := range r.set.Topics {
			rule.Topic(&Check{run: r, rule: rule, path: t.Name, name: t.Name, pos: t.Pos}, t)
		}
	}
	if rule.Group != nil {
		for _, g := range r.set.Groups {
			rule.Group(&Check{run: r, rule: rule, path: g.Name, name: g.Name, pos: g.Pos}, g)
		}
	}
}

func (r *run) messages(rule *Rule, list []*schema.Message) {
	for _, m := range list {
		if rule.Message != nil {
			rule.Message(&Check{run: r, rule: rule, path: m.FullName, name: m.Name, pos: m.Pos}, m)
		}
		if rule.Field != nil {
			for _, f := range m.Fields {
				rule.Field(&Check{run: r, rule: rule, path: m.FullName + "." + f.Name, name: f.Name, pos: f.Pos}, f)
			}
		}
		r.messages(rule, m.Messages)
		r.enums(rule, m.Enums)
	}
}

func (r *run) enums(rule *Rule, list []*schema.Enum) {
	for _, e := range list {
		if rule.Enum != nil {
			rule.Enum(&Check{run: r, rule: rule, path: e.FullName, name: e.Name, pos: e.Pos}, e)
		}
		if rule.EnumValue != nil {
			for _, v := range e.Values {
				rule.EnumValue(&Check{run: r, rule: rule, path: e.FullName + "." + v.Name, name: v.Name, pos: v.Pos}, e, v)
			}
		}
	}
}

// index answers what a rule asks about the whole set.
type index struct {
	// topicsOf holds the topics that carry an event: its own, or for a dead letter those it is the event of.
	topicsOf map[*schema.Event][]*schema.Topic
	// answered holds the events that a request names as its reply.
	answered map[*schema.Event]bool
	// byMetricName holds topics by the name that Kafka's metrics give them, in the set's order.
	byMetricName map[string][]*schema.Topic
}

func newIndex(set *schema.Set) *index {
	x := &index{
		topicsOf: map[*schema.Event][]*schema.Topic{}, answered: map[*schema.Event]bool{},
		byMetricName: map[string][]*schema.Topic{},
	}
	for _, t := range set.Topics {
		x.byMetricName[metricName(t.Name)] = append(x.byMetricName[metricName(t.Name)], t)
		for _, e := range t.Events {
			x.topicsOf[e] = append(x.topicsOf[e], t)
		}
	}
	for _, e := range set.Events() {
		if e.Reply != nil && e.Role == schema.RoleRequest {
			x.answered[e.Reply] = true
		}
	}
	return x
}

// partitions is the largest number of partitions of a topic that carries the event, 0 when none does.
func (x *index) partitions(e *schema.Event) int32 {
	var most int32
	for _, t := range x.topicsOf[e] {
		most = max(most, t.Settings.Partitions)
	}
	return most
}
