package trestle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
)

// replies reads topics of responses and status events, and hands each event to the calls that wait for it.
type replies struct {
	cfg     *callerConfig
	id      string // of the caller, in what it asks
	client  *kgo.Client
	limited *slog.Logger // for what may be said again and again
	limits  *kafka.Limits
	ctx     context.Context // ends when it is closed
	stop    context.CancelFunc
	done    sync.WaitGroup
	called  chan struct{} // a call has begun

	fetching sync.Mutex // held, before mu, while it is changed which partitions are read

	mu      sync.Mutex
	opening map[string]chan struct{} // by topic: held while it is added, so that two calls don't add it twice
	topics  map[string]*replyTopic   // read from where they ended when they were added
	absent  map[string]time.Time     // topics of dead letters that can't be read, and when that was found out
	calls   int
}

// replyTopic is a topic that is read.
type replyTopic struct {
	partitions map[int32]time.Time // that are read, and since when
	parts      *parts              // nil: all partitions are to be read
	expected   map[*EventInfo]*expected
	asked      map[string]*waitingCall // whose requests' dead letters come here, by askedAs
	awaited    int                     // how many of these don't know the event id of their request
}

// expected is an event type that calls wait for, and who does.
type expected struct {
	info     *EventInfo
	types    *Types                  // it alone
	waiting  map[string]*waitingCall // by correlation id, in lower case
	watching map[*waitingCall]func(context.Context, Event)
}

// waitingCall is a call that waits.
type waitingCall struct {
	begun                    time.Time
	correlationID, sessionID string // in lower case
	givenID                  string // the correlation id as it was given
	request                  *EventInfo
	requestID                string         // in lower case; empty: not known
	needs                    map[int32]bool // partitions of the reply's topic, where only some are read
	reply                    *EventInfo
	watchers                 []event.Watcher
	answer                   chan answer   // takes the first
	news                     chan struct{} // there are statuses

	mu       sync.Mutex
	statuses []status
}

type answer struct {
	event Event
	err   error
}

type status struct {
	event  Event
	notify func(context.Context, Event)
}

// maxStatuses is how many status events wait for a call's function.
const maxStatuses = 256

func newWaiting(request *EventInfo, ids eventIDs, reply *EventInfo, watchers []event.Watcher) *waitingCall {
	return &waitingCall{
		begun: time.Now(), correlationID: strings.ToLower(ids.correlation), givenID: ids.correlation,
		sessionID: strings.ToLower(ids.session), request: request, requestID: strings.ToLower(ids.event), reply: reply,
		watchers: watchers, answer: make(chan answer, 1), news: make(chan struct{}, 1),
	}
}

// askedAs is under which name a call waits for the dead letter of its request.
func (w *waitingCall) askedAs() string {
	if w.requestID == "" {
		return "reply " + w.reply.Type + " of " + w.correlationID
	}
	return w.requestID
}

func (w *waitingCall) deliver(a answer) {
	select {
	case w.answer <- a:
	default: // it has one
	}
}

func (w *waitingCall) push(s status) {
	w.mu.Lock()
	if len(w.statuses) == maxStatuses {
		w.statuses = slices.Delete(w.statuses, 0, 1)
	}
	w.statuses = append(w.statuses, s)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// drain calls the call's functions with the statuses that wait.
func (w *waitingCall) drain(ctx context.Context) {
	w.mu.Lock()
	statuses := w.statuses
	w.statuses = nil
	w.mu.Unlock()
	for _, s := range statuses {
		s.notify(ctx, s.event)
	}
}

func newReplies(cfg *callerConfig) (*replies, error) {
	limits := kafka.NewLimits(nil)
	client, err := cfg.kafka.Client(append(cfg.clientOptions(), kgo.WithDecompressor(limits))...)
	if err != nil {
		return nil, err
	}
	limits.HoldTo(client)
	ctx, stop := context.WithCancel(context.Background())
	r := &replies{
		cfg: cfg, id: cfg.name, client: client, limited: kafka.LimitLog(client, cfg.logger), limits: limits, ctx: ctx, stop: stop,
		called: make(chan struct{}, 1), opening: map[string]chan struct{}{}, topics: map[string]*replyTopic{}, absent: map[string]time.Time{},
	}
	r.done.Go(func() { r.poll(ctx) })
	r.done.Go(func() { r.watchPartitions(ctx) })
	return r, nil
}

func (r *replies) close() {
	r.stop()
	r.done.Wait()
	r.client.Close()
}

// endsRetry is how long to wait before asking again where a topic ends.
const endsRetry = 100 * time.Millisecond

// open has an event type's topic read, from its present end if it wasn't yet: all of it, or the partitions that calls need.
func (r *replies) open(ctx context.Context, info *EventInfo, whole bool) error {
	if r.expect(info, whole) {
		return nil
	}
	topic := info.Topic.Name
	done, err := r.alone(ctx, topic)
	if err != nil {
		return err
	}
	defer done()
	if r.expect(info, whole) {
		return nil
	}
	_ = r.limits.Ask(ctx, r.client, topic) // where brokers don't tell, Kafka's default counts
	ends, err := r.ends(ctx, topic)
	if err != nil {
		return readError(topic, err)
	}
	r.begin(topic, ends, whole, info)
	return nil
}

func readError(topic string, err error) error {
	return fmt.Errorf("read %s: %w", topic, advised("Read", err))
}

// alone waits until nobody else adds a topic. A topic that can't be added yet, as none of its brokers is there, holds up no other.
func (r *replies) alone(ctx context.Context, topic string) (done func(), err error) {
	r.mu.Lock()
	turn := r.opening[topic]
	if turn == nil {
		turn = make(chan struct{}, 1)
		r.opening[topic] = turn
	}
	r.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("read %s: %w", topic, context.Cause(ctx))
	}
}

// begin has a topic read from its ends: the caller's own partition, or all that are not read yet. An event type is looked for there
// from the first record on, or the first error: without one the topic is one of dead letters.
func (r *replies) begin(topic string, ends map[int32]kgo.Offset, whole bool, infos ...*EventInfo) {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	r.mu.Lock()
	t := r.topics[topic]
	if t == nil {
		t = &replyTopic{
			partitions: map[int32]time.Time{}, parts: newParts(r.id, len(ends)),
			expected: map[*EventInfo]*expected{}, asked: map[string]*waitingCall{},
		}
		r.topics[topic] = t
	}
	added := map[int32]kgo.Offset{}
	for id, end := range ends {
		if _, read := t.partitions[id]; !read && (whole || id == t.parts.own()) {
			t.partitions[id], added[id] = time.Now(), end
		}
	}
	if whole {
		t.parts = nil
	}
	for _, info := range infos {
		t.expect(info)
	}
	r.mu.Unlock()
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: added})
}

// expect has an event type looked for if its topic is read already.
func (r *replies) expect(info *EventInfo, whole bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.topics[info.Topic.Name]
	if t == nil || whole && t.parts != nil {
		return false
	}
	t.expect(info)
	return true
}

func (t *replyTopic) expect(info *EventInfo) {
	if t.expected[info] == nil {
		t.expected[info] = &expected{
			info: info, types: NewTypes(info), waiting: map[string]*waitingCall{}, watching: map[*waitingCall]func(context.Context, Event){},
		}
	}
}

// ends finds out where a topic ends, until ctx ends or the cluster refuses for good.
func (r *replies) ends(ctx context.Context, topic string) (map[int32]kgo.Offset, error) {
	for {
		ends, err := r.endsNow(ctx, topic)
		if err == nil || !retriable(err) {
			return ends, err
		}
		if kafka.Sleep(ctx, endsRetry) != nil {
			return nil, fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
	}
}

func (r *replies) endsNow(ctx context.Context, topic string) (map[int32]kgo.Offset, error) {
	listed, err := kadm.NewClient(r.client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	ends := map[int32]kgo.Offset{}
	for id, o := range listed[topic] {
		ends[id] = kgo.NewOffset().At(o.Offset)
	}
	if len(ends) == 0 {
		return nil, kerr.UnknownTopicOrPartition
	}
	return ends, nil
}

// start has a call wait, and what may answer it be read. Where it has no error, remove ends that.
func (r *replies) start(ctx context.Context, w *waitingCall) error {
	if !r.add(w) {
		return fmt.Errorf("another call for %s with this correlation id is under way", w.reply.Type)
	}
	// Only now: partitions that its topic gets meanwhile are found for calls that wait.
	if err := r.reach(ctx, w); err != nil {
		r.remove(w)
		return err
	}
	return nil
}

// add has a call wait. It says false when there is one that waits for the same.
func (r *replies) add(w *waitingCall) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	reply := r.topics[w.reply.Topic.Name].expected[w.reply]
	if reply.waiting[w.correlationID] != nil {
		return false
	}
	reply.waiting[w.correlationID] = w
	if letters := r.lettersOf(w); letters != nil {
		letters.asked[w.askedAs()] = w
		if w.requestID == "" {
			letters.awaited++
		}
	}
	for _, watcher := range w.watchers {
		watching := r.topics[watcher.Info.Topic.Name].expected[watcher.Info].watching
		notify := watcher.Notify
		if other := watching[w]; other != nil {
			notify = func(ctx context.Context, e Event) { other(ctx, e); watcher.Notify(ctx, e) }
		}
		watching[w] = notify
	}
	r.calls++
	select {
	case r.called <- struct{}{}:
	default:
	}
	return true
}

func (r *replies) remove(w *waitingCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.topics[w.reply.Topic.Name].expected[w.reply].waiting, w.correlationID)
	if t := r.topics[w.reply.Topic.Name]; t.parts != nil {
		t.parts.release(w)
	}
	if letters := r.lettersOf(w); letters != nil && letters.asked[w.askedAs()] == w {
		delete(letters.asked, w.askedAs())
		if w.requestID == "" {
			letters.awaited--
		}
	}
	for _, watcher := range w.watchers {
		delete(r.topics[watcher.Info.Topic.Name].expected[watcher.Info].watching, w)
	}
	r.calls--
}

// poll reads until ctx ends.
func (r *replies) poll(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.client.PollFetches(ctx)
		fetches.EachRecord(func(rec *kgo.Record) { r.record(ctx, rec) })
		for _, topic := range kafka.MadeAnew(fetches) {
			r.renew(topic)
		}
		for _, f := range fetches.Errors() {
			if ctx.Err() != nil {
				return
			}
			if errors.Is(f.Err, kerr.UnknownTopicID) {
				continue
			}
			if batch := kafka.TooLarge(f.Err); batch != nil {
				r.passBatch(ctx, batch)
				continue
			}
			if kafka.Classify(f.Err) == kafka.Fatal && r.giveUpLetters(f.Topic, f.Err) {
				continue
			}
			if kafka.Classify(f.Err) == kafka.Fatal {
				r.fail(f.Topic, readError(f.Topic, f.Err))
			}
			r.limited.Warn("fetch of responses failed", "topic", f.Topic, "partition", f.Partition, "error", advised("Read", f.Err))
		}
	}
}

// passBatch goes on behind a batch that is too large to be opened. Nobody's response is in it that keeps to the topic's limit.
func (r *replies) passBatch(ctx context.Context, batch *kgo.ErrDecompressTooLarge) {
	if r.limits.Pass(ctx, r.client, batch, batch.Offset) {
		r.cfg.logger.Warn("batch of responses was not opened: it is too large", "topic", batch.Topic, "partition", batch.Partition,
			"from", batch.Offset, "to", batch.NextOffset-1, "limit", r.limits.Batch())
	}
}

// renew has a topic that was made anew found again, and read from its beginning.
func (r *replies) renew(topic string) {
	r.cfg.logger.Warn("topic was made anew: reading responses from its beginning", "topic", topic)
	r.fetching.Lock()
	defer r.fetching.Unlock()
	r.client.PurgeTopicsFromConsuming(topic)
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.topics[topic]; t != nil {
		clear(t.partitions)
		if t.parts != nil {
			t.parts.count, t.parts.former = 0, 0
		}
	}
}

// fail ends the calls that wait for a topic.
func (r *replies) fail(topic string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.topics[topic]
	if t == nil {
		return
	}
	for _, e := range t.expected {
		for _, w := range e.waiting {
			w.deliver(answer{err: err})
		}
	}
}

// record hands a record to those who wait for it.
func (r *replies) record(ctx context.Context, rec *kgo.Record) {
	r.mu.Lock()
	var wanted []*expected
	letters := false
	if t := r.topics[rec.Topic]; t != nil {
		letters = len(t.asked) > 0
		for _, e := range t.expected {
			if len(e.waiting)+len(e.watching) > 0 {
				wanted = append(wanted, e)
			}
		}
	}
	r.mu.Unlock()
	if len(wanted) == 0 && !letters {
		return
	}
	from := r.limits.Check(ctx, r.client, rec)
	if letters {
		r.letter(&from)
	}
	for _, e := range wanted {
		r.offer(e, &from)
	}
}

// decoding is how records are read.
func (r *replies) decoding() DecodeOptions {
	return DecodeOptions{Keys: r.cfg.patiently(callersPatience), Cipher: r.cfg.patientCipher(callersPatience), Context: r.ctx}
}

// offer hands a record to those who wait for it, if it can be what they wait for.
func (r *replies) offer(e *expected, rec *Record) {
	if r.concerns(e, rec) {
		d, err := Decode(rec, e.types, r.decoding())
		r.hand(e, rec, d, err)
	}
}

func (r *replies) hand(e *expected, rec *Record, d Decoded, err error) {
	if err == nil && d.Event == nil {
		err = errors.New("it has no payload")
	}
	correlation, session := strings.ToLower(d.Envelope.CorrelationID), strings.ToLower(d.Envelope.SessionID)
	if correlation == "" && err != nil { // it may be unreadable; the key of a response is most often the id
		correlation = strings.ToLower(string(rec.Key))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := e.waiting[correlation]; w != nil && !isOther(err, w.reply) {
		a := answer{event: d.Event}
		if err != nil {
			a = answer{err: fmt.Errorf("response at %s/%d, offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)}
		}
		w.deliver(a)
	}
	if err != nil {
		return
	}
	event := d.Event
	for w, notify := range e.watching {
		if w.correlationID != correlation && (w.sessionID == "" || w.sessionID != session) {
			continue
		}
		if event == nil { // each call has an event of its own
			again, _ := Decode(rec, e.types, r.decoding())
			event = again.Event
		}
		w.push(status{event, notify})
		event = nil
	}
}

// isOther says whether a record is of another type that belongs on the topic, and so no response gone wrong.
func isOther(err error, reply *EventInfo) bool {
	unknown, ok := errors.AsType[*UnknownEventTypeError](err)
	return ok && unknown.EventType != reply.Type && slices.Contains(reply.Topic.EventTypes, unknown.EventType)
}

// partitionCheck is how often to look for partitions that were added, while calls wait.
const partitionCheck = time.Second

// watchPartitions finds partitions that are added to topics.
func (r *replies) watchPartitions(ctx context.Context) {
	ticker := time.NewTicker(partitionCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		topics := slices.Sorted(maps.Keys(r.topics))
		idle := r.calls == 0
		r.mu.Unlock()
		if idle {
			ticker.Stop()
			select {
			case <-ctx.Done():
				return
			case <-r.called:
			}
			ticker.Reset(partitionCheck)
			continue
		}
		found, err := kadm.NewClient(r.client).ListTopics(ctx, topics...)
		if err != nil {
			continue // the client says itself what is wrong with its connections
		}
		r.follow(found)
	}
}

// follow reads partitions that topics have got, and some no further that no call needs.
func (r *replies) follow(found kadm.TopicDetails) {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	added, removed := r.added(found)
	if len(removed) > 0 {
		r.client.RemoveConsumePartitions(removed)
	}
	if len(added) > 0 {
		r.client.AddConsumePartitions(added)
	}
}

// added returns the partitions that are to be read from now on: new ones from their beginning. Those to remove come first; some
// are then added again.
func (r *replies) added(found kadm.TopicDetails) (added map[string]map[int32]kgo.Offset, removed map[string][]int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	added, removed = map[string]map[int32]kgo.Offset{}, map[string][]int32{}
	for topic, t := range r.topics {
		more := map[int32]kgo.Offset{}
		if t.parts != nil {
			removed[topic] = t.dropUnneeded()
			var again []int32
			if more, again = t.grow(len(found[topic].Partitions)); len(again) > 0 {
				removed[topic] = append(removed[topic], again...)
			}
		} else {
			for id := range found[topic].Partitions {
				if _, read := t.partitions[id]; !read {
					t.partitions[id], more[id] = time.Time{}, kgo.NewOffset().AtStart()
				}
			}
		}
		if len(more) > 0 {
			added[topic] = more
		}
		if len(removed[topic]) == 0 {
			delete(removed, topic)
		}
	}
	return added, removed
}
