package trestle

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// commitNote is what the group's commits say beside their offsets, as their metadata: every member can tell from any
// of them which partitions are new to the group, and whether an offset belongs to the log that has the topic's name now.
type commitNote struct {
	topic kadm.TopicID
	first int // how many partitions the topic had when the group first read it
}

// commitNoteVersion begins the notes of this version. What follows are names and values; members pass over names that
// they don't know.
const commitNoteVersion = "trestle/1"

func (n commitNote) String() string {
	return fmt.Sprintf("%s topic=%s first=%d", commitNoteVersion, base64.RawURLEncoding.EncodeToString(n.topic[:]), n.first)
}

// parseCommitNote reads a commit's metadata. It says false for those that others wrote.
func parseCommitNote(metadata string) (commitNote, bool) {
	var n commitNote
	var hasTopic, hasFirst bool
	for name, value := range commitWords(metadata) {
		switch name {
		case "topic":
			id, err := base64.RawURLEncoding.DecodeString(value)
			hasTopic = err == nil && copy(n.topic[:], id) == len(n.topic)
		case "first":
			first, err := strconv.Atoi(value)
			n.first, hasFirst = first, err == nil && first >= 0
		}
	}
	return n, hasTopic && hasFirst
}

// commitWords goes through the words of a commit's metadata: through none of those that others wrote.
func commitWords(metadata string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest, ours := strings.CutPrefix(metadata, commitNoteVersion+" ")
		if !ours {
			return
		}
		for word := range strings.FieldsSeq(rest) {
			if name, value, _ := strings.Cut(word, "="); !yield(name, value) {
				return
			}
		}
	}
}

// commitNotes are the notes of the topics that a member reads.
type commitNotes struct {
	mu      sync.Mutex
	byTopic map[string]commitNote
	limit   int // bytes of a commit's metadata
}

// awaited notes that a topic does not exist yet, so that all its partitions will be new.
func (n *commitNotes) awaited(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.byTopic[topic] = commitNote{}
}

// settle finds out how many partitions a topic had when the group first read it, from what this member knows and from
// the group's commits, and keeps it.
func (n *commitNotes) settle(topic kadm.TopicDetail, commits map[int32]kadm.OffsetResponse) commitNote {
	n.mu.Lock()
	defer n.mu.Unlock()
	note := commitNote{topic: topic.ID, first: len(topic.Partitions)}
	if known, ok := n.byTopic[topic.Topic]; ok {
		note.first = known.first
		if known.topic != topic.ID {
			note.first = 0 // it was awaited, or was made anew
		}
	}
	foreign, ours := false, false
	for _, c := range commits {
		if c.Err != nil || c.At < 0 {
			continue
		}
		other, isOurs := parseCommitNote(c.Metadata)
		switch {
		case !isOurs:
			foreign = true
		case other.topic != topic.ID: // the group has read a topic of this name before
			ours, note.first = true, 0
		default:
			ours, note.first = true, min(note.first, other.first)
		}
	}
	if foreign && !ours {
		note.first = 0 // whoever committed read the topic, and said no more
	}
	n.byTopic[topic.Topic] = note
	return note
}

// topicID is the id of the log that a topic's records are read from, as a UUID; empty where it is not known.
func (n *commitNotes) topicID(topic string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return kafka.TopicIDText(n.byTopic[topic].topic)
}

// shorten has commits say half as much, as a broker takes less. It says false when there is no more to leave out.
func (n *commitNotes) shorten() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.limit /= 2
	return n.limit > 0
}

// addTo writes the notes into a commit, and what is done beyond its offsets.
func (n *commitNotes) addTo(req *kmsg.OffsetCommitRequest, all map[topicPartition]progress) error {
	for i := range req.Topics {
		topic := &req.Topics[i]
		for j := range topic.Partitions {
			tp := topicPartition{topic.Topic, topic.Partitions[j].Partition}
			if metadata, _ := n.of(tp, all[tp]); metadata != "" {
				topic.Partitions[j].Metadata = &metadata
			}
		}
	}
	return nil
}

// of is the metadata of a partition's commit; empty while nothing is known of its topic. It says whether that has all that is done.
func (n *commitNotes) of(tp topicPartition, now progress) (metadata string, all bool) {
	n.mu.Lock()
	note, known := n.byTopic[tp.topic]
	limit := n.limit
	n.mu.Unlock()
	switch {
	case !known:
		return "", len(now.done) == 0
	case now.log != note.topic || now.log == (kadm.TopicID{}):
		return note.String(), len(now.done) == 0
	}
	metadata = now.appendDone(note.String(), limit)
	return metadata, len(doneIn(metadata, now.at.Offset)) == len(now.done)
}

// room is how many bytes a commit's metadata may have.
func (n *commitNotes) room() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.limit
}

// placed is what the cluster knows of the places where a group can begin.
type placed struct {
	topics       kadm.TopicDetails
	starts, ends kadm.ListedOffsets
	commits      kadm.OffsetResponses
}

func (m *member) findPlaces(ctx context.Context, topics []string) (placed, error) {
	admin := kadm.NewClient(m.client)
	var p placed
	var errs [4]error
	p.topics, errs[0] = admin.ListTopics(ctx, topics...)
	p.commits, errs[1] = admin.FetchOffsets(ctx, m.group)
	p.starts, errs[2] = admin.ListStartOffsets(ctx, topics...)
	p.ends, errs[3] = admin.ListCommittedOffsets(ctx, topics...)
	for i, err := range errs {
		if _, some := errors.AsType[*kadm.ShardErrors](err); some {
			errs[i] = nil // of those brokers' partitions the client finds the place itself
		}
	}
	return p, errors.Join(errs[:]...)
}

// placeStarts decides where partitions that the group is assigned begin. Where it has no commit, that is committed at
// once: a group that starts with the latest record and dies before its first commit would otherwise skip what came in
// between.
func (m *member) placeStarts(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-m.joined
	topics := slices.Sorted(maps.Keys(offsets))
	_ = m.limits.Ask(ctx, m.client, topics...) // where brokers don't tell, what the schemas declare counts
	places, err := m.findPlaces(ctx, topics)
	if err != nil {
		return nil, fmt.Errorf("find where partitions begin: %w", err)
	}
	for name, partitions := range offsets {
		topic, ok := places.topics[name]
		if !ok || topic.Err != nil {
			continue // it has gone again
		}
		note := m.notes.settle(topic, places.commits[name])
		for id, committed := range partitions {
			if err := m.knowsCommit(topicPartition{name, id}, committed, places); err != nil {
				return nil, err
			}
			partitions[id] = m.placeStart(topicPartition{name, id}, committed, note, places)
		}
	}
	m.commitNow()
	return offsets, nil
}

// knowsCommit says why the metadata of a partition's commit is not known. Where what handlers publish goes with commits, what is done beyond
// one may not be handled again.
func (m *member) knowsCommit(tp topicPartition, committed kgo.Offset, places placed) error {
	at := committed.EpochOffset().Offset
	if m.transactions == nil || at < 0 {
		return nil
	}
	commit, ok := places.commits.Lookup(tp.topic, tp.id)
	switch {
	case !ok:
		return fmt.Errorf("find where %s/%d begins: the commit of offset %d is not found any more", tp.topic, tp.id, at)
	case commit.Err != nil:
		return fmt.Errorf("find where %s/%d begins: %w", tp.topic, tp.id, commit.Err)
	case commit.At != at:
		return fmt.Errorf("find where %s/%d begins: offset %d was committed, and now %d is", tp.topic, tp.id, at, commit.At)
	}
	return nil
}

func (m *member) placeStart(tp topicPartition, committed kgo.Offset, note commitNote, places placed) kgo.Offset {
	next := committed.EpochOffset().Offset // negative where there is none
	commit, _ := places.commits.Lookup(tp.topic, tp.id)
	other, ours := parseCommitNote(commit.Metadata)
	var done []doneRun
	if ours && other.topic == note.topic && note.topic != (kadm.TopicID{}) && commit.At == next {
		done = doneIn(commit.Metadata, next)
	}
	m.queue.foundDone(tp, note.topic, done)
	if next >= 0 && ours && other.topic != note.topic {
		m.cfg.logger.Warn("topic was made anew: reading it from its beginning", "topic", tp.topic, "partition", tp.id)
		next = -1
	}
	start, known := listedOffset(places.starts, tp)
	fromStart := m.cfg.start == Earliest || int(tp.id) >= note.first || m.queue.sources[tp.topic] != ""
	switch {
	case next >= 0 && known && next < start:
		m.lost(tp, next, start)
		next = start
	case next >= 0:
		m.queue.resumeAt(tp, committed.EpochOffset())
		return committed
	case fromStart && !known:
		return kgo.NewOffset().AtStart()
	case fromStart:
		next = start
	default:
		end, known := listedOffset(places.ends, tp)
		if !known {
			return kgo.NewOffset().AtEnd()
		}
		next = end
	}
	m.queue.startAt(tp, next)
	return kgo.NewOffset().At(next)
}

func listedOffset(list kadm.ListedOffsets, tp topicPartition) (int64, bool) {
	o, ok := list.Lookup(tp.topic, tp.id)
	return o.Offset, ok && o.Err == nil
}

// await finds out which topics exist before the group is joined: those that don't are read from their beginning once
// they do. The consumer waits for them, and for the cluster, unless that does not let it in. others are topics that it
// writes.
func (m *member) await(ctx context.Context, topics, others []string) error {
	admin := kadm.NewClient(m.client)
	for failures := 1; ; failures++ {
		lookCtx, cancel := context.WithTimeout(ctx, 2*refusalPatience)
		found, err := admin.ListTopics(lookCtx, slices.Concat(topics, others)...)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			for _, topic := range found.Sorted() {
				if kafka.Classify(topic.Err) != kafka.Missing {
					continue
				}
				m.cfg.logger.Warn("topic does not exist: run trestle topics apply?", "topic", topic.Topic)
				if slices.Contains(topics, topic.Topic) {
					m.notes.awaited(topic.Topic)
				}
			}
			return nil
		case kafka.Classify(err) == kafka.Fatal:
			return fmt.Errorf("find topics: %w%s", err, kafka.AdviceOn("Describe", err))
		}
		select {
		case refusal := <-m.refusals:
			return fmt.Errorf("find topics: %w", refusal)
		default: // the client says itself what is wrong with its connections
		}
		if kafka.Sleep(ctx, m.cfg.backoff.After(failures)) != nil {
			return nil
		}
	}
}

// renew has a topic that was made anew found again, and assigned anew: what the client knows of the old one is of no use.
func (m *member) renew(topic string) {
	m.cfg.logger.Warn("topic was made anew: reading it from its beginning", "topic", topic, "group", m.group)
	m.notes.awaited(topic)
	m.client.PurgeTopicsFromConsuming(topic)
	m.client.AddConsumeTopics(topic)
}

func (m *member) refused(refusal *RefusedError) {
	select {
	case m.refusals <- refusal:
	default:
	}
}

// followLog notes how far a partition has been fetched, and reports when records were deleted before they were: that
// the log has holes, of compaction or aborted transactions, is no loss.
func (m *member) followLog(p *partition, f *kgo.FetchTopicPartition) {
	first, last := f.Records[0], f.Records[len(f.Records)-1]
	next := m.queue.fetched(p, last.Offset+1)
	m.queue.endsAt(p, max(f.LastStableOffset, last.Offset+1))
	if next >= 0 && first.Offset > next && f.LogStartOffset > next {
		m.lost(p.tp, next, min(first.Offset, f.LogStartOffset))
	}
}

// lost reports that the log has dropped records before they were handled: from an offset on, up to where it starts now.
func (m *member) lost(tp topicPartition, from, start int64) {
	m.meter.topics[tp.topic].lost.Add(m.ctx, start-from)
	m.cfg.logger.Error("records were deleted before they were handled: does the topic keep them for too short a time?",
		"topic", tp.topic, "partition", tp.id, "from", from, "log_start", start, "lost_offsets", start-from, "group", m.group)
}
