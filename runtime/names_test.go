package trestle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

// stage is an environment on a cluster that another one shares.
type stage struct {
	t      *testing.T
	c      *cluster
	prefix string
	pub    *trestle.Publisher
	caller *trestle.Caller
	meters *metric.ManualReader

	mu      sync.Mutex
	handled []string // orders, with the topic
	asked   []string
	fails   bool // the handler
	runs    []*running
}

func (s *stage) names() trestle.Names { return trestle.Names{Prefix: s.prefix} }

func startStage(t *testing.T, c *cluster, prefix string) *stage {
	t.Helper()
	s := &stage{t: t, c: c, prefix: prefix, meters: metric.NewManualReader(), fails: true}
	provider := trestle.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(s.meters)))
	s.pub = newPublisher(t, c.brokers, trestle.WithNames(s.names()), provider)
	s.caller = newCaller(t, c, trestle.WithPublisher(s.pub))
	consumer, err := trestle.NewConsumer(c.brokers, trestle.Group{Name: testGroup, Topics: []string{orders.Name, asks.Name}},
		quick(trestle.WithNames(s.names()), trestle.WithRetries(1), provider)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fails && e.OrderID == "bad" {
			return errTransient
		}
		s.handled = append(s.handled, d.Topic+" "+e.OrderID)
		return nil
	})
	trestle.Answer(consumer, s.pub, func(_ context.Context, a *askPrice) (*price, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, a.OrderID)
		if a.OrderID == "none" {
			return nil, trestle.Permanent(errors.New("no such order"))
		}
		return &price{orderPlaced{OrderID: a.OrderID, Note: s.prefix}}, nil
	})
	s.runs = append(s.runs, run(t, consumer))
	return s
}

func (s *stage) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.handled))
}

// TestTwoEnvironmentsOnOneCluster runs the same program in two environments whose topics and groups have other prefixes: what one
// publishes, asks, and gives up, the other doesn't see.
func TestTwoEnvironmentsOnOneCluster(t *testing.T) {
	t.Parallel()
	var topics []string
	for _, prefix := range []string{"staging.", "team-a."} {
		for _, name := range []string{orders.Name, orders.DeadLetter, asks.Name, prices.Name, statuses.Name} {
			topics = append(topics, prefix+name)
		}
	}
	c := startCluster(t, kfake.SeedTopics(1, topics...))
	a, b := startStage(t, c, "staging."), startStage(t, c, "team-a.")
	for _, s := range []*stage{a, b} {
		published := make(chan trestle.Receipt, 1)
		err := s.pub.PublishAsync(deadline(t), &orderPlaced{OrderID: "good"}, func(r trestle.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			published <- r
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := <-published; r.Topic != s.prefix+orders.Name {
			t.Fatalf("%s: published to %s", s.prefix, r.Topic)
		}
		// As a Python service writes it.
		c.write(t, &kgo.Record{Topic: s.prefix + orders.Name, Value: []byte(orderJSON("python", 1))})
		got, err := trestle.Call[*price](deadline(t), s.caller, ask("A1"))
		if err != nil || got.Note != s.prefix {
			t.Fatalf("%s: call: %+v, %v", s.prefix, got, err)
		}
	}
	if err := a.pub.Publish(deadline(t), &orderPlaced{OrderID: "bad"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead letter", func() bool { return c.end("staging."+orders.DeadLetter) == 1 })
	letter := c.lettersOf(t, "staging."+orders.DeadLetter)[0]
	if letter.SourceTopic != "staging."+orders.Name || letter.ConsumerGroup != "staging."+testGroup {
		t.Errorf("the dead letter names %s and %s", letter.SourceTopic, letter.ConsumerGroup)
	}
	var unanswered *trestle.UnansweredError
	if _, err := trestle.Call[*price](deadline(t), a.caller, ask("none")); !errors.As(err, &unanswered) || unanswered.Topic != "staging."+orders.DeadLetter {
		t.Errorf("a call whose request went to its dead letter: %v", err)
	}

	// What a dead letter says is enough to put the event back where it came from.
	a.mu.Lock()
	a.fails = false
	a.mu.Unlock()
	c.write(t, &kgo.Record{Topic: letter.SourceTopic, Key: letter.Original.Key, Value: letter.Original.Value})
	eventually(t, "all orders are handled", func() bool { return len(a.all()) == 3 && len(b.all()) == 2 })
	for _, s := range []*stage{a, b} {
		want := []string{s.prefix + "orders good", s.prefix + "orders python"}
		if s == a {
			want = append([]string{"staging.orders bad"}, want...)
		}
		if got := s.all(); !slices.Equal(got, want) {
			t.Errorf("%s handled %q, want %q", s.prefix, got, want)
		}
		if c.GroupInfo(s.prefix+testGroup) == nil {
			t.Errorf("there is no group %s%s", s.prefix, testGroup)
		}
		for _, topic := range measuredTopics(t, s.meters) {
			if !strings.HasPrefix(topic, s.prefix) {
				t.Errorf("%s: metrics name the topic %s", s.prefix, topic)
			}
		}
	}
	a.mu.Lock()
	b.mu.Lock()
	defer a.mu.Unlock()
	defer b.mu.Unlock()
	if len(a.asked) != 2 || len(b.asked) != 1 || c.end("team-a."+orders.DeadLetter) != 0 || c.GroupInfo(testGroup) != nil || c.end(orders.Name) != 0 {
		t.Errorf("asked %q and %q; team-a has %d dead letters", a.asked, b.asked, c.end("team-a."+orders.DeadLetter))
	}
}

func measuredTopics(t *testing.T, reader *metric.ManualReader) []string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var topics []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
				for _, point := range sum.DataPoints {
					if topic, ok := point.Attributes.Value("messaging.destination.name"); ok {
						topics = append(topics, topic.AsString())
					}
				}
			}
		}
	}
	if len(topics) == 0 {
		t.Error("no metric names a topic")
	}
	return topics
}

// lettersOf reads all dead letters of a topic.
func (c *cluster) lettersOf(t *testing.T, topic string) []*deadletter.DeadLetter {
	t.Helper()
	var letters []*deadletter.DeadLetter
	for _, r := range c.read(t, topic) {
		record := kafka.FromClient(r)
		d, err := deadletter.Parse(&record)
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, d)
	}
	return letters
}

// TestPauseByLogicalName pauses a topic by the name that its schema has.
func TestPauseByLogicalName(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "x.orders", "x.orders_dlq"))
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithNames(trestle.Names{Prefix: "x."}))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, ok)
	consumer.Pause(orders.Name)
	run(t, consumer)
	eventually(t, "Health says that the topic is paused", func() bool {
		return slices.ContainsFunc(consumer.Health().Reasons, func(r trestle.HealthReason) bool { return r.Code == trestle.Paused && r.Topic == "x.orders" })
	})
	consumer.Resume(orders.Name)
	eventually(t, "the topic goes on", func() bool { return consumer.Health().Ready })
}

func TestNamesThatDoNotFit(t *testing.T) {
	t.Parallel()
	brokers := []string{"127.0.0.1:1"}
	bad := trestle.WithNames(trestle.Names{Prefix: "no spaces"})
	twice := trestle.WithNames(trestle.Names{Topics: map[string]string{"other": "orders"}})
	_, pubErr := trestle.NewPublisher(brokers, bad)
	_, consumerErr := trestle.NewConsumer(brokers, testGroup, bad)
	_, callerErr := trestle.NewCaller(brokers, bad)
	pub := newPublisher(t, brokers, trestle.WithNames(trestle.Names{Prefix: "a."}))
	_, differ := trestle.NewCaller(brokers, trestle.WithPublisher(pub), trestle.WithNames(trestle.Names{Prefix: "b."}))
	_, groupErr := trestle.NewConsumer(brokers, "b", trestle.WithNames(trestle.Names{Groups: map[string]string{"a": "b"}}))
	consumer, err := trestle.NewConsumer(brokers, testGroup, twice)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, ok)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for what, test := range map[string]struct {
		err  error
		want string
	}{
		"publisher":        {pubErr, `WithNames: prefix "no spaces"`},
		"consumer":         {consumerErr, `WithNames: prefix "no spaces"`},
		"caller":           {callerErr, `WithNames: prefix "no spaces"`},
		"caller's two":     {differ, "WithNames: the publisher of WithPublisher goes by other names"},
		"group":            {groupErr, "consumer groups a and b would both be b"},
		"consumer's topic": {consumer.Run(ctx), "topics orders and other would both be orders"},
		"published topic":  {newPublisher(t, brokers, twice).Publish(ctx, &orderPlaced{OrderID: "A"}), "topics orders and other would both be orders"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", what, test.err, test.want)
		}
	}
}
