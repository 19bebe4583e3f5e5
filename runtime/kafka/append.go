package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// aloneTimeout is how long a transaction of [WriteAlone] or [AppendAfter] may take, before brokers abort it.
const aloneTimeout = 30 * time.Second

// WriteAlone writes what follows from what stands on topics, in one transaction: next is called once all is settled that was written to topic before, and
// returns the records, for whichever topics; none: nothing is written. Of those who write so, with one transactional id, none writes anything between next and
// the commit: who comes later keeps who is not done from committing, and that one begins again behind it, until ctx ends; next may be called again, and has to
// look again. Records without a key go to any partition, others to that of their key.
//
// An error can be of a commit whose answer did not come; then the records may be there.
func WriteAlone(ctx context.Context, conn Connection, topic, transactionalID string, next func() ([]*Record, error)) error {
	return again(ctx, func() error {
		return alone(ctx, conn, topic, transactionalID, kgo.TryCommit, kgo.StickyKeyPartitioner(nil), func(*kgo.Client, Offsets) ([]*Record, error) { return next() })
	})
}

// AppendAfter writes to a topic of one partition what follows from its last record, as [WriteAlone] does: next is called with that record, nil for none, and
// returns the records. With kgo.TryAbort nothing is written, but all else is done, so that what stands in the way shows.
func AppendAfter(
	ctx context.Context, conn Connection, topic, transactionalID string, how kgo.TransactionEndTry, next func(last *Record) ([]*Record, error),
) error {
	var tried []*Record
	return again(ctx, func() error {
		return alone(ctx, conn, topic, transactionalID, how, kgo.ManualPartitioner(), func(client *kgo.Client, ends Offsets) ([]*Record, error) {
			there := false
			last, err := lastRecord(ctx, conn, client, topic, ends, func(r *Record) {
				there = there || len(tried) > 0 && bytes.Equal(r.Value, tried[0].Value)
			})
			if err != nil || there { // the commit of an earlier attempt was one
				return nil, err
			}
			records, err := next(last)
			for _, r := range records {
				r.Topic, r.Partition = topic, 0
			}
			if how == kgo.TryCommit {
				tried = records
			}
			return records, err
		})
	})
}

// unknownTries is how often [again] makes an attempt that brokers end with an error they have no name for.
const unknownTries = 10

// again makes attempts until one is not fenced by somebody else, or ctx ends. Brokers do not always know that it was: of a transaction's end that meets another's
// beginning they may say UNKNOWN_SERVER_ERROR, which says nothing of what was committed, and may have other reasons.
func again(ctx context.Context, attempt func() error) error {
	backoff := Backoff{20 * time.Millisecond, time.Second}
	for tries, unknown := 1, 0; ; tries++ {
		err := attempt()
		if errors.Is(err, kerr.UnknownServerError) {
			unknown++
		} else if !isFenced(err) {
			return err
		}
		if unknown == unknownTries || Sleep(ctx, backoff.After(tries)) != nil {
			return err
		}
	}
}

// isFenced says that somebody, or the client itself, has begun anew with the transactional id, and so ended a transaction that was open.
func isFenced(err error) bool {
	return errors.Is(err, ErrSplitTransaction) || errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.InvalidTxnState) ||
		errors.Is(err, kerr.ConcurrentTransactions)
}

// alone makes one attempt. What next returns follows from what stands before the ends that the topic has when nothing of it is open.
func alone(
	ctx context.Context, conn Connection, topic, transactionalID string, how kgo.TransactionEndTry, partitioner kgo.Partitioner,
	next func(client *kgo.Client, ends Offsets) ([]*Record, error),
) error {
	client, err := conn.Client(
		kgo.TransactionalID(transactionalID), kgo.TransactionTimeout(aloneTimeout), kgo.ProducerLinger(0), kgo.MetadataMinAge(MetadataMinAge),
		kgo.RecordPartitioner(partitioner), kgo.ProducerBatchCompression(kgo.GzipCompression()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, _, err := client.ProducerID(ctx); err != nil { // whoever had the id can commit no more
		return fmt.Errorf("begin to write to %s: %w%s", topic, err, AdviceOn("Write", err))
	}
	ends, err := AwaitSettled(ctx, client, topic)
	if err != nil {
		return err
	}
	records, err := next(client, ends)
	if err != nil || len(records) == 0 {
		return err
	}
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	sending := make([]*kgo.Record, len(records))
	for i, r := range records {
		sending[i] = ToClient(r)
	}
	if err := client.ProduceSync(ctx, sending...).FirstErr(); err != nil {
		return fmt.Errorf("write to %s: %w%s", topic, err, AdviceOn("Write", err)) // the next to come, or the brokers, abort it
	}
	if err := EndTransaction(ctx, client, how, sending); err != nil {
		return fmt.Errorf("end the transaction on %s: %w", topic, err)
	}
	return nil
}

// lastRecord returns the last record that is committed on a topic of one partition, which ends there, and calls seen for it and some before it.
func lastRecord(ctx context.Context, conn Connection, client *kgo.Client, topic string, ends Offsets, seen func(*Record)) (*Record, error) {
	if n := len(ends[topic]); n != 1 {
		return nil, fmt.Errorf("topic %s has %d partitions, and what is chained needs one", topic, n)
	}
	starts, err := kadm.NewClient(client).ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("find where %s begins: %w%s", topic, err, AdviceOn("Describe", err))
	}
	start, _ := starts.Lookup(topic, 0)
	end := ends[topic][0]
	for behind := int64(100); ; behind *= 8 {
		from := max(start.Offset, end-behind)
		var last *Record
		for r, err := range Scan(ctx, conn, []string{topic}, FromOffset(from), ToEnd()) {
			if err != nil {
				return nil, err
			}
			seen(r)
			last = r
		}
		if last != nil || from == start.Offset {
			return last, nil
		}
	}
}

// AwaitSettled waits until no transaction is open that has written to a topic before, which hides what others have committed behind it, and returns where the
// topic's partitions ended when it began.
func AwaitSettled(ctx context.Context, client *kgo.Client, topic string) (ends Offsets, err error) {
	admin := kadm.NewClient(client)
	list := func(from func(context.Context, ...string) (kadm.ListedOffsets, error)) (Offsets, error) {
		listed, err := from(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("find where %s ends: %w%s", topic, err, AdviceOn("Describe", err))
		}
		found := Offsets{}
		listed.Each(func(o kadm.ListedOffset) { found.Set(o.Topic, o.Partition, o.Offset) })
		return found, nil
	}
	if ends, err = list(admin.ListEndOffsets); err != nil {
		return nil, err
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		committed, err := list(admin.ListCommittedOffsets)
		if err != nil {
			return nil, err
		}
		open := false
		for partition, end := range ends[topic] {
			open = open || committed[topic][partition] < end
		}
		if !open {
			return ends, nil
		}
		if err := Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("wait for the end of transactions on %s: %w", topic, err)
		}
	}
}
