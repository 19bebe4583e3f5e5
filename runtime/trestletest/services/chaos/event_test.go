package chaos

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

const group = "chaos"

var steps = &trestle.TopicInfo{Name: "chaos_steps", DeadLetter: "chaos_steps_dlq", EventTypes: []string{"Step"}, MaxMessageBytes: 1 << 20}

// step is the n-th event of a key, from 0. The topic is made anew from time to time; its era counts that.
type step struct {
	Key    string
	N, Era int
	Note   string
}

var stepInfo = trestle.EventInfo{
	Type: "Step", FullName: "test.Step", Envelope: wire.OnexV1, Topic: steps,
	New: func() trestle.Event { return new(step) },
}

func (*step) EventInfo() *trestle.EventInfo                      { return &stepInfo }
func (*step) SetDefaults(time.Time)                              {}
func (*step) ShareEnvelope(*trestle.Envelope, *event.Violations) {}
func (*step) Validate() error                                    { return nil }
func (s *step) PartitionKey(*trestle.Envelope) string            { return s.Key }

func (s *step) AppendJSON(b []byte) ([]byte, error) {
	return fmt.Appendf(b, `{"key":%q,"n":%d,"era":%d,"note":%q}`, s.Key, s.N, s.Era, s.Note), nil
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
		case "note":
			s.Note = r.String()
		default:
			r.Skip()
		}
	}
}

// isPoison says that the handler refuses an event for good, so that it goes to its dead letter.
func (s *step) isPoison() bool { return s.N%97 == 41 }

// isFlaky says that the handler fails at first.
func (s *step) isFlaky() bool { return s.N%31 == 17 }

// isSlow says that the handler takes its time, so that what lies behind the event is done long before it.
func (s *step) isSlow() bool { return s.N%23 == 5 }

// slow is how long that is.
const slow = 150 * time.Millisecond

// headerStep says in a record's header which step it is: an outcome has the record, and not the event.
const headerStep = "step"

func (s *step) header() []byte { return fmt.Appendf(nil, "%d %s %d", s.Era, s.Key, s.N) }

func parseStep(header string) (s stepID, err error) {
	fields := strings.Fields(header)
	if len(fields) != 3 {
		return s, fmt.Errorf("step header %q", header)
	}
	s.key = fields[1]
	if s.era, err = strconv.Atoi(fields[0]); err == nil {
		s.n, err = strconv.Atoi(fields[2])
	}
	return s, err
}
