package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/internal/testseam"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// positions are how far groups have committed, by group, topic and partition.
type positions map[string]map[string]map[int32]int64

// drain waits until all that is in the logs of a stream is committed by its groups.
func (w *world) drain(s *stream) {
	w.t.Helper()
	w.eventually("all of "+s.topic.Name+" is handled and committed", func(ctx context.Context) error {
		for _, r := range s.readers {
			for _, topic := range append([]string{s.topic.Name}, r.also...) {
				if err := w.isDrained(ctx, r.group, topic); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (w *world) isDrained(ctx context.Context, group, topic string) error {
	ends, err := w.ends(ctx, topic)
	if err != nil {
		return err
	}
	at, err := w.look(ctx)
	if err != nil {
		return err
	}
	for id, end := range ends {
		if committed := at[group][topic][id]; committed != end && end > 0 {
			return fmt.Errorf("%s has committed partition %d of %s up to %d of %d", group, id, topic, committed, end)
		}
	}
	return nil
}

// ends are where the partitions of a topic end.
func (w *world) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	listed, err := w.admin.ListEndOffsets(ctx, topic)
	if err := errors.Join(err, listed.Error()); err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	if len(ends) == 0 {
		return nil, errors.New("no partitions")
	}
	return ends, nil
}

// look takes in how far the groups have committed.
func (w *world) look(ctx context.Context) (positions, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	all := positions{}
	for _, s := range w.streams {
		for _, r := range s.readers {
			if all[r.group] != nil {
				continue
			}
			commits, err := w.admin.FetchOffsets(ctx, r.group)
			if err := errors.Join(err, commits.Error()); err != nil {
				return nil, err
			}
			all[r.group] = w.noteCommits(r.group, commits)
		}
	}
	return all, nil
}

// noteCommits needs mu.
func (w *world) noteCommits(group string, commits kadm.OffsetResponses) map[string]map[int32]int64 {
	now, at := time.Now().UnixNano(), map[string]map[int32]int64{}
	commits.Each(func(o kadm.OffsetResponse) {
		note, judged := w.topicNote[o.Topic]
		if o.At < 0 || judged && !slices.Contains(strings.Fields(o.Metadata), note) {
			return
		}
		if at[o.Topic] == nil {
			at[o.Topic] = map[int32]int64{}
		}
		at[o.Topic][o.Partition] = o.At
		if judged {
			era := 0
			if o.Topic == steps.Name {
				era = w.role.Era
			}
			w.snapshots[o.Topic] = append(w.snapshots[o.Topic], snapshot{group, era, o.Partition, o.At, now, testseam.DoneIn(o.Metadata, o.At)})
		}
	})
	return at
}

// lookEvery takes in from time to time how far the groups have committed, until ctx ends.
func (w *world) lookEvery(ctx context.Context, every time.Duration) {
	for {
		select {
		case <-time.After(every):
			_, _ = w.look(ctx) // while the cluster is away there is nothing to see
		case <-ctx.Done():
			return
		}
	}
}

func (w *world) connection() kafka.Connection { return kafka.Connection{Brokers: w.role.Brokers} }

// read calls each for every committed record of a topic, those of a partition in order.
func (w *world) read(topic string, each func(*kafka.Record)) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience)
	defer cancel()
	for r, err := range kafka.Scan(ctx, w.connection(), []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			w.t.Fatalf("read %s: %v", topic, err)
		}
		each(r)
	}
}

// readLog takes in a topic's log as it stands.
func (w *world) readLog(topic string) (log []logged) {
	w.t.Helper()
	w.read(topic, func(r *kafka.Record) {
		id, err := stepOf(r.Headers)
		if err != nil {
			w.t.Fatal(err)
		}
		one := logged{place{id.era, r.Partition, r.Offset}, id, nil}
		if isReplay(r.Headers) {
			one.replay = &replayed{r.Header(wire.HeaderReplaySource), r.Header(wire.HeaderReplayGroup)}
		}
		log = append(log, one)
	})
	return log
}

// readLetters takes in the dead letters of a topic, each tried as the record that a replay of it would write.
func (w *world) readLetters(topic *trestle.TopicInfo) (letters []letter) {
	w.t.Helper()
	types := trestle.NewTypes(stepInfo, orderInfo, noteInfo)
	w.read(topic.DeadLetter, func(r *kafka.Record) {
		l := letter{at: replay.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}.String()}
		defer func() { letters = append(letters, l) }()
		d, err := deadletter.Parse(r)
		if err != nil {
			return
		}
		l.group = d.ConsumerGroup
		again := trestle.Record{Topic: d.SourceTopic, Key: d.Original.Key, Value: d.Original.Value, Headers: d.Original.Headers}
		decoded, err := trestle.Decode(&again, types, trestle.DecodeOptions{})
		e, ok := decoded.Event.(interface{ plain() *step })
		switch {
		case err == nil && ok && d.SourceTopic == topic.Name && string(again.Key) == e.plain().Key:
			s := e.plain()
			l.step, l.reason = &stepID{s.Era, s.Key, s.N}, d.Error.Message
		case d.Original.Omitted > 0:
			l.reason = d.Error.Message
		}
	})
	return letters
}

// evidence is what there is of a stream, but for the lines of the ledger.
func (w *world) evidence(s *stream) *evidence {
	w.t.Helper()
	e := &evidence{stream: *s, rewinds: w.rewinds, snapshots: w.snapshots[s.topic.Name], log: w.readLog(s.topic.Name), letters: w.readLetters(s.topic)}
	switch s.topic {
	case steps:
		e.log = append(w.log, e.log...)
		return e
	case orders:
		e.stored = map[stepID]bool{}
		for id := range w.query(`SELECT key, n, 1 FROM changes`) {
			e.stored[id] = true
		}
	}
	e.effects = w.query(`SELECT key, n, count(*) FROM effects WHERE topic = $1 GROUP BY key, n`, s.topic.Name)
	return e
}
