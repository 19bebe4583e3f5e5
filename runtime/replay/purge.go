package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/omninode/trestle/runtime/kafka"
)

// Purge records that the selection's letters are resolved, without sending them anywhere, and then has the cluster delete the records of
// their topics before the first letter that is not resolved, within the selection: Kafka deletes no others. It ends as
// [Selection.Replay] does; progress, which may be nil, is called after each transaction.
//
// Followers of a letter stay, unless the filter means them, too: Counts.Followers says how many are to be handled without what was purged before
// them. They are, once they are replayed; events of their key wait behind them until then.
func (s *Selection) Purge(ctx context.Context, progress func(Counts)) (Counts, error) {
	var c Counts
	err := s.resolve(ctx, func(ctx context.Context, w *writer, l *chosen) error {
		if l.link != nil && !l.link.meant {
			return nil
		}
		c.selected(l.Letter)
		return w.add(ctx, l, prepared{resolution: Resolution{Kind: Purged, At: time.Now().UTC(), By: s.r.opts.By}, withoutPurged: l.purge()})
	}, func(d done) {
		c.add(&ReplayOptions{}, d)
		if progress != nil {
			progress(c)
		}
	}, &pace{})
	if err != nil {
		return c, err
	}
	return c, s.cut(ctx)
}

// PlanPurge says what [Selection.Purge] would do, and does nothing of it: nothing is Done.
func (s *Selection) PlanPurge(ctx context.Context) (Counts, error) {
	var c Counts
	for l, err := range s.allChosen(ctx) {
		switch {
		case err != nil:
			return c, err
		case l.link == nil || l.link.meant:
			c.selected(l.Letter)
			c.Followers.WithoutPurged += l.purge()
		}
	}
	return c, nil
}

// cut deletes records before the first letter of each partition that is not resolved.
func (s *Selection) cut(ctx context.Context) error {
	resolved, err := s.r.resolved(ctx, s.ids)
	if err != nil {
		return err
	}
	keep := kafka.Offsets{} // the first letters that are not resolved
	for l, err := range s.scan(ctx, s.topics, s.whole(), resolved) {
		if err != nil {
			return err
		}
		if _, known := keep.Next(l.Topic, l.Partition); l.Resolution == nil && !known {
			keep.Set(l.Topic, l.Partition, l.Offset)
		}
	}
	before := kadm.Offsets{}
	for topic, partitions := range s.ends {
		for partition, end := range partitions {
			if first, some := keep.Next(topic, partition); some {
				end = first
			}
			if start, _ := s.starts.Next(topic, partition); end > start {
				before.Add(kadm.Offset{Topic: topic, Partition: partition, At: end})
			}
		}
	}
	client, err := s.r.conn.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	answers, err := kadm.NewClient(client).DeleteRecords(ctx, before)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return fmt.Errorf("letters are resolved; delete their records: %w%s", err, kafka.AdviceOn("Delete", err))
	}
	return nil
}
