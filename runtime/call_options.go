package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
)

// CallerOption configures a caller.
type CallerOption interface{ applyCaller(*callerConfig) }

type callerOption func(*callerConfig)

func (o callerOption) applyCaller(c *callerConfig) { o(c) }

type callerConfig struct {
	clientConfig
	publisher *Publisher
	maxCalls  int
	name      string // in what it asks
	named     bool   // by the program

	replyPartition bool // of topics of responses it reads one
}

// WithPublisher has requests published by p, overriding a publisher of the caller's own. It brings what the caller
// doesn't set, such as WithSource, WithSchemaIDs and WithNames, and stays open when the caller is closed. Its linger adds to
// the time of each call. NewCaller fails if p is nil, or goes by other names than the caller.
func WithPublisher(p *Publisher) CallerOption {
	return callerOption(func(c *callerConfig) { c.publisher = p })
}

// WithMaxCalls sets how many calls may be under way at once, overriding the default of 10000. One more waits until
// another has ended, or its context. NewCaller fails if n is below 1.
func WithMaxCalls(n int) CallerOption {
	return callerOption(func(c *callerConfig) { c.maxCalls = n })
}

// WithCallerName names the caller, so that one of the same name, such as the same instance of a service after a restart, can ask
// for responses to requests that it sent: see [AwaitReply]. Without it each caller goes by a name of its own. Two that run at once
// are not to have one name: each would decode the other's responses, too. NewCaller fails when it is empty or longer than 255
// bytes.
func WithCallerName(name string) CallerOption {
	return callerOption(func(c *callerConfig) { c.name, c.named = name, true })
}

// replyMaxWait is how long a broker may wait for responses before it answers. It is also how long a partition that has
// just been added to those read can go unread.
const replyMaxWait = 250 * time.Millisecond

// replyBackoff is how long to wait before a broker is asked again that failed: less than the client would, since calls
// have deadlines.
var replyBackoff = kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: time.Second}

func newCallerConfig(brokers []string, opts []CallerOption) (*callerConfig, error) {
	c := &callerConfig{
		clientConfig: clientConfig{logger: slog.Default()},
		publisher:    new(Publisher), // not nil, so that a nil one is told from none
		maxCalls:     10_000,
	}
	own := c.publisher
	for _, o := range opts {
		o.applyCaller(c)
	}
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.logger != nil, "WithLogger: must not be nil")
	check(c.publisher != nil, "WithPublisher: must not be nil")
	check(!c.named || c.name != "" && len(c.name) <= 255, "WithCallerName: must have 1 to 255 bytes, got %q", c.name)
	if !c.named {
		c.name = uuid.NewString()
	}
	check(c.maxCalls >= 1, "WithMaxCalls: must be at least 1, got %d", c.maxCalls)
	switch p := c.publisher; {
	case p == own:
		c.publisher = nil
	case p == nil:
	case c.names == nil:
		c.names = p.cfg.names
	default:
		check(c.names.Equal(p.cfg.names.names()), "WithNames: the publisher of WithPublisher goes by other names")
	}
	errs = append(errs, c.connect(brokers))
	return c, errors.Join(errs...)
}

func (c *callerConfig) clientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.MetadataMinAge(kafka.MetadataMinAge),
		kgo.MetadataMaxAge(kafka.MetadataMaxAge),
		kgo.FetchMaxWait(replyMaxWait),
		kgo.RetryBackoffFn(func(failures int) time.Duration { return replyBackoff.After(failures) }),
		// Where what was next is gone, all that is left may hold a response.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
}

type callOption func(*event.CallSettings)

// ApplyCall makes the option one of a call.
func (o callOption) ApplyCall(s *event.CallSettings) { o(s) }

// WithStatus has a function called with the status events of the call's conversation, those with its correlation id or
// its session id, while the call waits. It is called in the goroutine of Call, never after Call has returned. When it is
// too slow the oldest are left out, and invalid ones always. It can be given for several event types.
func WithStatus[E any, P interface {
	*E
	Event
}](notify func(context.Context, P)) CallOption {
	return callOption(func(s *event.CallSettings) {
		w := event.Watcher{Info: P(nil).EventInfo()}
		if notify != nil {
			w.Notify = func(ctx context.Context, e Event) { notify(ctx, e.(P)) }
		}
		s.Watchers = append(s.Watchers, w)
	})
}
