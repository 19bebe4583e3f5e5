package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// picking is how many records [Pick] asks for at once.
const picking = 8

// Pick reads single records of a topic: for each of the offsets of a partition the committed record that stands there, or else the next one before the
// end; none where there is none left. They come in no order, and each once. It reads little beside them: their batches. The loop ends with an error, as the last pair, if it
// can't go on; errors that waiting may mend are tried again for 15 s.
func Pick(ctx context.Context, conn Connection, topic string, offsets map[int32][]int64, ends Offsets) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		limits := NewLimits(nil)
		client, err := conn.Client(kgo.WithDecompressor(limits), kgo.MetadataMinAge(MetadataMinAge))
		if err != nil {
			yield(nil, err)
			return
		}
		defer client.Close()
		limits.HoldTo(client)
		_ = limits.Ask(ctx, client, topic) // where brokers don't tell, Kafka's default counts
		p := picker{client: client, limits: limits, topic: topic, seen: map[topicOffset]bool{}}
		found := make(chan *Record)
		done := make(chan error, 1)
		go func() {
			g, ctx := errgroup.WithContext(ctx)
			g.SetLimit(picking)
			for partition, wanted := range offsets {
				end, _ := ends.Next(topic, partition)
				for _, offset := range wanted {
					g.Go(func() error { return p.pick(ctx, partition, offset, end, found) })
				}
			}
			done <- g.Wait()
			close(found)
		}()
		for record := range found {
			if !yield(record, nil) {
				cancel()
				for range found { // those that are under way end
				}
				return
			}
		}
		if err := <-done; err != nil {
			yield(nil, err)
		}
	}
}

type topicOffset struct {
	partition int32
	offset    int64
}

type picker struct {
	client *kgo.Client
	limits *Limits
	topic  string

	mu   sync.Mutex
	seen map[topicOffset]bool
}

// pick gives the first record of a partition from an offset on.
func (p *picker) pick(ctx context.Context, partition int32, from, end int64, give chan<- *Record) error {
	backoff, failures, began := Backoff{100 * time.Millisecond, 2 * time.Second}, 0, time.Now()
	for from < end {
		record, next, err := p.at(ctx, partition, from, end)
		switch {
		case err == nil && record != nil:
			p.mu.Lock()
			again := p.seen[topicOffset{partition, record.Offset}]
			p.seen[topicOffset{partition, record.Offset}] = true
			p.mu.Unlock()
			if again {
				return nil
			}
			select {
			case give <- record:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		case err == nil && next > from:
			from, failures, began = next, 0, time.Now()
			continue
		case errors.Is(err, kerr.OffsetOutOfRange): // it is gone meanwhile
			return nil
		case err != nil && (Classify(err) == Fatal || Classify(err) == Missing || time.Since(began) > 15*time.Second):
			return fmt.Errorf("read %s[%d]@%d: %w%s", p.topic, partition, from, err, AdviceOn("Read", err))
		case err == nil && time.Since(began) > 15*time.Second:
			return fmt.Errorf("read %s[%d]@%d: nothing came", p.topic, partition, from)
		}
		failures++
		if err := Sleep(ctx, backoff.After(failures)); err != nil {
			return err
		}
	}
	return nil
}

// at is the first record of a partition from an offset on, nil where the answer has none: then it says where to go on.
func (p *picker) at(ctx context.Context, partition int32, from, end int64) (*Record, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	// A broker answers with a whole batch, however little is asked for.
	found, throttled, err := fetchAt(ctx, p.client, topicPartition{p.topic, partition}, from, 1)
	if err != nil || throttled {
		return nil, from, err
	}
	fetched, after := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Topic: p.topic, Partition: partition, Offset: from, IsolationLevel: kgo.ReadCommitted(),
	}, found, p.limits, nil)
	if tooLarge := TooLarge(fetched.Err); tooLarge != nil {
		batch, err := FindBatch(ctx, p.client, p.topic, partition, tooLarge.Offset)
		if err != nil {
			return nil, from, err
		}
		record := batch.Record(from, p.limits.Batch())
		return &record, from, nil
	}
	if fetched.Err != nil {
		return nil, from, fetched.Err
	}
	for _, r := range fetched.Records {
		if r.Offset >= end {
			return nil, end, nil
		}
		if !r.Attrs.IsControl() {
			record := p.limits.Check(ctx, p.client, r)
			return &record, from, nil
		}
	}
	if len(found.RecordBatches) == 0 {
		if after = found.LastStableOffset; after < 0 { // of a broker that knows no transactions
			after = found.HighWatermark
		}
	}
	return nil, max(after, from), nil
}
