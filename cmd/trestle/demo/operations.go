package demo

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"sync"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
)

//go:embed samples
var samples embed.FS

const (
	operationsGroup = "operations_demo"
	deadLetterType  = deadletter.EventType
	alertThreshold  = 10
)

// operations is who watches the system: it takes status, hook and alert events, counts dead letters, and raises an
// alert when a dead-letter topic holds too many.
type operations struct {
	service
	ledger *ledger

	mu    sync.Mutex
	perDL map[string]int // dead letters by topic
}

func (s *operations) consumer(brokers []string, opts ...trestle.ConsumerOption) (*trestle.Consumer, error) {
	c, err := trestle.NewConsumer(brokers, operationsGroup, opts...)
	if err != nil {
		return nil, err
	}
	for _, info := range s.types {
		if info.Role == event.RoleStatus || info.Role == event.RoleEvent {
			trestle.HandleInfo(c, info, seen)
		}
	}
	return c, nil
}

func seen(context.Context, trestle.Event) error { return nil }

// publishHooks publishes one event of every hook type, from the samples.
func (s *operations) publishHooks(ctx context.Context) error {
	return fs.WalkDir(samples, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := samples.ReadFile(path)
		if err != nil {
			return err
		}
		eventType, err := typeOf(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		info := s.types[eventType]
		if info == nil {
			return fmt.Errorf("%s: no schema has the event type %q", path, eventType)
		}
		if err := s.pub.publish(ctx, info, text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// watchDeadLetters reads the dead-letter topics until ctx ends.
func (s *operations) watchDeadLetters(ctx context.Context, brokers []string, topics []string) error {
	return readDeadLetters(ctx, brokers, topics, func(r *kafka.Record) error { return s.deadLetter(ctx, r) })
}

func (s *operations) deadLetter(ctx context.Context, r *kafka.Record) error {
	s.mu.Lock()
	s.perDL[r.Topic]++
	count := s.perDL[r.Topic]
	s.mu.Unlock()
	if count == alertThreshold+1 {
		err := s.publish(ctx, "DLQAlertEvent", object{"dlq_topic": r.Topic, "failure_count": count, "threshold": alertThreshold})
		if err != nil {
			return err
		}
	}
	s.ledger.consumed(deadLetterType)
	return nil
}
