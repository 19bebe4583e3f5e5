package integration_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

const (
	statusTopic      = "omninode_codegen_status_session_v1"
	statusDeadLetter = "omninode_codegen_dlq_session_v1"
)

// TestConsumerKilled kills a consumer process half-way through the log and starts it again. Every event is handled,
// those of a key in order, and again only what had not been committed when the process died.
func TestConsumerKilled(t *testing.T) {
	t.Parallel()
	const keys = 500
	events := 100_000
	if testing.Short() {
		events = 10_000
	}
	k := connect(t, services.Kafka(t).Brokers()).withTopics(1, statusTopic, statusDeadLetter)
	const group = "status_ledger"
	sessions := publishNumbered(t, k.brokers, events, keys)

	// One event is in its handler all the time, while others of its partition are done: they must not be committed.
	first := startChild(t, k.brokers, group, fmt.Sprint(sessions[0], " ", events/keys/10))
	before := newHandledLedger(t)
	for before.count() < events/2 {
		line, ok := first.next()
		if !ok {
			t.Fatalf("the consumer ended by itself after %d events:\n%s", before.count(), first.stop())
		}
		before.add(line)
	}
	_ = first.end(syscall.SIGKILL)
	for line, ok := first.next(); ok; line, ok = first.next() {
		before.add(line) // handled before the kill, and read only now
	}
	if before.count() == events {
		t.Fatal("the consumer had handled everything when it was killed: the test has shown nothing")
	}
	committed := k.committed(group)
	for p := range k.ends(statusTopic) {
		for offset := range committed[p] {
			if !before.has(at{p, offset}) {
				t.Fatalf("%v is committed, and was not handled (committed: %d)", at{p, offset}, committed[p])
			}
		}
	}

	beyond := map[place]int{} // what was handled behind the committed offset, where the commit names some of that as done
	k.commits(group).Each(func(o kadm.OffsetResponse) {
		for a := range before.lines {
			if a.place == (place{o.Topic, o.Partition}) && a.offset >= o.At && strings.Contains(o.Metadata, "done=") {
				beyond[a.place]++
			}
		}
	})

	// The second handles what the first has not, and again what the group has not committed, be it as done beyond its offset.
	second := startChild(t, k.brokers, group, "")
	after := newHandledLedger(t)
	repeats := 0
	repeated := map[place]int{}
	add := func(line handled) {
		after.add(line)
		if !before.has(line.at) {
			return
		}
		repeats++
		repeated[line.place]++
		if line.offset < committed[line.place] {
			t.Errorf("%v was handled again, though the group had committed %d", line.at, committed[line.place])
		}
	}
	for before.count()+after.count()-repeats < events {
		line, ok := second.next()
		if !ok {
			t.Fatalf("the consumer ended by itself after %d and %d events:\n%s", before.count(), after.count(), second.stop())
		}
		add(line)
	}
	if err := second.end(syscall.SIGTERM); err != nil {
		t.Errorf("the consumer's end: %v\n%s", err, second.stop())
	}
	for line, ok := second.next(); ok; line, ok = second.next() {
		add(line)
	}
	if handled := before.count() + after.count() - repeats; handled != events {
		t.Errorf("%d events were handled, want %d", handled, events)
	}
	for p, handled := range beyond {
		if repeated[p] >= handled {
			t.Errorf("%s/%d: all %d events that were done beyond the committed offset were handled again", p.topic, p.partition, handled)
		}
	}

	before.checkContinues(after, events/keys)
	for p, end := range k.ends(statusTopic) {
		if got := k.committed(group)[p]; got != end {
			t.Errorf("%s/%d: committed %d at the end, want %d", p.topic, p.partition, got, end)
		}
	}
	if letters := k.read(nil, statusDeadLetter); len(letters) > 0 {
		t.Errorf("%d events were dead-lettered, the first is %s", len(letters), letters[0].Value)
	}
	t.Logf("%d events: %d handled before the kill, %d after it, %d of them again (behind the committed offsets were %v)", events, before.count(), after.count(), repeats, beyond)
}

// publishNumbered publishes status events of many sessions, those of each numbered from 0, and returns the sessions.
func publishNumbered(t *testing.T, brokers []string, events, keys int) []string {
	t.Helper()
	pub, err := trestle.NewPublisher(brokers)
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, patience)
	sessions := make([]string, keys)
	for i := range sessions {
		sessions[i] = uuid.NewString()
	}
	var delivered atomic.Int64
	for i := range events {
		e := statusEvent(sessions[i%keys], i/keys)
		err := pub.PublishAsync(ctx, e, func(_ trestle.Receipt, err error) {
			if err == nil {
				delivered.Add(1)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := delivered.Load(); got != int64(events) {
		t.Fatalf("%d events were delivered, want %d", got, events)
	}
	return sessions
}

func statusEvent(session string, n int) *codegenv1.CodegenStatusEvent {
	return &codegenv1.CodegenStatusEvent{
		SessionId:          session,
		Status:             codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
		ProgressPercentage: new(45.5),
		Message:            new(strconv.Itoa(n)),
	}
}

// handledLedger is what one process has handled: within a process, each record once and each key in order.
type handledLedger struct {
	t     *testing.T
	lines map[at]struct{}
	first map[string]int // of a key, the number that the process began with
	last  map[string]int // of a key, the highest number so far
}

func newHandledLedger(t *testing.T) *handledLedger {
	return &handledLedger{t, map[at]struct{}{}, map[string]int{}, map[string]int{}}
}

func (l *handledLedger) count() int { return len(l.lines) }

func (l *handledLedger) has(a at) bool {
	_, ok := l.lines[a]
	return ok
}

func (l *handledLedger) add(line handled) {
	l.t.Helper()
	if l.has(line.at) {
		l.t.Errorf("%v was handled twice by one process", line.at)
	}
	l.lines[line.at] = struct{}{}
	if last, known := l.last[line.key]; !known {
		l.first[line.key] = line.n
	} else if line.n != last+1 {
		l.t.Errorf("%v: number %d of session %s was handled after number %d", line.at, line.n, line.key, last)
	}
	l.last[line.key] = line.n
}

// checkContinues checks that each key begins at 0 in l, goes on in next without a gap, and ends with its last number.
func (l *handledLedger) checkContinues(next *handledLedger, perKey int) {
	l.t.Helper()
	for key, first := range l.first {
		if first != 0 {
			l.t.Errorf("session %s begins with number %d", key, first)
		}
		last := l.last[key]
		if begin, again := next.first[key]; again {
			if begin > last+1 {
				l.t.Errorf("session %s goes on with number %d after number %d", key, begin, last)
			}
			last = max(last, next.last[key])
		}
		if last != perKey-1 {
			l.t.Errorf("session %s ends with number %d, want %d", key, last, perKey-1)
		}
	}
	for key, first := range next.first {
		if _, known := l.first[key]; !known && first != 0 {
			l.t.Errorf("session %s begins with number %d", key, first)
		}
	}
}
