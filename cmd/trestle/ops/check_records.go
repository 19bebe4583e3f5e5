package ops

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/records"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/schema"
	"golang.org/x/sync/errgroup"
)

// RecordsOptions say which records [Check] looks at.
type RecordsOptions struct {
	// Since is from when on: records and dead letters that are older are left out. Zero: all.
	Since time.Time
	// Sample is how many records of each topic are looked at, drawn at random over its partitions and their offsets; 0: all. Dead letters are always looked at one and all: which
	// of them are resolved is known no sooner.
	Sample int
	// Topics are those to look at, with their dead letters, or dead-letter topics, as the schemas name them or as the cluster does; none: all that the schemas have.
	Topics []string
	// Reveal shows what is sensitive.
	Reveal bool
	// Progress is told how many records were looked at, how many of them are refused or lose something, and of how many; it may be nil.
	Progress func(read, bad, of int64)
}

// checkRecords looks at the records of an environment, and adds to a report what the new schemas refuse and lose of them.
func (l *loader) checkRecords(ctx context.Context, o *CheckOptions, report *compat.Report) error {
	env, err := o.Environment()
	if err != nil {
		return err
	}
	next, old, err := l.recordSides(ctx, o, env)
	if err != nil {
		return err
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return err
	}
	if o.Records.Reveal {
		if err := env.revealed(ctx, "records of topics"); err != nil {
			return err
		}
	}
	known := digestsOf(old, next)
	c := recordCheck{
		o: o.Records, note: o.Note, env: env, conn: conn, set: next,
		x: records.NewExaminer(next, old, records.Options{Since: o.Records.Since, Reveal: o.Records.Reveal, Unchanged: known}),
	}
	if c.note == nil {
		c.note = func(string) {}
	}
	c.x.Watch(report.Findings)
	if err := c.choose(); err != nil {
		return err
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	c.x.Conclude(report)
	return nil
}

// digestsOf says which events have the same schema on both sides.
func digestsOf(old, next *schema.Set) func(old, next *schema.Event) bool {
	if old == nil {
		return nil
	}
	was, is := digest.New(old), digest.New(next)
	return func(old, next *schema.Event) bool {
		known := was.Known(old)
		return known != "" && known == is.Known(next)
	}
}

// recordSides loads the new schemas, and the newest old ones where there are any, with the names that topics have in the environment.
func (l *loader) recordSides(ctx context.Context, o *CheckOptions, env Environment) (next, old *schema.Set, err error) {
	if o.New == "" {
		if next, err = l.project.loadIn(ctx, env); err != nil {
			return nil, nil, err
		}
	} else {
		v, err := (&loader{project: l.project, environment: l.environment}).version(ctx, o.New)
		if err != nil {
			return nil, nil, err
		}
		next = v.set
		renameAs(next, env)
	}
	if len(o.Against) == 0 {
		return next, nil, nil
	}
	// Loaded apart, as the environment's names are given to each.
	before, err := (&loader{project: l.project, environment: l.environment}).history(ctx, o.Against[len(o.Against)-1:], false)
	if err != nil {
		return nil, nil, err
	}
	if len(before) == 0 {
		return next, nil, nil
	}
	old = before[len(before)-1].set
	renameAs(old, env)
	return next, old, nil
}

// renameAs gives topics and groups the names that they have in an environment, whether or not a set has all that the environment names.
func renameAs(set *schema.Set, env Environment) {
	names := env.Names()
	if names.IsZero() {
		return
	}
	set.Rename(
		func(name string) string {
			if named, err := names.Topic(name); err == nil {
				return named
			}
			return name
		},
		func(name string) string {
			if named, err := names.Group(name); err == nil {
				return named
			}
			return name
		},
	)
}

// recordCheck is one look at the records of an environment.
type recordCheck struct {
	o    *RecordsOptions
	note func(string)
	env  Environment
	conn kafka.Connection
	set  *schema.Set
	x    *records.Examiner

	topics  []string // whose records are looked at
	letters []string // dead-letter topics whose letters are
	spans   kafka.Spans
	of      int64 // how many records there are to look at, letters left out
}

// choose says which topics are meant.
func (c *recordCheck) choose() error {
	add := func(to *[]string, name string) {
		if !slices.Contains(*to, name) {
			*to = append(*to, name)
		}
	}
	addTopic := func(t *schema.Topic) {
		if len(t.DeadLetterOf) > 0 {
			add(&c.letters, t.Name)
			return
		}
		if t.RetryOf != nil || len(t.Events) == 0 {
			return
		}
		add(&c.topics, t.Name)
		if t.DeadLetter != nil {
			add(&c.letters, t.DeadLetter.Name)
		}
	}
	for _, named := range c.o.Topics {
		t := c.set.Topic(topicOf(c.set, c.env.Names(), named))
		if t == nil {
			return fmt.Errorf("topic %s: the schemas declare none of that name", named)
		}
		addTopic(t)
	}
	if len(c.o.Topics) == 0 {
		for _, t := range c.set.Topics {
			addTopic(t)
		}
	}
	if len(c.topics)+len(c.letters) == 0 {
		return errors.New("the schemas declare no topic whose records could be looked at")
	}
	return nil
}

func (c *recordCheck) run(ctx context.Context) error {
	client, err := c.conn.Client()
	if err != nil {
		return err
	}
	c.spans, err = kafka.FindSpans(ctx, client, c.o.Since, slices.Concat(c.topics, c.letters)...)
	client.Close()
	if err != nil {
		return err
	}
	if len(c.spans.Missing) > 0 {
		there := func(name string) bool { return slices.Contains(c.spans.Missing, name) }
		c.topics, c.letters = slices.DeleteFunc(c.topics, there), slices.DeleteFunc(c.letters, there)
		c.note("nothing is stored in topics that are not on the cluster: " + strings.Join(c.spans.Missing, ", "))
	}
	for _, topic := range c.topics {
		c.x.Topic(topic, false)
		n := c.spans.Offsets(topic)
		if c.o.Sample > 0 {
			n = min(n, int64(c.o.Sample))
		}
		c.of += n
	}
	for _, topic := range c.letters {
		c.x.Topic(topic, true)
	}
	if c.o.Sample > 0 {
		err = c.sample(ctx)
	} else {
		err = c.all(ctx)
	}
	if err != nil {
		return err
	}
	return c.examineLetters(ctx)
}

const (
	// window is how many offsets of each partition are read at a time, the newest first.
	window = 200_000
	// Records go to the goroutines that examine them in batches of at most so many, and about so many bytes.
	batchRecords = 256
	batchBytes   = 1 << 20
)

// all looks at all records, those of the newest window of each partition first.
func (c *recordCheck) all(ctx context.Context) error {
	ends := kafka.Offsets{}
	for _, topic := range c.topics {
		for partition, end := range c.spans.Ends[topic] {
			ends.Set(topic, partition, end)
		}
	}
	return c.examineAll(ctx, func(give func(*kafka.Record) error) error {
		for {
			from, to, topics := c.window(ends)
			if len(topics) == 0 {
				return nil
			}
			for r, err := range kafka.Scan(ctx, c.conn, topics, kafka.FromOffsets(from), kafka.ToOffsets(to)) {
				if err != nil {
					return err
				}
				if err := give(r); err != nil {
					return err
				}
			}
		}
	})
}

// window is the newest part that is not read yet, which it takes off the ends.
func (c *recordCheck) window(ends kafka.Offsets) (from, to kafka.Offsets, topics []string) {
	from, to = kafka.Offsets{}, kafka.Offsets{}
	for _, topic := range c.topics {
		for partition, end := range ends[topic] {
			start := c.spans.Starts[topic][partition]
			if end <= start {
				continue
			}
			begin := max(start, end-window)
			from.Set(topic, partition, begin)
			to.Set(topic, partition, end)
			ends.Set(topic, partition, begin)
		}
		if len(to[topic]) > 0 {
			topics = append(topics, topic)
		}
	}
	return from, to, topics
}

// sample looks at some records of each topic: its offsets, over all partitions, are cut into as many equal parts as records are wanted, and of each part one is
// drawn at random.
func (c *recordCheck) sample(ctx context.Context) error {
	return c.examineAll(ctx, func(give func(*kafka.Record) error) error {
		for _, topic := range c.topics {
			n := c.spans.Offsets(topic)
			c.x.Sampled(topic, n)
			for r, err := range kafka.Pick(ctx, c.conn, topic, draw(c.spans, topic, c.o.Sample), c.spans.Ends) {
				if err != nil {
					return err
				}
				if err := give(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// draw chooses offsets of a topic, at most so many, each once.
func draw(spans kafka.Spans, topic string, wanted int) map[int32][]int64 {
	all := spans.Offsets(topic)
	n := min(int64(wanted), all)
	out := map[int32][]int64{}
	partitions := make([]int32, 0, len(spans.Ends[topic]))
	for partition := range spans.Ends[topic] {
		partitions = append(partitions, partition)
	}
	slices.Sort(partitions)
	i, before := 0, int64(0) // offsets of the partitions before
	for part := range n {
		low, high := part*all/n, (part+1)*all/n
		at := low + rand.Int64N(high-low)
		for {
			size := max(0, spans.Ends[topic][partitions[i]]-spans.Starts[topic][partitions[i]])
			if at < before+size {
				break
			}
			before += size
			i++
		}
		out[partitions[i]] = append(out[partitions[i]], spans.Starts[topic][partitions[i]]+at-before)
	}
	return out
}

// examineAll examines what read gives, in as many goroutines as may run at once.
func (c *recordCheck) examineAll(ctx context.Context, read func(give func(*kafka.Record) error) error) error {
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan []*kafka.Record, runtime.GOMAXPROCS(0))
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for batch := range batches {
				for _, r := range batch {
					c.x.Examine(r, records.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp})
				}
				c.progress()
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(batches)
		var batch []*kafka.Record
		size := 0
		send := func() error {
			select {
			case batches <- batch:
				batch, size = nil, 0
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := read(func(r *kafka.Record) error {
			batch, size = append(batch, r), size+len(r.Value)
			if len(batch) < batchRecords && size < batchBytes {
				return nil
			}
			return send()
		})
		if err == nil && len(batch) > 0 {
			err = send()
		}
		return err
	})
	return g.Wait()
}

func (c *recordCheck) progress() {
	if c.o.Progress != nil {
		read, bad := c.x.Read()
		c.o.Progress(read, bad, c.of)
	}
}

// The reasons for which the original of a dead letter is not looked at.
const (
	skipUnreadable = "unreadable"    // it is no dead letter that can be read
	skipNoSource   = "no-source"     // it does not say which topic its original is from
	skipOmitted    = "original-gone" // it does not carry its original
)

// examineLetters looks at the originals of dead letters that are not resolved.
func (c *recordCheck) examineLetters(ctx context.Context) error {
	if len(c.letters) == 0 {
		return nil
	}
	filter, sources, err := DeadLetterFilter{Topics: c.letters}.read(c.set, c.env)
	if err != nil {
		return err
	}
	filter.Since = c.o.Since
	replayer, err := c.env.replayer(c.conn, sources)
	if err != nil {
		return err
	}
	selection, err := replayer.Select(ctx, filter)
	if err != nil {
		return err
	}
	for l, err := range selection.Letters(ctx) {
		if err != nil {
			return err
		}
		at := records.Place{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Time: l.Time, DeadLetter: true}
		switch {
		case l.Dead == nil:
			c.x.Skip(at, skipUnreadable)
		case l.Source == "":
			c.x.Skip(at, skipNoSource)
		case l.Dead.Original.Omitted > 0 || l.Dead.Original.Batch != nil:
			c.x.Skip(at, skipOmitted)
		default:
			o := &l.Dead.Original
			c.x.Examine(&kafka.Record{
				Topic: l.Source, Partition: o.Partition, Offset: o.Offset, Key: o.Key, Value: o.Value, Headers: o.Headers, Timestamp: l.Time,
			}, at)
		}
		c.progress()
	}
	return nil
}
