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

// callInTime calls a handler, under its deadline if it has one. Once it goes on past that, another worker takes its place.
func (c *Consumer) callInTime(ctx context.Context, m *member, t *task, handler *eventHandler, event Event) error {
	limit := c.cfg.handlerTimeout
	if limit == 0 {
		return call(ctx, handler, event)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the handler took more than %v", limit))
	defer cancel()
	name := fmt.Sprintf("%s/%d@%d attempt %d", t.part.tp.topic, t.part.tp.id, t.record.Offset, t.attempt)
	pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels(handlerLabel, name)))
	defer pprof.SetGoroutineLabels(context.Background())
	delivery, run := t.delivery, t.run
	watch := time.AfterFunc(limit+overdueGrace, func() {
		c.cfg.overdueHandlers.Add(ctx, 1, where(c.group, t.part.tp.topic))
		c.cfg.logger.LogAttrs(ctx, slog.LevelError, "handler goes on past its deadline", delivery.logAttrs(
			slog.String("group", c.group), slog.Duration("deadline", limit), slog.String("stack", stackOfHandler(name)))...)
		if m.queue.overdue(t, run) {
			m.workers.Go(func() { c.work(m, t.part.topic) })
		}
	})
	defer watch.Stop()
	return call(ctx, handler, event)
}

// handlerLabel is the profiler's label with the record that a goroutine handles.
const handlerLabel = "trestle.record"

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
