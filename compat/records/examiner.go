package records

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/witness"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// Options say how records are looked at. Zero fields take the defaults.
type Options struct {
	// Unchanged says that an event's schema is the same on both sides, so that nothing is lost of its records; nil: none is.
	Unchanged func(old, next *schema.Event) bool
	// Reveal has findings show what is sensitive.
	Reveal bool
	// Since is from when on records are looked at; zero: all of them.
	Since time.Time
}

// Place is where a record stands: for the original of a dead letter, where the letter does.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // the record's
	// DeadLetter says that it is a letter, whose original is looked at.
	DeadLetter bool
}

// Examiner looks at records, and counts what a set of schemas refuses and loses of them. It may be used from many goroutines.
type Examiner struct {
	opts      Options
	next, old side
	masker    *event.Masker // nil: everything is shown
	// unchanged are events that are the same on both sides, by the full names of their messages; counterparts are the old ones of others.
	unchanged    map[string]bool
	counterparts map[string]*schema.Event

	watches  []*watch
	watchers map[string][]*watcher // by event type

	topics sync.Map // of *topicTally, by name

	mu      sync.Mutex
	found   map[key]*tally
	menders map[[2]string]*mender // by topic and event type
}

// side is one of the two sets of schemas.
type side struct {
	set      *schema.Set // nil: there are none
	types    *trestle.Types
	messages map[string]*schema.Message // of events, by full name
}

func newSide(set *schema.Set) side {
	if set == nil {
		return side{}
	}
	s := side{set: set, types: trestle.NewTypes(event.New(set).Events()...), messages: map[string]*schema.Message{}}
	for _, e := range set.Events() {
		s.messages[e.Message.FullName] = e.Message
	}
	return s
}

// NewExaminer returns an examiner of the edited schemas, next. With the old ones, which may be nil, it knows which records were refused before, and what
// is lost is what they read. Topics have in both the names that they have on the cluster.
func NewExaminer(next, old *schema.Set, o Options) *Examiner {
	x := &Examiner{
		opts: o, next: newSide(next), old: newSide(old), unchanged: map[string]bool{}, counterparts: map[string]*schema.Event{},
		found: map[key]*tally{}, menders: map[[2]string]*mender{}, watchers: map[string][]*watcher{},
	}
	if !o.Reveal {
		x.masker = event.NewMasker(next)
	}
	if old == nil {
		return x
	}
	for _, e := range next.Events() {
		for _, was := range old.Events() {
			if was.Type != e.Type || was.Topic != nil && e.Topic != nil && was.Topic.Name != e.Topic.Name {
				continue
			}
			if o.Unchanged != nil && o.Unchanged(was, e) {
				x.unchanged[e.Message.FullName] = true
			} else {
				x.counterparts[e.Message.FullName] = was
			}
			break
		}
	}
	return x
}

// Topic has a topic be in the result, also where none of its records is looked at.
func (x *Examiner) Topic(name string, deadLetters bool) { x.topic(name, deadLetters) }

func (x *Examiner) topic(name string, deadLetters bool) *topicTally {
	t, known := x.topics.Load(name)
	if !known {
		t, _ = x.topics.LoadOrStore(name, &topicTally{deadLetters: deadLetters, skipped: map[string]int64{}})
	}
	return t.(*topicTally)
}

// Skip counts a record that could not be looked at, and why.
func (x *Examiner) Skip(at Place, reason string) {
	t := x.topic(at.Topic, at.DeadLetter)
	x.mu.Lock()
	defer x.mu.Unlock()
	t.skipped[reason]++
}

// Sampled says that the records of a topic were a sample, of how many offsets.
func (x *Examiner) Sampled(topic string, of int64) {
	t := x.topic(topic, false)
	x.mu.Lock()
	defer x.mu.Unlock()
	t.sampled, t.of = true, of
}

// Read is how many records were looked at so far, and Bad how many of them are refused, or lose something.
func (x *Examiner) Read() (read, bad int64) {
	x.topics.Range(func(_, t any) bool {
		read += t.(*topicTally).read.Load()
		bad += t.(*topicTally).refused.Load() + t.(*topicTally).lost.Load()
		return true
	})
	return read, bad
}

type topicTally struct {
	deadLetters         bool
	read, refused, lost atomic.Int64
	// The others are the examiner's mutex's.
	skipped map[string]int64
	sampled bool
	of      int64
}

// Examine looks at a record of a topic of the schemas, or the original of a dead letter, whose topic is its source.
func (x *Examiner) Examine(r *trestle.Record, at Place) {
	t := x.topic(at.Topic, at.DeadLetter)
	t.read.Add(1)
	if declared := x.next.set.Topic(r.Topic); r.Value == nil && r.Oversized == nil && declared != nil && declared.Settings.Compacted() {
		return // it deletes a key
	}
	decoded, err := trestle.Decode(r, x.next.types, trestle.DecodeOptions{KnownOnly: x.old.set == nil})
	if len(x.watchers) > 0 {
		eventType, _ := x.infoOf(r, &decoded)
		x.look(r, eventType)
	}
	faults, unknown := x.faults(&decoded, err)
	if len(faults) > 0 {
		t.refused.Add(1)
		x.refused(r, at, &decoded, faults)
		return
	}
	var lost []loss
	switch {
	case x.old.set == nil:
		for _, v := range unknown {
			lost = append(lost, loss{path: v.Path, outcome: witness.Dropped})
		}
	case decoded.Event != nil:
		lost = x.lost(r, &decoded)
	}
	if len(lost) > 0 {
		t.lost.Add(1)
		x.loses(r, at, &decoded, lost)
	}
}

// faults are what a consumer refuses a record for, and what it leaves out.
func (x *Examiner) faults(d *trestle.Decoded, err error) (faults, unknown []trestle.Violation) {
	var invalid *trestle.ValidationError
	var strange *trestle.UnknownEventTypeError
	var broken *jsonio.Error
	switch {
	case err == nil && d.Event != nil:
	case err == nil:
		faults = []trestle.Violation{{Rule: "event", Message: "it has no payload"}}
	case errors.As(err, &invalid):
		for _, v := range invalid.Violations {
			if v.Rule == jsonio.UnknownRule {
				unknown = append(unknown, v)
			} else {
				faults = append(faults, v)
			}
		}
	case errors.As(err, &strange):
		faults = []trestle.Violation{{Rule: "event_type", Message: "no event of that type is declared for the topic", Found: jsonio.Excerpt(strange.EventType)}}
	case errors.As(err, &broken):
		faults = []trestle.Violation{{Path: broken.Path, Rule: "json", Message: "it is not JSON, or an object has a member twice"}}
	default:
		faults = []trestle.Violation{{Rule: "event", Message: err.Error()}}
	}
	return faults, unknown
}

// lost is what the old schema reads in a record and the new one does not, or reads otherwise.
func (x *Examiner) lost(r *trestle.Record, d *trestle.Decoded) []loss {
	info := d.Event.EventInfo()
	if x.unchanged[info.FullName] || x.counterparts[info.FullName] == nil {
		return nil
	}
	before, err := trestle.Decode(r, x.old.types, trestle.DecodeOptions{})
	if err != nil || before.Event == nil { // it was refused
		return nil
	}
	old, next := x.old.messages[before.Event.EventInfo().FullName], x.next.messages[info.FullName]
	if old == nil || next == nil {
		return nil
	}
	found, err := losses(before.Event, d.Event, old, next, encodingOf(r) == schema.EncodingProtobuf)
	if err != nil {
		return nil // it has no form to be compared in
	}
	return found
}

func encodingOf(r *trestle.Record) schema.Encoding {
	if frame, _ := wire.Unframe(r.Value, r.Headers); frame.Protobuf {
		return schema.EncodingProtobuf
	}
	return schema.EncodingJSON
}

// key is what records have in common that are counted together.
type key struct {
	topic, eventType, field, broken string
	refused                         bool
}

// tally counts records with one key.
type tally struct {
	key
	spot      spot
	message   string // of the first
	source    string // the topic that the events are of
	encoding  schema.Encoding
	records   int64
	before    int64
	mended    int64 // valid once they are repaired
	producers counter
	values    counter
	first     Place
	last      Place
	example   *trestle.Record
}

const (
	maxFound     = 1_000    // keys that are told apart
	maxNames     = 200      // producers, or values, of one
	shownNames   = 8        // of them
	maxExample   = 16 << 10 // bytes of an example that is kept
	shownExample = 1 << 10  // bytes of it that are shown
)

func (x *Examiner) refused(r *trestle.Record, at Place, d *trestle.Decoded, faults []trestle.Violation) {
	before := false
	if x.old.set != nil {
		was, err := trestle.Decode(r, x.old.types, trestle.DecodeOptions{})
		before = err != nil || was.Event == nil
	}
	info, m := x.infoOf(r, d)
	spots := make([]spot, len(faults))
	for i, v := range faults {
		spots[i] = follow(m, v.Path)
	}
	valid := m != nil && x.mender(at.Topic, info).mend(r, faults, spots)
	counted := map[key]bool{}
	for i, v := range faults {
		s := spots[i]
		k := key{at.Topic, info, s.general, v.Rule, true}
		if counted[k] {
			continue
		}
		counted[k] = true
		if s.sensitive && !x.opts.Reveal {
			v.Found = ""
		}
		x.count(k, r, at, d, func(t *tally) {
			if t.records == 0 {
				t.spot, t.message = s, v.Message
			}
			if before {
				t.before++
			}
			if valid {
				t.mended++
			}
			t.values.add(v.Found)
		})
	}
}

func (x *Examiner) mender(topic, eventType string) *mender {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.menders[[2]string{topic, eventType}]
	if m == nil {
		m = &mender{types: x.next.types}
		x.menders[[2]string{topic, eventType}] = m
	}
	return m
}

func (x *Examiner) loses(r *trestle.Record, at Place, d *trestle.Decoded, lost []loss) {
	info, m := x.infoOf(r, d)
	counted := map[key]bool{}
	for _, l := range lost {
		s := follow(m, l.path)
		k := key{at.Topic, info, s.general, string(l.outcome), false}
		if counted[k] {
			continue
		}
		counted[k] = true
		x.count(k, r, at, d, func(t *tally) {
			t.spot = s
			t.values.add(l.found)
		})
	}
}

// infoOf is the type of an event, and the message that it is by the new schemas; nil where that is not known.
func (x *Examiner) infoOf(r *trestle.Record, d *trestle.Decoded) (string, *schema.Message) {
	if d.Info == nil {
		return cmp.Or(d.Envelope.EventType, r.Header(wire.HeaderEventType)), nil
	}
	return d.Info.Type, x.next.messages[d.Info.FullName]
}

// count adds a record to what has its key.
func (x *Examiner) count(k key, r *trestle.Record, at Place, d *trestle.Decoded, add func(*tally)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.found[k]
	if t == nil && len(x.found) >= maxFound {
		k = key{topic: k.topic, broken: "others", refused: k.refused}
		t = x.found[k]
	}
	if t == nil {
		t = &tally{key: k, source: r.Topic, encoding: encodingOf(r)}
		x.found[k] = t
	}
	add(t)
	t.records++
	t.producers.add(producerOf(r, d))
	if t.records == 1 || before(at, t.first) {
		t.first = at
	}
	if t.records == 1 || before(t.last, at) {
		t.last = at
		if len(r.Value) <= maxExample {
			t.example = kept(r)
		}
	}
}

// kept is a copy of a record without its key, which holds nothing of the batch that it was read with.
func kept(r *trestle.Record) *trestle.Record {
	out := &trestle.Record{Topic: r.Topic, Value: bytes.Clone(r.Value), Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp}
	for _, h := range r.Headers {
		if len(h.Value) <= maxExample {
			out.Headers = append(out.Headers, trestle.Header{Key: strings.Clone(h.Key), Value: bytes.Clone(h.Value)})
		}
	}
	return out
}

// before orders places by time, then by where they are.
func before(a, b Place) bool {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c < 0
	}
	if a.Partition != b.Partition {
		return a.Partition < b.Partition
	}
	return a.Offset < b.Offset
}

// unknownProducer stands for one that a record does not name.
const unknownProducer = "unknown"

// producerHeaders are where a record names its producer that does not in its envelope.
var producerHeaders = []string{"producer", "client-id", "client.id", "client_id", "service-name", "service.name", "service", "source"}

// producerOf names who wrote a record.
func producerOf(r *trestle.Record, d *trestle.Decoded) string {
	if name := d.Envelope.Source.ServiceName; name != "" {
		return plainName(name)
	}
	for _, name := range producerHeaders {
		if value := r.Header(name); value != "" {
			return plainName(value)
		}
	}
	return unknownProducer
}

// counter counts names, the first maxNames of them one by one.
type counter struct {
	names  map[string]int64
	others int64
}

func (c *counter) add(name string) {
	if name == "" {
		return
	}
	if _, known := c.names[name]; !known && len(c.names) >= maxNames {
		c.others++
		return
	}
	if c.names == nil {
		c.names = map[string]int64{}
	}
	c.names[name]++
}

// shown are the most frequent names, and how many records have others.
func (c *counter) shown() (list []compat.Counted, others int64) {
	list = []compat.Counted{}
	for name, n := range c.names {
		list = append(list, compat.Counted{Name: name, Records: n})
	}
	sortCounted(list)
	others = c.others
	for _, more := range list[min(shownNames, len(list)):] {
		others += more.Records
	}
	return slices.Clip(list[:min(shownNames, len(list))]), others
}
