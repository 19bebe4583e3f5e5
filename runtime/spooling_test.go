package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/trestletest"
)

// publishNow publishes an event and returns its receipt.
func publishNow(t *testing.T, p *trestle.Publisher, e *orderPlaced) (trestle.Receipt, error) {
	t.Helper()
	type result struct {
		receipt trestle.Receipt
		err     error
	}
	done := make(chan result, 1)
	if err := p.PublishAsync(deadline(t), e, func(r trestle.Receipt, err error) { done <- result{r, err} }); err != nil {
		return trestle.Receipt{}, err
	}
	select {
	case r := <-done:
		return r.receipt, r.err
	case <-deadline(t).Done():
		t.Fatal("no receipt")
		return trestle.Receipt{}, nil
	}
}

// mustSpool publishes an event that is to be accepted by the spool, and returns its id.
func mustSpool(t *testing.T, p *trestle.Publisher, e *orderPlaced) string {
	t.Helper()
	r, err := publishNow(t, p, e)
	if err != nil || !r.Spooled || r.Offset != -1 || r.Partition != -1 || r.EventID == "" {
		t.Fatalf("%s: got %+v, %v", eventName(e), r, err)
	}
	return r.EventID
}

// written awaits that so many events are on the topic, and returns their ids and, by key, their numbers.
func written(t *testing.T, c *cluster, n int) (ids []string, byKey map[string][]string) {
	t.Helper()
	eventually(t, "events are written", func() bool { return c.end(orders.Name) >= int64(n) })
	byKey = map[string][]string{}
	for _, r := range c.read(t, orders.Name) {
		ids = append(ids, headersOf(r)["event-id"])
		_, number, _ := strings.Cut(string(r.Value), `"n":`)
		number, _, _ = strings.Cut(number, ",")
		byKey[string(r.Key)] = append(byKey[string(r.Key)], number)
	}
	return ids, byKey
}

// TestSpoolIsSentByTheNextPublisher has a publisher whose cluster never was there, and gives its folder to one whose cluster is.
func TestSpoolIsSentByTheNextPublisher(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	dir := t.TempDir()
	away := newPublisher(t, []string{"127.0.0.1:1"}, trestle.WithSpool(dir, spool.Options{}), trestle.WithDeliveryTimeout(time.Hour))
	var want []string
	const keys, each = 5, 4
	for n := range int64(each) {
		for k := range keys {
			want = append(want, mustSpool(t, away, &orderPlaced{OrderID: fmt.Sprint("order-", k), N: n}))
		}
	}
	if err := away.Publish(deadline(t), &orderPlaced{N: -1}); err == nil {
		t.Error("an invalid event was accepted")
	}
	if h := away.Health(); h.Ready || !slices.ContainsFunc(h.Reasons, func(r trestle.HealthReason) bool {
		return r.Code == trestle.Spooling && strings.Contains(r.Text, "20 events wait in its spool")
	}) {
		t.Errorf("health: %+v", h)
	}
	if _, err := trestle.NewPublisher(c.brokers, trestle.WithSpool(dir, spool.Options{})); !errors.Is(err, spool.ErrInUse) {
		t.Errorf("the folder of another: %v", err)
	}
	if ctx := deadline(t); away.Close(ctx) != nil || ctx.Err() != nil {
		t.Error("the publisher that is closed waits for what it has in its spool")
	}
	m := newMeters(t)
	p := newPublisher(t, c.brokers, trestle.WithSpool(dir, spool.Options{}), m)
	ids, byKey := written(t, c, len(want))
	slices.Sort(ids)
	slices.Sort(want)
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("ids: %s", diff)
	}
	for key, numbers := range byKey {
		if diff := cmp.Diff([]string{"0", "1", "2", "3"}, numbers); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	eventually(t, "the spool is empty", func() bool { return m.sum("trestle.publisher.spool.events") == 0 && p.Health().Ready })
	if r, err := publishNow(t, p, &orderPlaced{OrderID: "order-0", N: each}); err != nil || r.Spooled {
		t.Errorf("behind the spool: %+v, %v", r, err)
	}
	if points := m.points("trestle.publisher.spool.size"); len(points) != 1 || points[0].value != 0 {
		t.Errorf("bytes of the spool: %+v", points)
	}
}

// TestNoEventOvertakesItsKeysSpool cuts a cluster off and heals it, again and again, while events of a few keys are published. What was
// accepted or acknowledged is on the topic, each key in order.
func TestNoEventOvertakesItsKeysSpool(t *testing.T) {
	t.Parallel()
	kit := trestletest.NewCluster(t, []*trestle.TopicInfo{orders})
	p := kit.Publisher(trestle.WithLogger(quiet), trestle.WithSpool(t.TempDir(), spool.Options{}), trestle.WithDeliveryTimeout(time.Second))
	accepted := map[string][]string{}
	n, inSpool, direct := int64(0), 0, 0
	publish := func() (spooled bool) {
		for k := range 3 {
			e := &orderPlaced{OrderID: fmt.Sprint("order-", k), N: n}
			r, err := publishNow(t, p, e)
			if err != nil {
				continue // handed over before it was known
			}
			if spooled = r.Spooled; spooled {
				inSpool++
			} else {
				direct++
			}
			accepted[e.OrderID] = append(accepted[e.OrderID], fmt.Sprint(n))
		}
		n++
		return spooled
	}
	until := func(what string, want bool) {
		t.Helper()
		eventually(t, what, func() bool { return publish() == want })
		for range 5 {
			publish()
		}
	}
	for range 3 {
		until("it is there", false)
		kit.Cut()
		until("it is away", true)
		kit.Heal()
		for range 20 {
			publish()
		}
	}
	until("it is there again", false)
	if inSpool < 15 || direct < 15 {
		t.Fatalf("%d events in the spool, %d not", inSpool, direct)
	}
	seen := map[string]map[string]bool{}
	last := map[string]int64{}
	for _, sent := range (&cluster{Cluster: kit.Fake(), conn: kit.Connection()}).read(t, orders.Name) {
		key := string(sent.Key)
		_, number, _ := strings.Cut(string(sent.Value), `"n":`)
		var at int64
		if _, err := fmt.Sscan(strings.Split(number, ",")[0], &at); err != nil {
			t.Fatal(err)
		}
		if before, ok := last[key]; ok && at <= before {
			t.Errorf("%s: %d behind %d", key, at, before)
		}
		last[key] = at
		if seen[key] == nil {
			seen[key] = map[string]bool{}
		}
		seen[key][fmt.Sprint(at)] = true
	}
	for key, numbers := range accepted {
		for _, number := range numbers {
			if !seen[key][number] {
				t.Errorf("%s#%s was accepted, and is not on the topic", key, number)
			}
		}
	}
}

// TestCloseLeavesInTheSpoolWhatIsNotAnswered closes a publisher, in no hurry, whose cluster is away for good.
func TestCloseLeavesInTheSpoolWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPublisher(t, []string{"127.0.0.1:1"}, trestle.WithSpool(dir, spool.Options{}), trestle.WithDeliveryTimeout(time.Second))
	ids := []string{mustSpool(t, p, &orderPlaced{OrderID: "a"}), mustSpool(t, p, &orderPlaced{OrderID: "b"})}
	closed := make(chan error, 1)
	go func() { closed <- p.Close(context.Background()) }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("close: %v", err)
		}
	case <-deadline(t).Done():
		t.Fatal("Close does not return")
	}
	left, err := spool.Open(dir, spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	for _, id := range ids {
		e, err := left.Next(deadline(t))
		if got := e.Record.Header("event-id"); err != nil || got != id {
			t.Errorf("got event %s, %v; want %s", got, err, id)
		}
	}
}

func TestFullSpoolRefuses(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, []string{"127.0.0.1:1"}, trestle.WithSpool(t.TempDir(), spool.Options{MaxBytes: 3000}))
	var err error
	for n := int64(0); err == nil && n < 100; n++ {
		err = p.Publish(deadline(t), &orderPlaced{OrderID: "a", N: n})
	}
	full, isFull := errors.AsType[*spool.FullError](err)
	failed, ok := errors.AsType[*trestle.PublishError](err)
	if !ok || !isFull || failed.Fate != trestle.NotSent || full.Limit != 3000 {
		t.Errorf("got %v", err)
	}
}

// A publisher accepts events while its cluster is away, and says so. They are sent when it is back.
func ExampleWithSpool() {
	t := example()
	defer t.Close()
	dir, err := os.MkdirTemp("", "spool")
	check(err)
	defer os.RemoveAll(dir)
	pub, err := trestle.NewPublisher([]string{"localhost:1"}, // where no broker is
		trestle.WithLogger(quiet), trestle.WithSpool(dir, spool.Options{MaxBytes: 1 << 30}))
	check(err)
	ctx := context.Background()
	check(pub.PublishAsync(ctx, progress(50), func(r trestle.Receipt, err error) {
		fmt.Println("accepted:", r.Spooled, "error:", err)
	}))
	fmt.Println(pub.Health().Ready)
	soon, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	check(pub.Close(soon)) // it stays in the folder
	// Output:
	// accepted: true error: <nil>
	// false
}
