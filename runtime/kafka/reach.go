package kafka

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/internal/loglimit"
)

// reach is a hook of each client: it watches whether brokers answer, and what of the client's log is worth a line.
type reach struct {
	logger *slog.Logger // without the limits; nil: none
	away   atomic.Bool  // since is not zero

	mu    sync.Mutex
	since time.Time // when brokers last began not to answer; zero: the last that was asked answered
	err   error     // why, the last time
	said  *loglimit.Limiter
}

func newReach(logger *slog.Logger) *reach { return &reach{logger: logger, said: loglimit.New(1)} }

// outage stands for all messages while no broker answers, and for those about connections at any time.
const outage = "no broker answers"

// shortOutage is what is not worth a line of its own when it is over: one broker of several that is down makes many.
const shortOutage = 2 * time.Second

// Unreachable says since when no broker has answered a client that [Connection.Client] made, and why; a zero time when the last
// that was asked did answer, or none was asked yet.
func Unreachable(client *kgo.Client) (since time.Time, err error) {
	r := reachOf(client)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since, r.err
}

// LimitLog returns a logger that logs each message and topic, from warnings on, once a minute, with how many like it were left
// out since as `left_out`; and while no broker answers the client, which [Connection.Client] made, nothing but that. The client's
// own messages count with them.
func LimitLog(client *kgo.Client, logger *slog.Logger) *slog.Logger {
	return slog.New(&limitedHandler{logger.Handler(), reachOf(client)})
}

func reachOf(client *kgo.Client) *reach {
	hooks, _ := client.OptValue(kgo.WithHooks).([]kgo.Hook)
	for _, h := range hooks {
		if r, ok := h.(*reach); ok {
			return r
		}
	}
	return newReach(nil) // its connection was made by hand: nothing is known
}

// OnBrokerConnect implements [kgo.HookBrokerConnect].
func (r *reach) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil { // else it has not answered yet
		r.failed(err)
	}
}

// OnBrokerRead implements [kgo.HookBrokerRead].
func (r *reach) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	if err != nil {
		r.failed(err)
	} else if r.away.Load() {
		r.answered()
	}
}

func (r *reach) failed(err error) {
	if errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.Canceled) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if r.since.IsZero() {
		r.since = time.Now()
		r.away.Store(true)
	}
}

func (r *reach) answered() {
	r.mu.Lock()
	lasted := time.Since(r.since)
	r.since, r.err = time.Time{}, nil
	r.away.Store(false)
	leftOut := 0
	if lasted >= shortOutage {
		leftOut = r.said.Forget(outage)
	}
	r.mu.Unlock()
	if r.logger != nil && lasted >= shortOutage {
		r.logger.Info("kafka: brokers answer again", "after", lasted, "left_out", leftOut)
	}
}

// mayLog says whether a message is to be logged now, and how many like it were left out since the last time.
func (r *reach) mayLog(message string) (leftOut int, may bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.since.IsZero() || isAboutConnections(message) {
		message = outage
	}
	return r.said.Allow(message)
}

// isAboutConnections says so of messages of the client that come before it is known that the broker does not answer.
func isAboutConnections(message string) bool {
	return strings.HasPrefix(message, "kafka: unable to open connection to broker") || strings.HasPrefix(message, "kafka: read from broker")
}

// limitedHandler leaves out of a log what was said just before.
type limitedHandler struct {
	slog.Handler
	reach *reach
}

// Handle implements [slog.Handler].
func (h *limitedHandler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, record)
	}
	message := record.Message
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "topic" {
			message += " " + a.Value.String()
		}
		return a.Key != "topic"
	})
	leftOut, may := h.reach.mayLog(message)
	if !may {
		return nil
	}
	if leftOut > 0 {
		record = record.Clone()
		record.AddAttrs(slog.Int("left_out", leftOut))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h *limitedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &limitedHandler{h.Handler.WithAttrs(attrs), h.reach}
}

// WithGroup implements [slog.Handler].
func (h *limitedHandler) WithGroup(name string) slog.Handler {
	return &limitedHandler{h.Handler.WithGroup(name), h.reach}
}
