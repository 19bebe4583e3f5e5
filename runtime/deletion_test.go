package trestle_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// stock is a compacted topic.
var stock = &trestle.TopicInfo{Name: "stock", DeadLetter: orders.DeadLetter, EventTypes: []string{"OrderPlaced"}, Compacted: true}

var stockInfo = func() *trestle.EventInfo {
	info := orderPlacedInfo
	info.Topic = stock
	info.New = func() trestle.Event { return new(stockKept) }
	return &info
}()

type stockKept struct{ orderPlaced }

func (*stockKept) EventInfo() *trestle.EventInfo { return stockInfo }

func TestDeletionsAreHandledInOrder(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.createTopic(t, stock.Name, 1)
	p := newPublisher(t, c.brokers)
	for _, err := range []error{
		p.Publish(t.Context(), &stockKept{orderPlaced{OrderID: "a", N: 1}}),
		p.Delete(t.Context(), &stockKept{orderPlaced{OrderID: "a", N: -1}}), // what only an event is judged by is not
		p.Delete(t.Context(), &stockKept{orderPlaced{OrderID: "fails"}}),
		p.Publish(t.Context(), &stockKept{orderPlaced{OrderID: "a", N: 2}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, handled := range []bool{true, false} {
		group := map[bool]string{true: "deleting", false: "passing-over"}[handled]
		outcomes := newOutcomes()
		consumer, err := trestle.NewConsumer(c.brokers, group, quick(trestle.WithObserver(outcomes.add))...)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []string
		add := func(word string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, word)
		}
		trestle.Handle(consumer, func(_ context.Context, e *stockKept) error {
			add("kept " + e.OrderID)
			return nil
		})
		if handled {
			trestle.HandleDeletion[stockKept](consumer, func(ctx context.Context, key string) error {
				if key == "fails" {
					return trestle.Permanent(errTransient)
				}
				d, ok := trestle.DeliveryFrom(ctx)
				if !ok || d.EventID == "" || string(d.Key) != key {
					t.Errorf("delivery %+v", d)
				}
				add("deleted " + key)
				return nil
			})
		}
		r := run(t, consumer)
		eventually(t, "all committed", func() bool {
			info := c.GroupInfo(group)
			return info != nil && info.Commits[stock.Name][0].Offset == 4
		})
		r.stop()
		want, results := []string{"kept a", "deleted a", "kept a"}, map[trestle.Result]int{trestle.Handled: 3, trestle.DeadLettered: 1}
		if !handled {
			want, results = []string{"kept a", "kept a"}, map[trestle.Result]int{trestle.Handled: 2, trestle.Skipped: 2}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", group, diff)
		}
		outcomes.want(t, results)
	}
	letters := c.deadLetters(t)
	if len(letters) != 1 || string(letters[0].Original.Key) != "fails" || letters[0].Original.Value != nil {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestWhereNothingIsDeletedByKey(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.write(t, &kgo.Record{Topic: orders.Name, Key: []byte("a")})
	r := consume(t, c, ok)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1 })
	r.stop()
	if letters := c.deadLetters(t); len(letters) != 1 || !strings.Contains(letters[0].Error.Message, "it has no value") {
		t.Errorf("dead letters: %+v", letters)
	}

	consumer, err := trestle.NewConsumer(c.brokers, testGroup)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleDeletion[orderPlaced](consumer, func(context.Context, string) error { return nil })
	p := newPublisher(t, c.brokers)
	for _, c := range []struct {
		err  error
		want string
	}{
		{consumer.Run(t.Context()), "handler of test.OrderPlaced: topic orders is not compacted"},
		{p.Delete(t.Context(), &orderPlaced{OrderID: "a"}), "deletion of test.OrderPlaced: topic orders is not compacted"},
		{p.Delete(t.Context(), &stockKept{}), "deletion of test.OrderPlaced: the event has no key"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
}
