package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// DeployFirst says who rolls out first, as far as the schemas decide it.
type DeployFirst string

// The answers.
const (
	// Either: old and new take each other's events, so any order works.
	Either DeployFirst = "either"
	// Consumers: old consumers do not take new events.
	Consumers DeployFirst = "consumers"
	// Producers: new consumers do not take old events, which must have run out before consumers follow.
	Producers DeployFirst = "producers"
	// Neither: both directions break; it takes a new event type, or a new version of package and topic.
	Neither DeployFirst = "neither"
)

// Report is the outcome of a comparison.
type Report struct {
	// Compatible is false exactly when a finding of severity error is left.
	Compatible bool
	// Findings are sorted by file, line and rule.
	Findings []*Finding
	// Steps holds what [VersionRule] finds: steps of versions that do not fit what changed. They break nobody, so that a
	// check notes them, once nothing else is wrong, and a changelog demands them.
	Steps []*Finding
	// Exempted holds findings that an exemption took out, in the same order.
	Exempted []*Finding
	// Notes say what changed and is compatible, sorted by path: together, findings and notes tell every change once.
	Notes []Note
	// Pairs holds the events of both sides as they were compared, nil for one that was added or removed. Like the notes
	// they are those of the last old version.
	Pairs [][2]*schema.Event
	// Events counts the event types that were compared: all of the old set, or of all old sets together.
	Events int
	// Schemas counts what was compared beside events: messages that no event carries, and JSON Schemas that are no message.
	Schemas int
	// AllNew says that the old side holds no schema, so that nothing was compared: what is new is told by the notes.
	AllNew bool
	// DeployFirst takes both directions into account, whatever the mode judges.
	DeployFirst DeployFirst
	Profile     Profile
	Mode        Mode
	// Records are what the topics hold; nil where nobody looked. Findings about them have a [Stored].
	Records []TopicRecords
	// RecordNotes say which edits are safe for what is stored.
	RecordNotes []Note
	// RecordsOnly says that no schemas were compared, and records alone looked at.
	RecordsOnly bool
}

// remarks returns what a program that reads the verdict should know beside it: what the profile does not see, what is new
// where all is, and steps of versions that do not fit.
func (r *Report) remarks() []string {
	var out []string
	for _, n := range r.Notes {
		if n.Missed || r.AllNew && n.Kind == Added {
			out = append(out, fmt.Sprintf("%s: %s", n.Pos, n.Text))
		}
	}
	if r.Compatible { // what breaks is to be undone first, or leads to another step
		for _, f := range r.Steps {
			out = append(out, fmt.Sprintf("%s: %s: %s; %s", f.Pos, f.Rule, f.Change, f.Fix))
		}
	}
	for _, n := range r.RecordNotes {
		out = append(out, fmt.Sprintf("%s: %s", n.Pos, n.Text))
	}
	return out
}

// MarshalJSON writes `{"compatible":…,"findings":[…]}`, the remarks as notes where there are any, and the records where somebody looked at them.
func (r *Report) MarshalJSON() ([]byte, error) {
	findings := r.Findings
	if findings == nil {
		findings = []*Finding{}
	}
	return marshal(struct {
		Compatible bool           `json:"compatible"`
		Findings   []*Finding     `json:"findings"`
		Notes      []string       `json:"notes,omitempty"`
		Records    []TopicRecords `json:"records,omitzero"`
	}{r.Compatible, findings, r.remarks(), r.Records})
}

// Compare judges new against old. The error says that the options are wrong, that a schema file is no JSON Schema, or that
// both sides hold schemas, and nothing of one is on the other. Both sets are only read, and may be shared with other
// goroutines.
func Compare(old, new *schema.Set, opts Options) (*Report, error) {
	opts, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	c := newComparison(old, new, newUsage(new), opts)
	c.run()
	if c.err != nil {
		return nil, c.err
	}
	if err := c.compared.nothingCompared(); err != nil {
		return nil, err
	}
	r := &Report{
		Profile: opts.Profile, Mode: opts.Mode, Events: len(old.Events()), Schemas: c.compared.schemas, AllNew: c.compared.allNew,
		Notes: c.notes, Pairs: c.pairs,
	}
	r.conclude(c.findings)
	return r, nil
}

// CompareHistory judges new against the versions before it, oldest first: against all of them in a transitive mode,
// else against the last. A finding that holds against several versions appears once, with its Against.
func CompareHistory(olds []*schema.Set, new *schema.Set, opts Options) (*Report, error) {
	opts, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	if len(olds) == 0 {
		return nil, fmt.Errorf("compare a history: it is empty: give at least one old version")
	}
	first := 0
	if !opts.Mode.Transitive() {
		first = len(olds) - 1
	}
	r := &Report{Profile: opts.Profile, Mode: opts.Mode, AllNew: true}
	var nothing error // compared with the newest version; nil once something was with any
	var all []*Finding
	byFingerprint := map[string]*Finding{}
	types := map[string]bool{}
	newUse := newUsage(new)
	// The newest version comes first, so that a finding keeps the witness and position of the latest break.
	for i := len(olds) - 1; i >= first; i-- {
		c := newComparison(olds[i], new, newUse, opts)
		c.earlier = byFingerprint
		c.run()
		if c.err != nil {
			return nil, c.err
		}
		if err := c.compared.nothingCompared(); err == nil || i == len(olds)-1 {
			nothing = err
		}
		r.AllNew = r.AllNew && c.compared.allNew
		r.Schemas = max(r.Schemas, c.compared.schemas)
		for _, e := range olds[i].Events() {
			types[e.Type] = true
		}
		for _, f := range c.findings {
			if known := byFingerprint[f.Fingerprint()]; known != nil {
				known.Against = append(known.Against, i)
				if known.Breaks |= f.Breaks; known.Witness == nil {
					known.Witness = f.Witness
				}
				continue
			}
			f.Against = []int{i}
			byFingerprint[f.Fingerprint()] = f
			all = append(all, f)
		}
		if i == len(olds)-1 {
			r.Notes, r.Pairs = c.notes, c.pairs
		}
	}
	if nothing != nil {
		return nil, nothing
	}
	for _, f := range all {
		slices.Sort(f.Against)
	}
	r.Events = len(types)
	r.conclude(all)
	return r, nil
}

// conclude keeps what the mode judges, sorts it, and draws the conclusions.
func (r *Report) conclude(all []*Finding) {
	var breaks Direction
	wanted := r.Mode.directions()
	for _, f := range all {
		if f.Rule == VersionRule {
			r.Steps = append(r.Steps, f)
			continue
		}
		if f.Severity == Error && f.rollout {
			breaks |= f.Breaks
		}
		if f.Breaks&wanted != 0 {
			r.Findings = append(r.Findings, f)
		}
	}
	switch breaks {
	case 0:
		r.DeployFirst = Either
	case Forward:
		r.DeployFirst = Consumers
	case Backward:
		r.DeployFirst = Producers
	default:
		r.DeployFirst = Neither
	}
	sortFindings(r.Findings)
	sortFindings(r.Steps)
	r.decide()
}

// decide says whether the findings leave the sets compatible.
func (r *Report) decide() {
	r.Compatible = !slices.ContainsFunc(r.Findings, func(f *Finding) bool { return f.Severity == Error })
}
