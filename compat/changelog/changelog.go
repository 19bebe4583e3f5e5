package changelog

import (
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/schema"
)

// Step is what a change asks of versions.
type Step string

// The steps, smallest first.
const (
	// None: versions stay.
	None Step = "none"
	// Minor: schema_version grows in its minor part.
	Minor Step = "minor"
	// Package: the change belongs into a new version of the package, with topics of its own.
	Package Step = "package"
)

// Changelog is what changed between two sets.
type Changelog struct {
	// Packages holds those in which something changed, by name.
	Packages []*PackageChanges `json:"packages"`
	// Groups holds changes of consumer groups, which belong to no package.
	Groups []Entry `json:"consumer_groups,omitempty"`
	// Wrong holds the steps that versions took and should not have taken, or did not take, in the order of positions.
	Wrong []Wrong `json:"wrong_steps"`
}

// PackageChanges is what changed in one schema package.
type PackageChanges struct {
	Name string `json:"name"`
	// Replaces is the version of the package before one that was added.
	Replaces string `json:"replaces,omitempty"`
	// Step is the largest that something in the package asks for, and Next the package that breaking changes belong
	// into.
	Step Step   `json:"step"`
	Next string `json:"next,omitempty"`
	// Sections holds the package itself, under its name, then events by type, then what several events share, and what none carries, by name.
	Sections []*Section `json:"changes"`
}

// Section is what changed of a package itself, of an event, or of a message, enum or topic that several events share or none carries.
type Section struct {
	// Name is an event's type, else a full name, a topic's name or a file's path.
	Name string `json:"name"`
	// Event says that the section is an event's; Kind then whether it was added, removed or changed.
	Event bool        `json:"event"`
	Kind  compat.Kind `json:"kind"`
	Topic string      `json:"topic,omitempty"`
	// SharedBy holds the types of the events that carry what changed; of an event's section it is empty.
	SharedBy []string `json:"shared_by,omitempty"`
	// From and To are an event's old and new schema_version.
	From string `json:"old_version,omitempty"`
	To   string `json:"new_version,omitempty"`
	// Shared says that what an event shares with others changed in a way that concerns the event's version.
	Shared bool `json:"shared,omitempty"`
	// Step is what the changes of the section ask for; those of an event include what it shares with others. Next is
	// the schema_version to step to, or the package, and NextTopic the topic there.
	Step      Step    `json:"step"`
	Next      string  `json:"next,omitempty"`
	NextTopic string  `json:"next_topic,omitempty"`
	Entries   []Entry `json:"entries"`
}

// Entry is one change.
type Entry struct {
	Kind compat.Kind `json:"kind"`
	// Breaking says that the change is incompatible, and that no exemption covers it.
	Breaking bool   `json:"breaking"`
	Rule     string `json:"rule,omitempty"` // that objects to it
	Path     string `json:"path"`
	Location string `json:"location"`
	// Text says what changed, Consequence whom that hurts, Deploy in which order to roll out; the latter may be empty.
	Text        string `json:"text"`
	Consequence string `json:"consequence,omitempty"`
	Deploy      string `json:"deploy,omitempty"`

	pos schema.Position
}

// Wrong is a step that does not fit what changed.
type Wrong struct {
	Path     string          `json:"path"`
	Location string          `json:"location"`
	Message  string          `json:"message"`
	Fix      string          `json:"fix"`
	pos      schema.Position // to sort by
}

// Empty says that nothing changed.
func (c *Changelog) Empty() bool { return len(c.Packages)+len(c.Groups) == 0 }

// Of returns what changed of an event of the new set: its own section, then what it shares with others.
func (c *Changelog) Of(eventType string) []*Section {
	var own, shared []*Section
	for _, p := range c.Packages {
		for _, s := range p.Sections {
			if s.Event && s.Name == eventType {
				own = append(own, s)
			}
			for _, t := range s.SharedBy {
				if t == eventType {
					shared = append(shared, s)
				}
			}
		}
	}
	return append(own, shared...)
}
