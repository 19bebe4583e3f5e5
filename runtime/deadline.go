package trestle

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime/pprof"
	"strings"
	"time"
)

// overdueGrace is how long a handler has to return once its deadline has passed.
const overdueGrace = time.Second

// inTime calls handlers under their deadline, if they have one. Once one goes on past that, another worker takes its place.
func (c *Consumer) inTime(next HandlerFunc) HandlerFunc {
	limit := c.cfg.handlerTimeout
	if limit == 0 {
		return next
	}
	return func(ctx context.Context, e Event) error {
		h := ctx.Value(handlingKey{}).(*handling)
		t, delivery, run := h.task, &h.Delivery, h.task.run
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the handler took more than %v", limit))
		defer cancel()
		name := fmt.Sprintf("%s/%d@%d attempt %d", delivery.Topic, delivery.Partition, delivery.Offset, delivery.Attempt)
		pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels(handlerLabel, name)))
		defer pprof.SetGoroutineLabels(context.Background())
		watch := time.AfterFunc(limit+overdueGrace, func() {
			c.meter.topics[delivery.Topic].overdue.Add(ctx, 1)
			c.logFailure(ctx, slog.LevelError, delivery, "handler goes on past its deadline", context.Cause(ctx),
				slog.Duration("deadline", limit), slog.Any("stack", handlerStack(name)))
			if h.member.queue.overdue(t, run) {
				h.member.workers.Go(func() { c.work(h.member, c.topics[t.part.tp.topic], t.part.topic) })
			}
		})
		defer watch.Stop()
		return next(ctx, e)
	}
}

// handlerLabel is the profiler's label with the record that a goroutine handles.
const handlerLabel = "trestle.record"

// handlerStack is the stack of the handler of a record as a value of a line: it is taken only where that is written, since all goroutines
// are looked at for it.
type handlerStack string

// LogValue implements [slog.LogValuer].
func (name handlerStack) LogValue() slog.Value { return slog.StringValue(stackOfHandler(string(name))) }

// stackOfHandler is the stack of the goroutine that handles a record; empty where there is none any more.
func stackOfHandler(name string) string {
	var all bytes.Buffer
	if pprof.Lookup("goroutine").WriteTo(&all, 1) != nil {
		return ""
	}
	for block := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(block, handlerLabel) && strings.Contains(block, fmt.Sprintf("%q", name)) {
			return block[:min(len(block), maxStack)]
		}
	}
	return ""
}
