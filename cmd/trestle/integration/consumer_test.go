package integration_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
)

// logTo is a logger into the test's output.
func logTo(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// handler handles events of any type.
type handler func(context.Context, trestle.Event) error

// on registers a handler for one event type.
func on[E any, P interface {
	*E
	trestle.Event
}](c *trestle.Consumer, h handler) {
	trestle.Handle(c, func(ctx context.Context, e P) error { return h(ctx, e) })
}

// onCodegen registers a handler for every event type of code generation that has a topic.
func onCodegen(c *trestle.Consumer, h handler) {
	onRequests(c, h)
	onResponses(c, h)
	on[codegenv1.CodegenStatusEvent](c, h)
}

func onRequests(c *trestle.Consumer, h handler) {
	on[codegenv1.CodegenAnalysisRequest](c, h)
	on[codegenv1.CodegenValidationRequest](c, h)
	on[codegenv1.CodegenPatternRequest](c, h)
	on[codegenv1.CodegenMixinRequest](c, h)
}

func onResponses(c *trestle.Consumer, h handler) {
	on[codegenv1.CodegenAnalysisResponse](c, h)
	on[codegenv1.CodegenValidationResponse](c, h)
	on[codegenv1.CodegenPatternResponse](c, h)
	on[codegenv1.CodegenMixinResponse](c, h)
}

// onHooks registers a handler for every hook event type.
func onHooks(c *trestle.Consumer, h handler) {
	on[hooksv1.ConfigurationUpdated](c, h)
	on[hooksv1.ServiceError](c, h)
	on[hooksv1.PatternDiscovered](c, h)
	on[hooksv1.PerformanceAnomaly](c, h)
	on[hooksv1.CacheHit](c, h)
	on[hooksv1.CacheMiss](c, h)
	on[hooksv1.RequestRouted](c, h)
	on[hooksv1.ServiceHealthChanged](c, h)
	on[hooksv1.ServiceStarted](c, h)
	on[hooksv1.ServiceStopped](c, h)
	on[hooksv1.ToolExecuted](c, h)
	on[hooksv1.ToolDiscovered](c, h)
}

// topicsOf returns the topics of events, sorted, and their dead-letter topics.
func topicsOf(events []*trestle.EventInfo, roles ...event.Role) (own, deadLetters []string) {
	for _, e := range events {
		if e.Topic == nil || len(roles) > 0 && !slices.Contains(roles, e.Role) {
			continue
		}
		own = append(own, e.Topic.Name)
		deadLetters = append(deadLetters, e.Topic.DeadLetter)
	}
	slices.Sort(own)
	slices.Sort(deadLetters)
	return slices.Compact(own), slices.Compact(deadLetters)
}

// running is a consumer at work.
type running struct {
	k           *kafka
	group       string
	deadLetters map[place]int64 // where the dead-letter topics ended before
	topics      []string
	stop        context.CancelFunc
	end         chan error
}

// consume runs a consumer that begins with what is published from now on.
func consume(k *kafka, group string, topics, deadLetters []string, register func(*trestle.Consumer), opts ...trestle.ConsumerOption) *running {
	k.t.Helper()
	k.joinAtEnd(group, topics...)
	c, err := trestle.NewConsumer(k.brokers, group, append(opts, trestle.WithLogger(logTo(k.t)))...)
	if err != nil {
		k.t.Fatal(err)
	}
	register(c)
	ctx, stop := context.WithCancel(k.t.Context())
	r := &running{k: k, group: group, deadLetters: k.ends(deadLetters...), topics: topics, stop: stop, end: make(chan error, 1)}
	go func() { r.end <- c.Run(ctx) }()
	k.t.Cleanup(func() { _ = r.finish() })
	return r
}

// finish stops the consumer and waits for its end.
func (r *running) finish() error {
	if r.end == nil {
		return errors.New("finished already")
	}
	r.stop()
	err := <-r.end
	r.end = nil
	return err
}

// checkDone stops the consumer, which must have committed everything and dead-lettered nothing.
func (r *running) checkDone() {
	t := r.k.t
	t.Helper()
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	committed := r.k.committed(r.group)
	for p, end := range r.k.ends(r.topics...) {
		if committed[p] != end {
			t.Errorf("group %s has committed %d of %s/%d, want %d", r.group, committed[p], p.topic, p.partition, end)
		}
	}
	for p := range r.deadLetters {
		for _, letter := range r.k.read(r.deadLetters, p.topic) {
			t.Errorf("dead letter on %s: %s", p.topic, letter.Value)
		}
	}
}
