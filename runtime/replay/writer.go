package replay

import (
	"cmp"
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// What one transaction holds at most; a single letter may be more.
const (
	maxLetters = 500
	maxBytes   = 4 << 20
)

// TransactionalID is that of replays and purges of a dead-letter topic's letters.
func TransactionalID(deadLetterTopic string) string { return "trestle-replay-" + deadLetterTopic }

// writer resolves letters of one dead-letter topic. Of the writers of a topic the last that took its transactional id is the only one that can
// commit. It takes that with the first transaction, not before: who finds nothing to write ends nobody else's work, and who ends it has done some
// soon after. Else two that read for longer than they wait for one another would end each other for ever.
type writer struct {
	r       *Replayer
	topic   string
	client  *kgo.Client
	sources *sources
	pace    *pace
	done    func(done)

	begun    bool                        // it has taken the id
	noted    *noted                      // what is resolved; nil: it takes resolutions back alone
	selected func(context.Context) error // fails where the topic is no longer the one whose letters were selected

	letters []written // in hand
	bytes   int
	records []*kafka.Record
	taken   []*kgo.Record // of the transaction, by brokers
}

// written is a letter that a transaction resolves, and what that sends.
type written struct {
	*chosen // nil where a resolution is taken back
	prepared
	back []byte // the key of a resolution that is taken back, instead; nil: none is
}

// mark is the record of its resolution, once what it sends has been written.
func (l *written) mark(topic string) *kafka.Record {
	if l.back != nil {
		return &kafka.Record{Topic: topic, Key: l.back}
	}
	if len(l.records) > 0 {
		first := l.records[0]
		l.resolution.To = Position{first.Topic, first.Partition, first.Offset}
	}
	return &kafka.Record{
		Topic: topic, Key: resolutionKey(l.log(), l.Offset), Value: l.resolution.appendJSON(nil),
	}
}

// resolve calls each for the letters of the selection that are not resolved, topic by topic, and done after each transaction.
func (s *Selection) resolve(ctx context.Context, each func(context.Context, *writer, *chosen) error, done func(done), pace *pace) error {
	if s.unresolvable != nil {
		return s.unresolvable
	}
	noted := s.newNoted()
	for _, topic := range s.topics {
		if err := s.resolveTopic(ctx, topic, noted, each, done, pace); err != nil {
			return err
		}
	}
	return s.r.takeBackGone(ctx, noted.others)
}

// noted is what the topic of resolutions says, as far as it was read. The writers of a selection's topics share it, one after another, so that it is read once.
type noted struct {
	r      *Replayer
	ids    map[string]string
	read   kafka.Offsets
	known  resolutions       // of the selection's letters
	stale  map[string]*stale // by topic of the selection
	others map[string]bool   // topics that have resolutions and are not the selection's
}

func (s *Selection) newNoted() *noted {
	n := &noted{r: s.r, ids: s.ids, known: resolutions{}, stale: map[string]*stale{}, others: map[string]bool{}}
	for _, topic := range s.topics {
		n.stale[topic] = s.r.newStale(s.isGone)
	}
	return n
}

// readOn reads what is noted and has not been read yet.
func (n *noted) readOn(ctx context.Context, client *kgo.Client) error {
	ends := kafka.Offsets{}
	if err := list(ctx, kadm.NewClient(client).ListCommittedOffsets, []string{n.r.opts.Resolutions}, ends); err != nil {
		return err
	}
	for note, err := range n.r.notes(ctx, kafka.FromOffsets(n.read), kafka.ToOffsets(ends)) {
		if err != nil {
			return err
		}
		id, selected := n.ids[note.log.topic]
		if !selected {
			n.others[note.log.topic] = true
			continue
		}
		if note.log.id == id {
			n.known.take(&note)
		}
		n.stale[note.log.topic].see(&note)
	}
	n.read = ends
	return nil
}

func (s *Selection) resolveTopic(ctx context.Context, topic string, noted *noted, each func(context.Context, *writer, *chosen) error, done func(done), pace *pace) error {
	if err := s.checkIDs(ctx, []string{topic}); err != nil {
		return err
	}
	w, err := s.r.newWriter(topic, done, pace)
	if err != nil {
		return err
	}
	defer w.client.Close()
	w.noted, w.selected = noted, func(ctx context.Context) error { return s.checkIDs(ctx, []string{topic}) }
	if err := noted.readOn(ctx, w.client); err != nil {
		return err
	}
	for l, err := range s.chosen(ctx, topic, noted.known) {
		if err != nil {
			return err
		}
		if err := each(ctx, w, l); err != nil {
			return err
		}
	}
	if err := w.commit(ctx); err != nil {
		return err
	}
	return w.takeBack(ctx, noted.stale[topic])
}

func (r *Replayer) newWriter(topic string, done func(done), pace *pace) (*writer, error) {
	client, err := r.conn.Client(
		kgo.TransactionalID(TransactionalID(topic)), kgo.TransactionTimeout(r.opts.Timeout),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // as publishers have it: events stay with their key
		kgo.ProducerBatchCompression(kgo.GzipCompression()),  // as publishers have it: who reads the topic may know no other
		kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(maxBatch), kgo.MetadataMinAge(kafka.MetadataMinAge),
	)
	if err != nil {
		return nil, err
	}
	return &writer{r: r, topic: topic, client: client, sources: r.newSources(client), pace: pace, done: done}, nil
}

// take takes the transactional id from whoever has it, and waits until what they committed can be read.
func (w *writer) take(ctx context.Context) error {
	initCtx, cancel := context.WithTimeout(ctx, w.r.opts.Timeout)
	defer cancel()
	if _, _, err := w.client.ProducerID(initCtx); err != nil {
		return fenced(w.topic, fmt.Errorf("take transactional id %s: %w", TransactionalID(w.topic), err))
	}
	w.begun = true
	return w.r.settled(ctx, w.client)
}

// begin takes the id, unless it has it, and takes in what others have resolved until then: they can commit nothing more.
func (w *writer) begin(ctx context.Context) error {
	if w.begun {
		return nil
	}
	if err := w.take(ctx); err != nil {
		return err
	}
	if err := w.selected(ctx); err != nil {
		return err
	}
	if err := w.noted.readOn(ctx, w.client); err != nil {
		return err
	}
	var d done
	letters := w.letters
	w.letters, w.records, w.bytes = nil, nil, 0
	for _, l := range letters {
		if l.chosen != nil && w.noted.known.of(l.Letter) != nil {
			d.elsewhere = append(d.elsewhere, l.chosen)
			d.withoutPurged += l.withoutPurged + l.unpurge()
			continue
		}
		w.hold(l)
	}
	if len(d.elsewhere) > 0 {
		w.done(d)
	}
	return nil
}

// hold puts a letter into the next transaction.
func (w *writer) hold(l written) {
	w.letters = append(w.letters, l)
	w.records = append(w.records, l.prepared.records...)
	w.bytes += l.size()
}

// size is that of what it sends, in bytes.
func (p *prepared) size() (n int) {
	for _, r := range p.records {
		n += r.Size()
	}
	return n
}

// maxBatch bounds the client's batches; what is sent at once is bounded by the topics' own limits before.
const maxBatch = 64 << 20

// add puts a letter into the next transaction, and commits that if it is full.
func (w *writer) add(ctx context.Context, l *chosen, p prepared) error {
	if len(w.letters) > 0 && w.bytes+p.size() > maxBytes {
		if err := w.commit(ctx); err != nil {
			return err
		}
	}
	w.hold(written{chosen: l, prepared: p})
	if max(len(w.letters), len(w.records)) >= min(w.pace.most(), w.r.perTransaction) || w.bytes >= maxBytes {
		return w.commit(ctx)
	}
	return nil
}

// maxTries is how often a transaction is tried that the cluster does not take, and that was aborted.
const maxTries = 3

// commit sends what is in hand, and what it resolves, in one transaction. Once that has begun, ctx does not end it.
func (w *writer) commit(ctx context.Context) error {
	if len(w.letters) == 0 {
		return ctx.Err()
	}
	if err := w.pace.await(ctx, len(w.records)); err != nil {
		return err
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	if len(w.letters) == 0 {
		return nil // others have resolved them meanwhile
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.r.opts.Timeout)
	defer cancel()
	for try := 1; ; try++ {
		aborted, err := w.write(ctx)
		if err == nil {
			break
		}
		if !aborted || try == maxTries {
			return err
		}
	}
	if err := kafka.EndTransaction(ctx, w.client, kgo.TryCommit, w.taken); err != nil {
		return fenced(w.topic, fmt.Errorf("commit of %d letters, which may have happened (a replay that is begun again knows): %w", len(w.letters), err))
	}
	d := done{letters: len(w.letters)}
	for i := range w.letters {
		if l := &w.letters[i]; l.chosen != nil && l.Follower {
			d.followers++
		}
		d.withoutPurged += w.letters[i].withoutPurged
	}
	w.letters, w.bytes, w.records = nil, 0, nil
	w.done(d)
	return nil
}

// write begins a transaction and writes into it what is in hand. With an error it may have been aborted: then nothing of it is there.
func (w *writer) write(ctx context.Context) (aborted bool, err error) {
	if err := w.client.BeginTransaction(); err != nil {
		return false, fenced(w.topic, err)
	}
	w.taken = w.taken[:0]
	if err = w.produce(ctx, w.records); err == nil {
		marks := make([]*kafka.Record, len(w.letters))
		for i := range w.letters {
			marks[i] = w.letters[i].mark(w.r.opts.Resolutions)
		}
		err = w.produce(ctx, marks)
	}
	if err == nil || ctx.Err() != nil { // what is under way then can't be waited for: brokers abort it, or the next writer
		return false, fenced(w.topic, err)
	}
	return kafka.EndTransaction(ctx, w.client, kgo.TryAbort, w.taken) == nil, fenced(w.topic, err)
}

// produce sends records, as many at once as the smallest of their topics takes in one batch.
func (w *writer) produce(ctx context.Context, records []*kafka.Record) error {
	for len(records) > 0 {
		n, size, most := 0, 0, 0
		for n < len(records) {
			r := records[n]
			limit := w.sources.limits.Record(r.Topic)
			if n > 0 && size+r.Size() > min(most, limit) {
				break
			}
			if n == 0 {
				most = limit
			}
			n, size, most = n+1, size+r.Size(), min(most, limit)
		}
		if err := w.send(ctx, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// send waits for records to be written. A client with a transaction goes on with what it has sent after ctx ends: it is of no use then.
func (w *writer) send(ctx context.Context, records []*kafka.Record) error {
	results := make(chan kgo.ProduceResult, len(records))
	for _, r := range records {
		w.client.Produce(ctx, kafka.ToClient(r), func(sent *kgo.Record, err error) {
			r.Partition, r.Offset = sent.Partition, sent.Offset
			results <- kgo.ProduceResult{Record: sent, Err: err}
		})
	}
	var first error
	for range records {
		select {
		case result := <-results:
			if result.Err == nil {
				w.taken = append(w.taken, result.Record)
			} else if first == nil {
				first = fmt.Errorf("write to %s: %w", result.Record.Topic, result.Err)
			}
		case <-ctx.Done():
			return cmp.Or(first, ctx.Err())
		}
	}
	return first
}
