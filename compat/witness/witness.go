// Package witness finds events that show a break: an event that one version of a schema writes and the other rejects,
// misreads or drops.
//
// Nothing is shown that was not seen. A [Finder] builds small events from the model, has the writing side accept them
// and the reading side read them, and keeps the shortest of which both is true. The sides are the readers of package
// event: what they read and refuse, consumers read and refuse. Events are read from the JSON that they have on the wire, or
// from protobuf's binary form where JSON shows nothing.
package witness

import (
	"encoding/json"

	"github.com/omninode/trestle/tools/schema"
)

// Outcome is what the reading side does with an event.
type Outcome string

// The outcomes.
const (
	Rejected Outcome = "rejected"
	Misread  Outcome = "misread"
	Dropped  Outcome = "dropped"
)

// Witness is an event's payload, who wrote it, and what the other side does with it.
type Witness struct {
	Event     json.RawMessage `json:"event"`
	WrittenBy string          `json:"written_by"` // "old" or "new"
	Outcome   Outcome         `json:"outcome"`
	Detail    string          `json:"detail"`
	// Bytes is the event as a protobuf message, where only that form shows the break.
	Bytes []byte `json:"bytes,omitempty"`
}

// Trail is the way from an event's message to an element: the messages that both sides begin with, and the fields
// passed through. The last step is the element's own field; one side of it may be nil.
type Trail struct {
	Old, New *schema.Message
	steps    []step
	aim
}

// aim says what is looked for at the end of a trail.
type aim struct {
	message bool
	wanted  []string
	present bool
	inner   bool
	closed  bool
	rules   []string
	tried   []any
}

type step struct{ old, new *schema.Field }

// Fields are the writer's fields on the way: the old side's with backward.
func (t Trail) Fields(backward bool) []*schema.Field {
	out := make([]*schema.Field, len(t.steps))
	for i, s := range t.steps {
		if out[i] = s.new; backward {
			out[i] = s.old
		}
	}
	return out
}

// Step returns the trail with a step more.
func (t Trail) Step(old, new *schema.Field) Trail {
	t.steps = append(t.steps[:len(t.steps):len(t.steps)], step{old, new})
	t.aim = aim{}
	return t
}

// Beside returns the trail to another field of the message that the last step's field is in.
func (t Trail) Beside(old, new *schema.Field) Trail {
	t.steps = t.steps[:len(t.steps)-1]
	return t.Step(old, new)
}

// AtMessage returns a trail that ends at the message of its last step, or of its beginning, rather than at the field.
func (t Trail) AtMessage() Trail {
	t.message = true
	return t
}

// With returns a trail whose element must have one of these strings for its value: the names of an enum value.
func (t Trail) With(values ...string) Trail {
	t.wanted = values
	return t
}

// Present returns a trail whose element must be there: what is looked for is in its value.
func (t Trail) Present() Trail {
	t.present = true
	return t
}

// Inner returns a trail whose element is in the list or map that the field holds.
func (t Trail) Inner() Trail {
	t.inner = true
	return t
}

// Closed returns a trail for which readers with the old schema refuse fields that it does not declare.
func (t Trail) Closed() Trail {
	t.closed = true
	return t
}

// About returns a trail that takes a rejection for a witness only when it is by one of these rules: parts of
// protovalidate's ids (`max_len`), or JSON Schema's keywords (`maxLength`).
func (t Trail) About(rules ...string) Trail {
	t.rules = rules
	return t
}

// Trying returns a trail whose element is tried with these JSON values, too.
func (t Trail) Trying(values ...any) Trail {
	t.tried = values
	return t
}

// direction is a trail seen from a writer and a reader.
type direction struct {
	name           string // who writes
	writer, reader *schema.Message
	steps          []way
	aim
}

type way struct{ writer, reader *schema.Field }

func (t Trail) backward() direction {
	d := direction{name: "old", writer: t.Old, reader: t.New, aim: t.aim}
	for _, s := range t.steps {
		d.steps = append(d.steps, way{s.old, s.new})
	}
	return d
}

func (t Trail) forward() direction {
	d := direction{name: "new", writer: t.New, reader: t.Old, aim: t.aim}
	for _, s := range t.steps {
		d.steps = append(d.steps, way{s.new, s.old})
	}
	return d
}
