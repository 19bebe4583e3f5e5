package chaos

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// The topics: of events that are published to the cluster, by an outbox, and through a spool.
var (
	steps  = topicInfo("chaos_steps", "Step")
	orders = topicInfo("chaos_orders", "Order")
	notes  = topicInfo("chaos_notes", "Note")
)

func topicInfo(name, eventType string) *trestle.TopicInfo {
	return &trestle.TopicInfo{Name: name, DeadLetter: name + "_dlq", EventTypes: []string{eventType}, MaxMessageBytes: 1 << 20}
}

// step is the n-th event of a key, from 0. The topic of steps is made anew from time to time; its era counts that.
type step struct {
	Key    string
	N, Era int
	Text   string
}

// order is a step that is written into an outbox.
type order struct{ step }

// note is a step that is published through a spool.
type note struct{ step }

var (
	stepInfo  = eventInfo(steps, func() trestle.Event { return new(step) })
	orderInfo = eventInfo(orders, func() trestle.Event { return new(order) })
	noteInfo  = eventInfo(notes, func() trestle.Event { return new(note) })
)

func eventInfo(topic *trestle.TopicInfo, empty func() trestle.Event) *trestle.EventInfo {
	eventType := topic.EventTypes[0]
	return &trestle.EventInfo{Type: eventType, FullName: "test." + eventType, Envelope: wire.OnexV1, Topic: topic, New: empty}
}

func (*step) EventInfo() *trestle.EventInfo                      { return stepInfo }
func (*order) EventInfo() *trestle.EventInfo                     { return orderInfo }
func (*note) EventInfo() *trestle.EventInfo                      { return noteInfo }
func (*step) SetDefaults(time.Time)                              {}
func (*step) ShareEnvelope(*trestle.Envelope, *event.Violations) {}
func (*step) Validate() error                                    { return nil }
func (s *step) PartitionKey(*trestle.Envelope) string            { return s.Key }

// plain is the step that an event is, whichever type it has.
func (s *step) plain() *step { return s }

func (s *step) id() stepID { return stepID{s.Era, s.Key, s.N} }

func (s *step) AppendJSON(b []byte) ([]byte, error) {
	return fmt.Appendf(b, `{"key":%q,"n":%d,"era":%d,"text":%q}`, s.Key, s.N, s.Era, s.Text), nil
}

func (s *step) DecodeJSON(r *jsonio.Reader) {
	if !r.BeginObject() {
		return
	}
	for r.More() {
		switch r.Name() {
		case "key":
			s.Key = r.String()
		case "n":
			s.N = int(r.Int64())
		case "era":
			s.Era = int(r.Int64())
		case "text":
			s.Text = r.String()
		default:
			r.Skip()
		}
	}
}

// textSize is how much text an event has, in bytes.
const textSize = 1500

var text = strings.Repeat("what stands in an event does not matter here, only how much of it. ", textSize/68)

func newStep(key string, n, era int) step { return step{Key: key, N: n, Era: era, Text: text} }

// What handlers do with an event follows from its number, for each key in another way: where all keys had events that fail at the same
// time, that would be an outage.

// at says whether it is the turn of an event among so many.
func (s stepID) at(turn, of int) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.key))
	return (s.n+int(h.Sum32()%1009))%of == turn
}

// isPoison says that a handler refuses an event for good, so that it goes to its dead letter.
func isPoison(s stepID) bool { return s.at(41, 97) }

// isFlaky says that a handler fails at first.
func isFlaky(s stepID) bool { return s.at(17, 31) }

// isSlow says that a handler takes its time, so that what lies behind the event is done long before it.
func isSlow(s stepID) bool { return s.at(5, 23) }

// isFar says that a handler fails until the event comes out of a retry topic.
func isFar(s stepID) bool { return s.at(11, 37) }

// isStubborn says that a handler fails as long as it is asked, so that the event goes to its dead letter in the end.
func isStubborn(s stepID) bool { return s.at(13, 41) }

// spoils says that a handler fails with a whole batch, and does not say why, that begins with the event.
func spoils(s stepID) bool { return s.at(3, 29) }

// isUnwanted says that the handler with effects in a database refuses an event for good.
func isUnwanted(s stepID) bool { return s.at(7, 43) }

// blockSize is how many events of a key are written into an outbox in one transaction.
const blockSize = 3

// isRolledBack says that the transaction of an event is never committed.
func isRolledBack(n int) bool { return n/blockSize%5 == 3 }

// slow is how long handlers take for events that are.
const slow = 150 * time.Millisecond

// headerStep says in a record's header which step it is: an outcome has the record, and not the event.
const headerStep = "step"

func (s *step) header() []byte { return fmt.Appendf(nil, "%d %s %d", s.Era, s.Key, s.N) }

func parseStep(header string) (s stepID, err error) {
	fields := strings.Fields(header)
	if len(fields) != 3 {
		return s, fmt.Errorf("step header %q", header)
	}
	s.key = known(fields[1])
	if s.era, err = strconv.Atoi(fields[0]); err == nil {
		s.n, err = strconv.Atoi(fields[2])
	}
	return s, err
}
