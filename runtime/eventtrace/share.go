package eventtrace

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/kafka"
)

// share is the part of the topics that a sink follows beside others which follow them into the same store. Each tells the store again and
// again that it is at work; who does not for the time of its lease has gone, and the others take over its partitions. Two may follow a
// partition for a while: the store keeps each record once.
type share struct {
	id    string
	lease time.Duration
	due   time.Time           // when to tell the store again
	fails int                 // to tell it, in a row
	sinks map[string][]string // that follow a topic, sorted
}

func newShare(lease time.Duration) *share { return &share{id: uuid.NewString(), lease: lease} }

// picks says whether a partition is this sink's: each sink has a number for it, and the highest wins. So when one goes its partitions
// alone move.
func (s *share) picks(topic string, partition int32) bool {
	own := s.weight(s.id, topic, partition)
	for _, other := range s.sinks[topic] {
		if other != s.id && s.weight(other, topic, partition) > own {
			return false
		}
	}
	return true
}

func (*share) weight(sink, topic string, partition int32) uint64 {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(sink+"\x00"+topic+"\x00"), uint32(partition)))
	return binary.BigEndian.Uint64(sum[:])
}

// sinksOf says which sinks follow each of the topics.
func sinksOf(topics []string, at map[string][]string) map[string][]string {
	sinks := map[string][]string{}
	for _, sink := range slices.Sorted(maps.Keys(at)) {
		for _, topic := range at[sink] {
			if slices.Contains(topics, topic) {
				sinks[topic] = append(sinks[topic], sink)
			}
		}
	}
	return sinks
}

// keepShare tells the store that the sink is at work, when it is time to, and has it follow what is its part now.
func (f *follower) keepShare(ctx context.Context) error {
	s := f.share
	if s == nil || time.Now().Before(s.due) {
		return nil
	}
	begun := time.Now()
	at, err := f.store.Join(ctx, s.id, f.cfg.topics, s.lease)
	if err != nil { // what is read meanwhile waits for the store, too
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.fails++
		pause := min(f.cfg.backoff.After(s.fails), s.lease/3)
		s.due = time.Now().Add(pause)
		return f.Retrying("tell the store that the sink is at work", err, pause)
	}
	s.fails, s.due = 0, begun.Add(s.lease/3)
	sinks := sinksOf(f.cfg.topics, at)
	if maps.EqualFunc(s.sinks, sinks, slices.Equal) {
		return nil
	}
	if err := f.flush(ctx); err != nil { // before others begin with what was this one's
		return err
	}
	if err := f.settle(); err != nil {
		return err
	}
	from, err := f.stored(ctx)
	if err != nil {
		return err
	}
	if len(at) > 1 || s.sinks != nil {
		f.cfg.log.Info("trace: sinks share the topics", slog.Int("sinks", len(at)))
	}
	s.sinks = sinks
	f.reader.Share(s.picks, from)
	return nil
}

// stored is where the store says to go on.
func (f *follower) stored(ctx context.Context) (from kafka.From, err error) {
	var progress Progress
	var ids map[string]string
	err = f.retry(ctx, "read the store's progress", func() (err error) {
		if ids, err = f.store.Topics(ctx); err == nil {
			progress, err = f.store.Progress(ctx)
		}
		return err
	})
	return kafka.FromOffsets(progress).OfTopics(ids).Else(f.cfg.from), err
}

// leave has others take over at once.
func (f *follower) leave(ctx context.Context) {
	if f.share == nil || f.share.sinks == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.share.lease/3)
	defer cancel()
	if err := f.store.Leave(ctx, f.share.id); err != nil {
		f.cfg.log.Warn("trace: could not tell the store that the sink has gone: others wait for the end of its lease", "error", err)
	}
}
