package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// ReplayOptions say how letters are replayed.
type ReplayOptions struct {
	// Group is the group that letters are replayed for which name none. Those that name one are for that alone.
	Group string
	// AllGroups has every group that reads the source topic see the events again, whoever failed.
	AllGroups bool
	// Rate is how many events are sent in a second, at most; 0: as many as can be.
	Rate float64
	// Repair changes the record that is sent: its Value and Headers, each as a whole, not in place. With an error the letter is left alone. Followers that a
	// letter brings along are sent as they are, unless the filter means them, too.
	Repair func(*Letter, *kafka.Record) error
	// Open decrypts what is encrypted of a record, as far as it can be, before anybody else sees it, and Seal encrypts it again with the keys that are current, as the
	// last: their Value, as a whole. With an error the letter is left alone. Both or neither are there.
	Open, Seal func(*kafka.Record) error
	// Examined is called for each event that could be sent, with what a repair made of it; for followers that a letter brings along, too.
	Examined func(*Letter, Examination)
	// Valid says what is wrong with an event on a topic. With it, valid events are counted before and after a repair, and what is
	// not valid after one is left alone.
	Valid func(topic string, record *kafka.Record) error
	// Progress is called after each transaction.
	Progress func(Counts)
	// LeftAlone is called for each letter that is.
	LeftAlone func(l *Letter, why Reason, detail string)
}

// Examination is an event as it would be sent, before its repair and after.
type Examination struct {
	// Before is the record without the repair, and After with it: the same where there is no repair, and nil where it failed. Neither is to be changed.
	Before, After *kafka.Record
	// Failed is why the repair changed nothing; nil: it did not fail.
	Failed error
	// InvalidBefore and InvalidAfter are what Valid says of them; nil: they are valid, or there is no Valid.
	InvalidBefore, InvalidAfter error
}

// LogValue is what slog writes of the examination: of its records where they stand, as package fmt does.
func (e Examination) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("before: %v, after: %v, failed: %v, invalid before: %v, invalid after: %v", e.Before, e.After, e.Failed, e.InvalidBefore, e.InvalidAfter))
}

// Counts are of letters.
type Counts struct {
	Selected int // met so far
	Done     int // of them, resolved now
	Skipped  int // of them, left alone
	Reasons  map[Reason]int
	// Followers are those of them whose events have not failed: their keys are held, and they wait behind other letters.
	Followers Followers
	// ValidBefore and ValidAfter are events, of those that can be replayed; 0 without a Valid function.
	ValidBefore, ValidAfter int
}

// Followers count the followers among letters.
type Followers struct {
	Selected, Done, Skipped int
	// WithoutPurged are those that stay, of keys of which a purge takes a letter before them: once replayed, they are handled
	// without it.
	WithoutPurged int
}

// done is how many letters a transaction has resolved, and which of those that were to be in it others had.
type done struct {
	letters, followers, withoutPurged int
	elsewhere                         []*chosen
}

func (c *Counts) selected(l *Letter) {
	c.Selected++
	if l.Follower {
		c.Followers.Selected++
	}
}

func (c *Counts) add(o *ReplayOptions, d done) {
	for _, l := range d.elsewhere {
		c.skipped(o, l, Elsewhere, "somebody else has resolved it meanwhile")
	}
	c.Done += d.letters
	c.Followers.Done += d.followers
	c.Followers.WithoutPurged += d.withoutPurged
}

// skipped counts a letter that is left alone.
func (c *Counts) skipped(o *ReplayOptions, l *chosen, reason Reason, detail string) {
	if c.Reasons == nil {
		c.Reasons = map[Reason]int{}
	}
	c.Skipped++
	if l.Follower {
		c.Followers.Skipped++
	}
	c.Reasons[reason]++
	if o.LeftAlone != nil {
		o.LeftAlone(l.Letter, reason, detail)
	}
}

// leave leaves a letter alone, and with it those of its key that stand behind.
func (c *Counts) leave(o *ReplayOptions, l *chosen, why *leftAlone) {
	l.leftAlone()
	c.skipped(o, l, why.reason, why.detail)
}

func (o *ReplayOptions) check() error {
	switch {
	case o.Rate < 0:
		return fmt.Errorf("a rate of %v events a second: it can't be negative", o.Rate)
	case o.AllGroups && o.Group != "":
		return errors.New("events are replayed for one group or for all, not both")
	}
	return nil
}

// Replay sends the selection's letters back to the topics that their originals are from, with their key, value and headers as
// they were, and records that they are resolved, in transactions of both: each letter is sent once, whatever dies meanwhile, and
// whoever else does the same. What comes back to a dead-letter topic meanwhile is not in the selection, so that it ends by
// itself.
//
// Where a consumer holds keys, a letter brings its followers along: those of its group and key that wait behind it. They go out
// in the order in which their events stood first, and behind a letter that is left alone none does. An event of the key that
// comes while that is under way waits behind what has not been sent yet, as a follower, and so does one that comes before the
// replayed ones in the log: these need another replay. To know what follows what, the topic is read once more, and twice where
// there are followers; letters that stand before those which they follow are in memory until their turn.
//
// It ends with an error of the cluster's, with a [FencedError] when somebody else began to write after it, or with ctx's, between two
// transactions. The counts hold then, too.
func (s *Selection) Replay(ctx context.Context, o ReplayOptions) (Counts, error) {
	var c Counts
	if err := o.check(); err != nil {
		return c, err
	}
	pace := &pace{rate: o.Rate}
	return c, s.resolve(ctx, func(ctx context.Context, w *writer, l *chosen) error {
		c.selected(l.Letter)
		sent, err := s.prepare(ctx, w.sources, l, &o, &c)
		if why, ok := errors.AsType[*leftAlone](err); ok {
			c.leave(&o, l, why)
			return nil
		}
		if err != nil {
			return err
		}
		return w.add(ctx, l, sent)
	}, func(d done) {
		c.add(&o, d)
		if o.Progress != nil {
			o.Progress(c)
		}
	}, pace)
}

// prepared is what becomes of a letter.
type prepared struct {
	records       []*kafka.Record
	resolution    Resolution
	withoutPurged int // followers more
}

// prepare makes what is to be sent for a letter. The error is a leftAlone where nothing is.
func (s *Selection) prepare(ctx context.Context, from *sources, l *chosen, o *ReplayOptions, c *Counts) (prepared, error) {
	if err := l.free(); err != nil {
		return prepared{}, err
	}
	switch {
	case l.Dead == nil:
		return prepared{}, leave(Unreadable, "%v", l.Err)
	case l.Source == "":
		return prepared{}, leave(NoSource, "it does not say which topic its original is from")
	case l.Dead.Attempt >= MaxAttempts:
		return prepared{}, leave(AtLimit, "it was replayed %d times", l.Dead.Attempt)
	}
	group := ""
	if !o.AllGroups {
		if group = l.Dead.ConsumerGroup; group == "" {
			group = o.Group
		}
		if group == "" {
			return prepared{}, leave(NoGroup, "it does not say which group failed: name one, or replay for all groups")
		}
	}
	originals, err := from.originals(ctx, l.Letter)
	if err != nil {
		return prepared{}, err
	}
	p := prepared{resolution: Resolution{Kind: Replayed, At: time.Now().UTC(), By: s.r.opts.By}}
	if group != "" {
		p.resolution.Groups = []string{group}
	}
	for _, original := range originals {
		record, err := o.examine(l, outgoing(l.Letter, original, group), c)
		if err != nil {
			return prepared{}, err
		}
		if size, most := record.Size(), from.limits.Record(l.Source); size > most {
			return prepared{}, leave(TooLarge, "it has %d bytes, its topic takes %d", size, most)
		}
		p.records = append(p.records, record.Record)
		if record.changed {
			p.resolution.Kind = Repaired
		}
	}
	return p, nil
}

// repairs says whether a letter's event is to be repaired.
func (o *ReplayOptions) repairs(l *chosen) bool {
	return o.Repair != nil && (l.link == nil || !l.link.brought)
}

// examined is a record that may be sent.
type examined struct {
	*kafka.Record
	changed bool // by a repair
}

// examine repairs a record where it is to be, and counts whether it is valid.
func (o *ReplayOptions) examine(l *chosen, record *kafka.Record, c *Counts) (examined, error) {
	invalid := func(r *kafka.Record) error {
		if o.Valid == nil {
			return nil
		}
		return o.Valid(r.Topic, r)
	}
	if o.Open != nil {
		opened := *record
		if err := o.Open(&opened); err != nil {
			return examined{}, leave(KeysAway, "%v", err)
		}
		record = &opened
	}
	e := Examination{Before: record, After: record, InvalidBefore: invalid(record)}
	e.InvalidAfter = e.InvalidBefore
	changed := false
	if o.repairs(l) {
		change := *record
		change.Headers = slices.Clone(record.Headers)
		if e.Failed = o.Repair(l.Letter, &change); e.Failed != nil {
			e.After, e.InvalidAfter = nil, nil
		} else if changed = !sameEvent(record, &change); changed {
			after := *record
			after.Value, after.Headers = change.Value, change.Headers
			e.After, e.InvalidAfter = &after, invalid(&after)
		}
	}
	if o.Examined != nil {
		o.Examined(l.Letter, e)
	}
	if o.Valid != nil && e.InvalidBefore == nil {
		c.ValidBefore++
	}
	if o.Valid != nil && e.Failed == nil && e.InvalidAfter == nil {
		c.ValidAfter++
	}
	switch {
	case e.Failed != nil:
		return examined{}, leave(Unrepaired, "%v", e.Failed)
	case o.repairs(l) && e.InvalidAfter != nil:
		return examined{}, leave(StillInvalid, "%v", e.InvalidAfter)
	}
	if o.Seal == nil {
		return examined{e.After, changed}, nil
	}
	sealed := *e.After
	if err := o.Seal(&sealed); err != nil {
		return examined{}, leave(KeysAway, "%v", err)
	}
	return examined{&sealed, changed}, nil
}

// sameEvent says whether a repair has left a record as it was.
func sameEvent(a, b *kafka.Record) bool {
	return bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil) &&
		slices.EqualFunc(a.Headers, b.Headers, func(a, b kafka.Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

// pace spaces events.
type pace struct {
	rate  float64 // 0: not at all
	begun time.Time
	sent  int
}

// most is how many events go together.
func (p *pace) most() int {
	if p.rate == 0 || p.rate > maxLetters {
		return maxLetters
	}
	return max(1, int(p.rate))
}

// await waits until n more may be sent.
func (p *pace) await(ctx context.Context, n int) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	due := p.begun.Add(time.Duration(float64(p.sent) / p.rate * float64(time.Second)))
	p.sent += n
	if wait := time.Until(due); wait > 0 {
		return kafka.Sleep(ctx, wait)
	}
	return ctx.Err()
}
