package demo

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"sync"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
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
	pub    *publisher
	ledger *ledger

	mu    sync.Mutex
	perDL map[string]int // dead letters by topic
}

func (s *operations) consumer(brokers []string, opts ...trestle.ConsumerOption) (*trestle.Consumer, error) {
	c, err := trestle.NewConsumer(brokers, operationsGroup, opts...)
	if err != nil {
		return nil, err
	}
	trestle.Handle(c, seen[codegenv1.CodegenStatusEvent])
	trestle.Handle(c, seen[codegenv1.DLQAlertEvent])
	trestle.Handle(c, seen[hooksv1.ServiceStarted])
	trestle.Handle(c, seen[hooksv1.ServiceStopped])
	trestle.Handle(c, seen[hooksv1.ServiceHealthChanged])
	trestle.Handle(c, seen[hooksv1.ToolDiscovered])
	trestle.Handle(c, seen[hooksv1.ToolExecuted])
	trestle.Handle(c, seen[hooksv1.RequestRouted])
	trestle.Handle(c, seen[hooksv1.CacheHit])
	trestle.Handle(c, seen[hooksv1.CacheMiss])
	trestle.Handle(c, seen[hooksv1.PatternDiscovered])
	trestle.Handle(c, seen[hooksv1.PerformanceAnomaly])
	trestle.Handle(c, seen[hooksv1.ConfigurationUpdated])
	trestle.Handle(c, seen[hooksv1.ServiceError])
	return c, nil
}

func seen[E any](context.Context, *E) error { return nil }

// publishHooks publishes one event of every hook type, from the samples.
func (s *operations) publishHooks(ctx context.Context) error {
	types := map[string]*trestle.EventInfo{}
	for _, info := range hooksv1.Events() {
		types[info.Type] = info
	}
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
		info := types[eventType]
		if info == nil {
			return fmt.Errorf("%s: event type %q is not a hook event", path, eventType)
		}
		event, _, err := event.ReadText(info, text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		delete(types, eventType)
		return s.pub.Publish(ctx, event)
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
		alert := &codegenv1.DLQAlertEvent{
			DlqTopic: r.Topic, FailureCount: new(int64(count)), Threshold: new(int64(alertThreshold)),
		}
		if err := s.pub.Publish(ctx, alert); err != nil {
			return err
		}
	}
	s.ledger.consumed(deadLetterType)
	return nil
}
