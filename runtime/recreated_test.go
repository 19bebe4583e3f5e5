package trestle_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
)

// TestTopicsThatAreMadeAnewAreTakenUp deletes a topic and makes it again, while a publisher publishes to it and a consumer
// reads it.
func TestTopicsThatAreMadeAnewAreTakenUp(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *oneTopic{
		"embedded": embedded,
		"OnKafka":  func(t *testing.T) *oneTopic { return onKafka(t, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			logged := new(lineCounter)
			logger := trestle.WithLogger(slog.New(logged))
			p := newPublisher(t, c.brokers, logger)
			book := newLedger(t)
			r := c.consume(t, book, logger)
			const each = 100
			publish := func(from int) {
				t.Helper()
				var failed atomic.Pointer[error]
				for n := range each {
					e := &onTopic{orderPlaced{OrderID: fmt.Sprint("order-", from+n%10), N: int64(n / 10)}, c.info}
					err := p.PublishAsync(deadline(t), e, func(_ trestle.Receipt, err error) {
						if err != nil {
							failed.Store(&err)
						}
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Flush(deadline(t)); err != nil {
					t.Fatal(err)
				}
				if err := failed.Load(); err != nil {
					t.Fatal(*err)
				}
			}
			publish(0)
			eventually(t, "the first events handled", func() bool { return book.count() == each })
			eventually(t, "nothing is left", func() bool { return c.lag(t) == 0 })
			for round := 1; round <= 2; round++ {
				if _, err := c.admin().DeleteTopics(deadline(t), c.topic.Name); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the topic can be made again", func() bool {
					_, err := c.admin().CreateTopic(deadline(t), 3, 1, nil, c.topic.Name)
					return err == nil
				})
				publish(1000 * round)
				eventually(t, "the new topic's events handled", func() bool { return book.count() == (round+1)*each })
				eventually(t, "nothing is left", func() bool { return c.lag(t) == 0 })
			}
			r.stop()
			if n := logged.n.Load(); n > 40 {
				t.Errorf("%d lines logged", n)
			}
		})
	}
}

// onTopic is an orderPlaced for another topic.
type onTopic struct {
	orderPlaced
	info *trestle.EventInfo
}

func (e *onTopic) EventInfo() *trestle.EventInfo { return e.info }

// lineCounter counts what is logged as a warning or worse.
type lineCounter struct {
	slog.Handler
	n atomic.Int64
}

func (l *lineCounter) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (l *lineCounter) Handle(context.Context, slog.Record) error {
	l.n.Add(1)
	return nil
}

// TestCallsGoOnWhenTheirTopicsAreMadeAnew makes the topics of requests and of responses anew while a caller and an
// answering consumer run.
func TestCallsGoOnWhenTheirTopicsAreMadeAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, c *cluster) {
		pub := newPublisher(t, c.brokers, c.option)
		answer(t, c, pub, echo)
		caller := newCaller(t, c)
		if _, err := trestle.Call[*price](deadline(t), caller, ask("before")); err != nil {
			t.Fatal(err)
		}
		c.kit.Recreate(asks.Name)
		c.kit.Recreate(prices.Name)
		if _, err := trestle.Call[*price](deadline(t), caller, ask("after")); err != nil {
			t.Fatal(err)
		}
	})
}
