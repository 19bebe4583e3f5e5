package trestle_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

const (
	isolationRounds = 5
	isolationEvents = 20_000 // a topic
	isolationKeys   = 1_000
	slowEvents      = isolationEvents / 20
)

var isolationNote = strings.Repeat("an event of ordinary size ", 12)

// isolationRecord is what publishing an event puts on a topic.
func isolationRecord(b *testing.B, topic string, n int) *kgo.Record {
	e := &orderPlaced{OrderID: fmt.Sprintf("order-%d", n%isolationKeys), N: int64(n), Note: isolationNote}
	made, err := trestle.Encode(e, nil, trestle.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	made.Topic = topic
	return kafka.ToClient(&made)
}

// BenchmarkIsolation measures at which rate a consumer handles events while others go wrong, in parts of the rate at which it
// handles as many when nothing does: one key of the topic hangs, the handlers of another topic fail, or that topic's dead
// letters can't be written. Rounds with and without the fault take turns; `of-alone` is the median of five.
func BenchmarkIsolation(b *testing.B) {
	for _, place := range []struct {
		name    string
		brokers func(b *testing.B) []string
	}{
		{"embedded", func(b *testing.B) []string { return startCluster(b).brokers }},
		{"OnKafka", func(b *testing.B) []string { return services.SharedKafka(b).Brokers() }},
	} {
		for _, fault := range []isolationFault{
			{name: "a key hangs", slowKey: true},
			{name: "handlers of another topic fail", other: errTransient, deadLetters: true},
			{name: "dead letters of another topic cannot be written", other: trestle.Permanent(errTransient)},
		} {
			b.Run(place.name+"/"+fault.name, func(b *testing.B) {
				c := newIsolation(b, place.brokers(b), fault)
				for b.Loop() {
					var parts []float64
					for range isolationRounds {
						alone, beside := c.handle(b, false), c.handle(b, true)
						parts = append(parts, float64(alone)/float64(beside))
					}
					slices.Sort(parts)
					b.ReportMetric(parts[isolationRounds/2], "of-alone")
				}
			})
		}
	}
}

type isolationFault struct {
	name        string
	slowKey     bool  // of the topic whose events are counted
	other       error // what handlers of the other topic return
	deadLetters bool  // the other topic has a topic for them
}

// isolation is a cluster with two topics, each full of events.
type isolation struct {
	brokers   []string
	fault     isolationFault
	good, bad *trestle.EventInfo
	rounds    int
}

func newIsolation(b *testing.B, brokers []string, fault isolationFault) *isolation {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	c := &isolation{brokers: brokers, fault: fault}
	event := func(name string, deadLetters bool) *trestle.EventInfo {
		topic, info := *orders, orderPlacedInfo
		topic.Name = fmt.Sprintf("isolation-%s-%d", name, time.Now().UnixNano())
		topic.DeadLetter, info.Topic = topic.Name+"_dlq", &topic
		made := []string{topic.Name}
		if deadLetters {
			made = append(made, topic.DeadLetter)
		}
		if _, err := kadm.NewClient(client).CreateTopics(b.Context(), testPartitions, 1, nil, made...); err != nil {
			b.Fatal(err)
		}
		for i := range isolationEvents {
			r := isolationRecord(b, topic.Name, i)
			if name == "good" && i%20 == 7 {
				r = orderRecord("slow", i)
				r.Topic = topic.Name
			}
			client.Produce(b.Context(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
		if err := client.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		return &info
	}
	c.good, c.bad = event("good", true), event("bad", fault.deadLetters)
	return c
}

// handle takes the time, from the first event on, in which the events of the good topic are handled, those of the slow key left
// out. Where nothing goes wrong, the events of the bad topic are not read.
func (c *isolation) handle(b *testing.B, wrong bool) time.Duration {
	c.rounds++
	consumer, err := trestle.NewConsumer(c.brokers, fmt.Sprintf("%s-%d", c.good.Topic.Name, c.rounds),
		trestle.WithLogger(quiet), trestle.WithDrainTimeout(0))
	if err != nil {
		b.Fatal(err)
	}
	var started, handled atomic.Int64
	done := make(chan time.Duration, 1)
	open := make(chan struct{})
	trestle.HandleInfo(consumer, c.good, func(_ context.Context, e trestle.Event) error {
		started.CompareAndSwap(0, time.Now().UnixNano())
		if e.(*orderPlaced).OrderID == "slow" {
			if wrong && c.fault.slowKey {
				<-open
			}
			return nil
		}
		if handled.Add(1) == isolationEvents-slowEvents {
			done <- time.Duration(time.Now().UnixNano() - started.Load())
		}
		return nil
	})
	if wrong && !c.fault.slowKey {
		trestle.HandleInfo(consumer, c.bad, func(context.Context, trestle.Event) error { return c.fault.other })
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	var took time.Duration
	select {
	case took = <-done:
	case err := <-ended:
		b.Fatal(err)
	case <-time.After(testPatience):
		b.Fatalf("%d events handled", handled.Load())
	}
	close(open)
	cancel()
	<-ended // what was not finished it names
	return took
}
