package ops

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/tools/jsonedit"
	"github.com/omninode/trestle/tools/repair"
)

// AppliedRepair is what letters are repaired with.
type AppliedRepair struct {
	Kind   string `json:"kind"` // merge-patch or cel; edit: by hand
	Text   string `json:"text,omitempty"`
	SHA256 string `json:"sha256"` // of the text, in hex
}

// ExaminedCause says of the events of letters of one cause whether they are valid by today's schemas, and what a repair changes of them.
type ExaminedCause struct {
	ID        string `json:"id"`
	Cause     string `json:"cause"`
	EventType string `json:"event_type"`
	Group     string `json:"group"` // that failed
	// Events are those that could be sent, and Changed those of them that the repair changes.
	Events  int `json:"events"`
	Changed int `json:"changed"`
	// ValidBefore and ValidAfter are valid as they are, and once they are repaired.
	ValidBefore int `json:"valid_before"`
	ValidAfter  int `json:"valid_after"`
	// Changes are what the repair changes, the most frequent first; MoreChanges are of fields beyond the first 200.
	Changes     []RepairChange `json:"changes,omitempty"`
	MoreChanges int            `json:"more_changes,omitempty"`
	// Sample is the first event that is changed.
	Sample *RepairSample `json:"sample,omitempty"`
	// Invalid are the rules that events break: once they are repaired, or as they are where there is no repair. MoreInvalid are beyond the first 200.
	Invalid     []InvalidField `json:"invalid,omitempty"`
	MoreInvalid int            `json:"more_invalid,omitempty"`
	// Failures say why events could not be repaired.
	Failures []RepairFailure `json:"failures,omitempty"`
}

// RepairChange is a field of the payload that a repair changes.
type RepairChange struct {
	Path   string `json:"path"` // with [] for any element: items[].quantity
	Events int    `json:"events"`
	// Values are the commonest changes, at most five; MoreValues is of how many events the others are.
	Values     []ChangedValue `json:"values"`
	MoreValues int            `json:"more_values,omitempty"`
}

// ChangedValue is one change of a field: excerpts of JSON, with "***" for what is sensitive; empty: the field is not there.
type ChangedValue struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Events int    `json:"events"`
}

// RepairSample is the payload of one event, before and after.
type RepairSample struct {
	Letter string          `json:"letter"` // TOPIC/PARTITION/OFFSET
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// InvalidField is a rule that events break at one field.
type InvalidField struct {
	Path    string `json:"path"` // as of RepairChange
	Rule    string `json:"rule"`
	Message string `json:"message"` // of the first
	Found   string `json:"found,omitempty"`
	Events  int    `json:"events"`
	Letter  string `json:"letter"` // the first
}

// RepairFailure is a reason for which events could not be repaired.
type RepairFailure struct {
	Message string `json:"message"`
	Events  int    `json:"events"`
	Letter  string `json:"letter"` // the first
}

const (
	maxExaminedFields = 200   // of a cause
	maxChangedValues  = 1_000 // that are told apart, of a field
	shownValues       = 5     // of a field
)

// repairing is a replay's repair.
func (d *deadLetters) repairing(r *repair.Repair) func(*replay.Letter, *kafka.Record) error {
	return func(_ *replay.Letter, record *kafka.Record) (err error) {
		record.Value, record.Headers, err = r.Apply(d.shows.types(), record)
		return err
	}
}

// examiner collects what a dry run says of events.
type examiner struct {
	d      *deadLetters
	causes map[string]*examined
}

// examined collects what becomes of the events of one cause.
type examined struct {
	ExaminedCause
	changes  map[string]*changedField
	invalid  map[[2]string]*InvalidField
	failures map[string]*RepairFailure
}

type changedField struct {
	events int
	values map[[2]string]int
	more   int
}

func (x *examiner) add(l *replay.Letter, e replay.Examination) {
	c := x.causes[l.Cause.ID]
	if c == nil {
		cause := l.Cause
		cause.Message = x.d.shows.errorMessage(l.Source, l.EventType, cause.Message)
		c = &examined{
			ExaminedCause: ExaminedCause{ID: l.Cause.ID, Cause: cause.String(), EventType: l.EventType, Group: l.Cause.Group},
			changes:       map[string]*changedField{}, invalid: map[[2]string]*InvalidField{}, failures: map[string]*RepairFailure{},
		}
		x.causes[l.Cause.ID] = c
	}
	c.Events++
	if e.InvalidBefore == nil {
		c.ValidBefore++
	}
	if e.Failed != nil {
		message := replay.NormalMessage(e.Failed.Error())
		if x.d.shows.conceals(l.Source, l.EventType) { // it may quote what is in the event
			message = hiddenMessage
		}
		c.failed(message, l.Position.String())
		return
	}
	if e.InvalidAfter == nil {
		c.ValidAfter++
	} else {
		c.broken(violationsOf(e.InvalidAfter), l.Position.String())
	}
	if e.After != e.Before {
		c.Changed++
		if err := x.compare(c, l, e); err != nil {
			c.failed(replay.NormalMessage("compare: "+err.Error()), l.Position.String())
		}
	}
}

func (c *examined) failed(message, letter string) {
	f := c.failures[message]
	if f == nil {
		if len(c.failures) == maxExaminedFields {
			message = "others"
		}
		if f = c.failures[message]; f == nil {
			f = &RepairFailure{Message: message, Letter: letter}
			c.failures[message] = f
		}
	}
	f.Events++
}

func (c *examined) broken(violations []Violation, letter string) {
	counted := map[[2]string]bool{}
	for _, v := range violations {
		at := [2]string{jsonedit.AnyIndex(v.Path), v.Rule}
		if counted[at] {
			continue
		}
		counted[at] = true
		f := c.invalid[at]
		if f == nil {
			if len(c.invalid) == maxExaminedFields {
				c.MoreInvalid++
				continue
			}
			f = &InvalidField{Path: at[0], Rule: v.Rule, Message: v.Message, Found: v.Found, Letter: letter}
			c.invalid[at] = f
		}
		f.Events++
	}
}

// compare counts what a repair has changed, as it may be shown.
func (x *examiner) compare(c *examined, l *replay.Letter, e replay.Examination) error {
	from, shownFrom, err := x.d.payloads(e.Before)
	if err != nil {
		return err
	}
	to, shownTo, err := x.d.payloads(e.After)
	if err != nil {
		return err
	}
	if c.Sample == nil {
		c.Sample = &RepairSample{Letter: l.Position.String(), Before: shownFrom.Append(nil), After: shownTo.Append(nil)}
	}
	counted := map[jsonedit.Difference]bool{}
	paths := map[string]bool{}
	for _, difference := range jsonedit.Differences(from, to, shownFrom, shownTo) {
		if counted[difference] {
			continue
		}
		counted[difference] = true
		field := c.changes[difference.Path]
		if field == nil {
			if len(c.changes) == maxExaminedFields {
				c.MoreChanges++
				continue
			}
			field = &changedField{values: map[[2]string]int{}}
			c.changes[difference.Path] = field
		}
		if !paths[difference.Path] {
			paths[difference.Path] = true
			field.events++
		}
		values := [2]string{difference.From, difference.To}
		if _, known := field.values[values]; known || len(field.values) < maxChangedValues {
			field.values[values]++
		} else {
			field.more++
		}
	}
	return nil
}

// payloads are the payload in a record, and the same as it may be shown.
func (d *deadLetters) payloads(record *kafka.Record) (payload, shown *jsonedit.Value, err error) {
	o, err := repair.Open(d.shows.types(), record)
	if err != nil {
		return nil, nil, err
	}
	text, err := d.shows.opened(record.Topic, o, o.Value)
	if err != nil {
		return nil, nil, err
	}
	if payload, err = o.Tree(); err == nil {
		shown, err = jsonedit.Parse(text)
	}
	if err != nil {
		return nil, nil, err
	}
	if inner := payload.Member("payload"); inner != nil && inner.Start == o.Start {
		payload, shown = inner, cmp.Or(shown.Member("payload"), shown)
	}
	return payload, shown, nil
}

// opened is the JSON of an opened event, or what somebody has made of that, as it is shown.
func (s *shower) opened(topic string, o *repair.Opened, text []byte) (json.RawMessage, error) {
	if o.Protobuf() {
		return s.payload(topic, o.EventType(), text)
	}
	return s.record(topic, o.EventType(), text)
}

// result is what was collected, the most events first.
func (x *examiner) result() []ExaminedCause {
	var out []ExaminedCause
	for _, c := range x.causes {
		for path, f := range c.changes {
			c.Changes = append(c.Changes, f.result(path))
		}
		slices.SortFunc(c.Changes, func(a, b RepairChange) int {
			return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Path, b.Path))
		})
		for _, f := range c.invalid {
			c.Invalid = append(c.Invalid, *f)
		}
		slices.SortFunc(c.Invalid, func(a, b InvalidField) int {
			return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
		})
		for _, f := range c.failures {
			c.Failures = append(c.Failures, *f)
		}
		slices.SortFunc(c.Failures, func(a, b RepairFailure) int {
			return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Message, b.Message))
		})
		out = append(out, c.ExaminedCause)
	}
	slices.SortFunc(out, func(a, b ExaminedCause) int { return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.ID, b.ID)) })
	return out
}

func (f *changedField) result(path string) RepairChange {
	out := RepairChange{Path: path, Events: f.events, MoreValues: f.more}
	values := slices.SortedFunc(maps.Keys(f.values), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(f.values[b], f.values[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	for i, v := range values {
		if i < shownValues {
			out.Values = append(out.Values, ChangedValue{v[0], v[1], f.values[v]})
		} else {
			out.MoreValues += f.values[v]
		}
	}
	return out
}

// violationsOf are the rules that an event breaks, of what reading or validating it returned.
func violationsOf(err error) []Violation {
	var invalid *trestle.ValidationError
	var broken *jsonio.Error
	switch {
	case err == nil:
		return []Violation{}
	case errors.As(err, &invalid):
		out := make([]Violation, 0, len(invalid.Violations))
		for _, v := range invalid.Violations {
			out = append(out, Violation{Path: v.Path, Rule: v.Rule, Message: v.Message, Found: v.Found})
		}
		return out
	case errors.As(err, &broken):
		return []Violation{{Path: broken.Path, Rule: "json", Message: err.Error()}}
	default:
		return []Violation{{Rule: "event", Message: err.Error()}}
	}
}

// readRepair reads what letters are to be repaired with; nil: they are not to be.
func (o *ResolveOptions) readRepair() (*repair.Repair, error) {
	if o.Repair == "" {
		return nil, nil
	}
	r, err := repair.Read(o.Repair)
	if err != nil {
		return nil, fmt.Errorf("--repair: %w", err)
	}
	return r, nil
}

func appliedOf(r *repair.Repair) *AppliedRepair {
	if r == nil {
		return nil
	}
	return &AppliedRepair{string(r.Kind()), r.Text(), r.Digest()}
}
