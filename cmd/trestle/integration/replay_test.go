package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// resolved is what dlq replay prints.
type resolved struct {
	Selected, Done, Skipped int
	DryRun                  bool `json:"dry_run"`
	Readers                 []reader
}

// reader is a group that a replay's dry run names.
type reader struct {
	Topic, Group  string
	Target, Skips bool
}

// audience is a Go group that reads requests, with how often what became of each, by correlation id.
type audience struct {
	*running
	mu                                    sync.Mutex
	called, handled, skipped, deadLetters map[string]int
	last                                  map[place]int64 // offset of the last record that was skipped
}

// listen runs a group. It looks at nothing but what its handler is called with, and what becomes of records.
func listen(k *kafka, group string, topics, deadLetters []string, h handler) *audience {
	a := &audience{called: map[string]int{}, handled: map[string]int{}, skipped: map[string]int{}, deadLetters: map[string]int{}, last: map[place]int64{}}
	a.running = consume(k, group, topics, deadLetters, func(c *trestle.Consumer) {
		onRequests(c, func(ctx context.Context, e trestle.Event) error {
			d, _ := trestle.DeliveryFrom(ctx)
			a.mu.Lock()
			a.called[d.Envelope.CorrelationID]++
			a.mu.Unlock()
			return h(ctx, e)
		})
	}, trestle.WithoutBreaker(), trestle.WithObserver(a.observe))
	return a
}

func (a *audience) observe(o trestle.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := string(o.Delivery.Key)
	switch o.Result {
	case trestle.Handled:
		a.handled[key]++
	case trestle.DeadLettered:
		a.deadLetters[key]++
	case trestle.Skipped:
		a.skipped[key]++
		a.last[place{o.Delivery.Topic, o.Delivery.Partition}] = o.Delivery.Offset
	default:
		a.k.t.Errorf("group %s: %s: %v", a.group, o.Result, o.Err)
	}
}

// await waits until so many records of each kind are done with.
func (a *audience) await(handled, deadLetters, skipped int) {
	a.k.t.Helper()
	a.k.eventually("group "+a.group+" is done", func(context.Context) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		got, want := [3]int{total(a.handled), total(a.deadLetters), total(a.skipped)}, [3]int{handled, deadLetters, skipped}
		if got != want {
			return fmt.Errorf("handled, dead-lettered, skipped: %v, want %v", got, want)
		}
		return nil
	})
}

// awaitCommitted waits until a group has committed all that there is.
func (a *audience) awaitCommitted() {
	a.k.t.Helper()
	a.k.eventually("group "+a.group+" has committed", func(context.Context) error {
		committed := a.k.committed(a.group)
		for p, end := range a.k.ends(a.topics...) {
			if committed[p] < end {
				return fmt.Errorf("%v: %d of %d", p, committed[p], end)
			}
		}
		return nil
	})
}

// TestReplayBesideAPythonService has two Go groups and a Python service, which knows nothing of replays, read requests: one of the Go groups fails
// on some of them, and they are replayed for it from the command line.
func TestReplayBesideAPythonService(t *testing.T) {
	t.Parallel()
	const failing, other, python = "go_omniarchon", "go_audit", "python_omniarchon"
	k := connect(t, services.Kafka(t).Brokers())
	run := func(args ...string) string {
		t.Helper()
		return trestleRun(t, project, 0, append(args, "--brokers", strings.Join(k.brokers, ","))...)
	}
	replay := func(args ...string) (r resolved) {
		t.Helper()
		if err := json.Unmarshal([]byte(run(append([]string{"dlq", "replay", "--json"}, args...)...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	run("topics", "apply")
	k.awaitTopics(declaredTopics(t, 1))
	topics, deadLetterTopics := topicsOf(codegenv1.Events(), event.RoleRequest)

	// Six rounds of the four requests, of which each third is one that the first group can't handle yet.
	const sent = 6 * 4
	ids, fails := map[string]int{}, map[string]int{} // by correlation id: 1
	var events []trestle.Event
	var order []string
	for range 6 {
		events = append(events, requests(uuid.NewString())...)
	}
	for i := range events {
		id := uuid.NewString()
		order, ids[id] = append(order, id), 1
		if i%3 == 0 {
			fails[id] = 1
		}
	}
	var mended atomic.Bool
	archon := listen(k, failing, topics, deadLetterTopics, func(ctx context.Context, _ trestle.Event) error {
		if d, _ := trestle.DeliveryFrom(ctx); fails[d.Envelope.CorrelationID] > 0 && !mended.Load() {
			return trestle.Permanent(errors.New("the model is not loaded"))
		}
		return nil
	})
	audit := listen(k, other, topics, deadLetterTopics, func(context.Context, trestle.Event) error { return nil })
	program := startPython(t, "", "omni_service.py", "omniarchon", strings.Join(k.brokers, ","), python, fmt.Sprint(sent+len(fails)))
	program.ready()
	x := newExchange(t, k.brokers)
	for i, e := range events {
		if err := x.publish(t.Context(), order[i], e); err != nil {
			t.Fatal(err)
		}
	}
	archon.await(sent-len(fails), len(fails), 0)
	audit.await(sent, 0, 0)
	first, values := map[string]int{}, map[string]string{} // what Python has read, by correlation id
	for total(first) < sent {
		line, ok := program.next()
		if !ok {
			program.wait()
			t.Fatalf("Python ended after %d of %d requests", total(first), sent)
		}
		if line.Read != nil {
			first[line.Read.CorrelationID]++
			values[line.Read.CorrelationID] = line.Read.Value
		}
	}
	if diff := cmp.Diff(ids, first); diff != "" {
		t.Errorf("before the replay Python read (-want +got):\n%s", diff)
	}
	archon.awaitCommitted()
	audit.awaitCommitted()
	mended.Store(true)

	plan, text := replay("--dry-run"), run("dlq", "replay", "--dry-run")
	var want []reader
	for _, group := range []string{other, failing, python} { // as the cluster sorts them
		for _, topic := range topics {
			want = append(want, reader{Topic: topic, Group: group, Target: group == failing, Skips: group != python})
		}
	}
	if diff := cmp.Diff(want, plan.Readers); diff != "" || plan.Done != len(fails) || !plan.DryRun {
		t.Errorf("the plan is %+v\n%s", plan, diff)
	}
	for _, topic := range topics {
		for _, line := range []string{
			fmt.Sprintf("  %s reads %s: the events are for it\n", failing, topic),
			fmt.Sprintf("  %s reads %s, and passes over them\n", other, topic),
			fmt.Sprintf("  %s reads %s, and sees them again\n", python, topic),
		} {
			if !strings.Contains(text, line) {
				t.Errorf("the plan does not say %q:\n%s", line, text)
			}
		}
	}

	if r := replay(); r.Selected != len(fails) || r.Done != len(fails) || r.DryRun {
		t.Errorf("the replay is %+v", r)
	}
	if r := replay(); r.Selected != 0 {
		t.Errorf("the second replay is %+v", r)
	}
	again := map[string]int{}
	for _, line := range program.rest() {
		if line.Read == nil {
			continue
		}
		again[line.Read.CorrelationID]++
		if want := values[line.Read.CorrelationID]; line.Read.Value != want {
			t.Errorf("Python read again\n%s, and before\n%s", line.Read.Value, want)
		}
	}
	if diff := cmp.Diff(fails, again); diff != "" {
		t.Errorf("of the replay Python read (-want +got):\n%s", diff)
	}
	archon.await(sent, len(fails), 0)
	audit.await(sent, 0, len(fails))
	for _, a := range []*audience{archon, audit} {
		if err := a.finish(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(ids, a.handled); diff != "" {
			t.Errorf("group %s handled (-want +got):\n%s", a.group, diff)
		}
	}
	if diff := cmp.Diff(ids, audit.called); diff != "" {
		t.Errorf("the handler of %s was called (-want +got):\n%s", other, diff)
	}
	if diff := cmp.Diff(fails, audit.skipped); diff != "" {
		t.Errorf("group %s passed over (-want +got):\n%s", other, diff)
	}
	committed := k.committed(other)
	for p, offset := range audit.last {
		if committed[p] <= offset {
			t.Errorf("group %s has committed %d of %v and passed over %d", other, committed[p], p, offset)
		}
	}

	inLog := map[string]int{} // what there is to be read: nothing beyond what Python, which has ended, has read
	for r, err := range connection.Scan(within(t, patience), connection.Connection{Brokers: k.brokers}, topics, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		inLog[string(r.Key)]++
	}
	read := maps.Clone(first)
	for id, n := range again {
		read[id] += n
	}
	if diff := cmp.Diff(inLog, read); diff != "" {
		t.Errorf("in the log, and read by Python (-want +got):\n%s", diff)
	}
	if stats := run("dlq", "stats"); !strings.Contains(stats, "0 unresolved") {
		t.Errorf("dlq stats says\n%s", stats)
	}
}
