package trestle

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// A batch that would open to more than it may is one dead letter, and reading goes on behind it. Until that is written, which
// needs what only the log tells of the batch, the position stays before the batch.

// passBatch takes in a batch that the client did not open, and has it go on behind that.
func (m *member) passBatch(ctx context.Context, p *partition, tooLarge *kgo.ErrDecompressTooLarge) {
	tp, next := p.tp, m.queue.nextOf(p)
	if !m.limits.Pass(ctx, m.client, tooLarge, max(next, tooLarge.Offset)) {
		return
	}
	m.queue.fetched(p, tooLarge.NextOffset)
	m.queue.pushBatch(p, &kgo.Record{
		Topic: tp.topic, Partition: tp.id, Offset: tooLarge.NextOffset - 1, LeaderEpoch: tooLarge.Epoch,
	}, &OversizedError{
		Batch: true, FirstOffset: max(next, tooLarge.Offset), LastOffset: tooLarge.NextOffset - 1, Limit: m.limits.Batch(),
	})
}

// batchPatience bounds how long the log is asked for a batch.
const batchPatience = 10 * time.Second

// refuseBatch writes the dead letter of a batch, once the log has said what it is. One whose transaction was aborted is done:
// nobody was to see it.
func (c *Consumer) refuseBatch(m *member, t *task) {
	ctx, cancel := context.WithTimeout(t.part.ctx, batchPatience)
	defer cancel()
	o := t.oversized
	found, err := kafka.FindBatch(ctx, m.client, t.part.tp.topic, t.part.tp.id, o.FirstOffset)
	switch class := kafka.Classify(err); {
	case err == nil && found.Aborted:
		m.done(t)
		return
	case err == nil:
		refused := found.Record(o.FirstOffset, o.Limit)
		t.oversized, t.record.Timestamp, t.delivery.Timestamp = refused.Oversized, refused.Timestamp, refused.Timestamp
	case class == kafka.Missing || class == kafka.Refused: // it has gone; the letter says so much
	default:
		wait := c.cfg.backoff.After(t.attempt)
		if t.part.ctx.Err() == nil {
			c.log(slog.LevelWarn, t, "batch that is too large to be opened could not be found in the log, will be tried again",
				slog.Any("error", err), slog.Duration("in", wait))
		}
		m.queue.park(t, wait)
		return
	}
	t.attempt = 1
	t.failure = newFailure(undecodable(t.oversized))
	c.deadLetter(m, t)
}
