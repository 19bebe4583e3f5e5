package outbox

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// producer writes the batches of a lane, each in a transaction. After an error nothing is known of its state, and another
// has to be made, and to fence it.
type producer struct {
	id     string // transactional
	client *kgo.Client
	admin  *kadm.Client
	conn   kafka.Connection
	log    *slog.Logger
	ends   map[string]knownEnds
}

// knownEnds is where a topic has ended, as far as is known: it ends there, or later.
type knownEnds struct {
	position Position
	asked    time.Time
}

// endsKept is for how long ends are not asked for again. What a topic got since would have to be read back after a crash.
const endsKept = 30 * time.Second

func newProducer(cfg *config, transactionalID string) (*producer, error) {
	client, err := cfg.producing(transactionalID).Client()
	if err != nil {
		return nil, err
	}
	return &producer{
		id: transactionalID, client: client, admin: kadm.NewClient(client), conn: cfg.kafka, log: kafka.LimitLog(client, cfg.logger), ends: map[string]knownEnds{},
	}, nil
}

// fence ends the transaction that another producer of the transactional id has begun, and keeps that one from ever writing again.
func (p *producer) fence(ctx context.Context) error {
	if _, _, err := p.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("become the producer of transactional id %s: %w%s", p.id, err, kafka.AdviceOn("Write", err))
	}
	return nil
}

// position is where a topic has ended, without asking; nil: that is to be asked.
func (p *producer) position(topic string) Position {
	known := p.ends[topic]
	if time.Since(known.asked) > endsKept {
		return nil
	}
	return known.position
}

// findPosition asks where a topic ends. Of one that does not exist it is its start.
func (p *producer) findPosition(ctx context.Context, topic string) (Position, error) {
	asked := time.Now()
	listed, err := p.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil && !kafka.IsAboutTopic(err) {
		return nil, fmt.Errorf("ask where %s ends: %w%s", topic, err, kafka.AdviceOn("Describe", err))
	}
	position := Position{}
	listed.Each(func(end kadm.ListedOffset) {
		if end.Err == nil {
			position[end.Partition] = end.Offset
		}
	})
	p.ends[topic] = knownEnds{position, asked}
	return position, nil
}

// refusal is what Kafka said of one row of a batch.
type refusal struct {
	row int // its place in the batch
	err error
}

// publish writes rows in a transaction: all of them, or, where it returns refusals or an error, none.
func (p *producer) publish(ctx context.Context, rows []Row) ([]refusal, error) {
	if err := p.client.BeginTransaction(); err != nil {
		return nil, fmt.Errorf("begin a transaction: %w", err)
	}
	records, errs := make([]kgo.Record, len(rows)), make([]error, len(rows))
	for i := range rows {
		kafka.ForClient(&records[i], &rows[i].Record)
		p.client.Produce(ctx, &records[i], func(_ *kgo.Record, err error) { errs[i] = err })
	}
	if err := p.client.Flush(ctx); err != nil {
		return nil, fmt.Errorf("publish a batch: %w", err)
	}
	var refused []refusal
	var taken []*kgo.Record
	for i, err := range errs {
		switch {
		case err == nil:
			taken = append(taken, &records[i])
		case kafka.IsAboutTopic(err) || kafka.IsAboutRecord(err):
			refused = append(refused, refusal{i, err})
		default:
			return nil, fmt.Errorf("publish to %s: %w%s", rows[i].Record.Topic, err, kafka.AdviceOn("Write", err))
		}
	}
	if len(refused) > 0 {
		if err := kafka.EndTransaction(ctx, p.client, kgo.TryAbort, taken); err != nil {
			return nil, fmt.Errorf("abort a transaction: %w", err)
		}
		return refused, nil
	}
	if err := kafka.EndTransaction(ctx, p.client, kgo.TryCommit, taken); err != nil {
		return nil, fmt.Errorf("commit a transaction: %w", err)
	}
	for i := range records {
		if known, ok := p.ends[records[i].Topic]; ok {
			known.position[records[i].Partition] = max(known.position[records[i].Partition], records[i].Offset+1)
		}
	}
	return nil, nil
}

// written says whether a batch is in the log. Whoever may have been writing it has been fenced.
func (p *producer) written(ctx context.Context, b Batch) (bool, error) {
	row := &b.Rows[0] // all were written, or none
	topic := row.Record.Topic
	ends, err := p.settled(ctx, topic)
	if err == nil {
		from := kafka.FromOffsets(kafka.Offsets{topic: b.Position})
		for record, scanErr := range kafka.Scan(ctx, p.conn, []string{topic}, from, kafka.ToOffsets(ends)) {
			if err = scanErr; err != nil {
				break
			}
			if wire.HeaderValue(record.Headers, wire.HeaderEventID) == row.EventID && bytes.Equal(record.Key, row.Record.Key) &&
				bytes.Equal(record.Value, row.Record.Value) {
				return true, nil
			}
		}
	}
	switch {
	case err == nil || kafka.Classify(err) == kafka.Missing:
		return false, nil
	case kafka.IsUnauthorised(err):
		p.log.Warn("outbox: a batch was under way when its relay died, and its topic can't be read: it is published again and may stand there twice",
			"topic", topic, "rows", len(b.Rows), "error", err)
		return false, nil
	}
	return false, fmt.Errorf("read back whether a batch was written: %w", err)
}

// settled returns where a topic ends now, once all up to there is committed or aborted: what was committed behind the
// beginning of a transaction that is open can't be read before.
func (p *producer) settled(ctx context.Context, topic string) (kafka.Offsets, error) {
	ends, err := p.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	for {
		committed, err := p.admin.ListCommittedOffsets(ctx, topic)
		if err == nil {
			err = committed.Error()
		}
		if err != nil {
			return nil, err
		}
		open := false
		to := kafka.Offsets{}
		ends.Each(func(end kadm.ListedOffset) {
			to.Set(topic, end.Partition, end.Offset)
			settled, ok := committed.Lookup(topic, end.Partition)
			open = open || !ok || settled.Offset < end.Offset
		})
		if !open {
			return to, nil
		}
		if err := kafka.Sleep(ctx, settlePause); err != nil {
			return nil, fmt.Errorf("wait for the end of open transactions: %w", err)
		}
	}
}

const settlePause = 20 * time.Millisecond

func (p *producer) close() { p.client.Close() }
