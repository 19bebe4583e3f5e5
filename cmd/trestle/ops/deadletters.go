package ops

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/tools/schema"
)

// DeadLetterFilter says which dead letters are meant. What is empty is not asked.
type DeadLetterFilter struct {
	// Topics are dead-letter topics, as the schemas name them or as the cluster does; none: all that the schemas have.
	Topics []string
	// Causes are ids that [DeadLetterStats] tell, EventTypes those of the originals, Groups the groups that failed.
	Causes, EventTypes, Groups []string
	// Keys are the originals'.
	Keys []string
	// Since and Until bound when letters were written, RFC 3339.
	Since, Until string
	// Positions are single letters: TOPIC/PARTITION/OFFSET.
	Positions []string
}

// isEmpty says that nothing is asked.
func (f *DeadLetterFilter) isEmpty() bool {
	return len(f.Topics)+len(f.Causes)+len(f.EventTypes)+len(f.Groups)+len(f.Keys)+len(f.Positions) == 0 && f.Since == "" && f.Until == ""
}

// deadLetters is what a command about dead letters works with.
type deadLetters struct {
	set       *schema.Set
	replayer  *replay.Replayer
	selection *replay.Selection
	shows     *shower
	positions []replay.Position // of the filter, by their names on the cluster
}

// openDeadLetters selects what a filter means.
func openDeadLetters(ctx context.Context, p *Project, env Environment, f DeadLetterFilter, reveal bool, warn func(error)) (*deadLetters, error) {
	d, filter, err := findDeadLetters(ctx, p, env, f, reveal, warn)
	if err != nil {
		return nil, err
	}
	d.selection, err = d.replayer.Select(ctx, filter)
	return d, err
}

// findDeadLetters is openDeadLetters without a selection: it returns the filter that one would have.
func findDeadLetters(ctx context.Context, p *Project, env Environment, f DeadLetterFilter, reveal bool, warn func(error)) (*deadLetters, replay.Filter, error) {
	shows, err := newShower(ctx, p, env, reveal, warn)
	if err != nil {
		return nil, replay.Filter{}, err
	}
	set := shows.set
	if set == nil {
		set = &schema.Set{}
	}
	filter, sources, err := f.read(set, env)
	if err != nil {
		return nil, replay.Filter{}, err
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return nil, replay.Filter{}, err
	}
	replayer, err := env.replayer(conn, sources)
	if err != nil {
		return nil, replay.Filter{}, err
	}
	return &deadLetters{set: set, replayer: replayer, shows: shows, positions: filter.Positions}, filter, nil
}

// encryption decrypts and encrypts what is encrypted of originals, with the environment's keys; both are nil where it has none.
func (d *deadLetters) encryption(ctx context.Context, env Environment) (open, seal func(*kafka.Record) error, err error) {
	conn, err := env.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := env.keysIfAny(ctx, conn, keyClasses(d.shows.set))
	if err != nil || keys == nil {
		return nil, nil, err
	}
	types := d.shows.types()
	open = func(r *kafka.Record) error {
		opened, _, err := event.Open(r, types, trestle.DecodeOptions{Keys: keys, Context: ctx})
		if _, away := errors.AsType[*trestle.KeysAwayError](err); away {
			return err
		}
		r.Value = opened.Value
		return nil
	}
	seal = func(r *kafka.Record) error {
		sealed, err := event.Seal(r, types, trestle.EncodeOptions{Keys: keys, Context: ctx})
		r.Value = sealed.Value
		return err
	}
	return open, seal, nil
}

// replayer is what reads the dead letters of an environment; sources are the topics that originals stand in, of letters that do not say it.
func (e Environment) replayer(conn kafka.Connection, sources map[string]string) (*replay.Replayer, error) {
	resolutions, err := e.Names().Topic(replay.ResolutionsTopic)
	if err != nil {
		return nil, err
	}
	return replay.New(conn, replay.Options{Resolutions: resolutions, By: whoIsIt(), Sources: sources})
}

// read names what is meant as the cluster does, and says which topics originals stand in, of letters that do not say it.
func (f DeadLetterFilter) read(set *schema.Set, env Environment) (replay.Filter, map[string]string, error) {
	filter := replay.Filter{Causes: f.Causes, EventTypes: f.EventTypes, Keys: f.Keys}
	sources := map[string]string{}
	for _, t := range set.Topics {
		if t.DeadLetter == nil {
			continue
		}
		if _, twice := sources[t.DeadLetter.Name]; twice { // several sources: the letter has to say it
			sources[t.DeadLetter.Name] = ""
		} else {
			sources[t.DeadLetter.Name] = t.Name
		}
		if len(f.Topics) == 0 && len(f.Positions) == 0 && !slices.Contains(filter.Topics, t.DeadLetter.Name) {
			filter.Topics = append(filter.Topics, t.DeadLetter.Name)
		}
	}
	for _, named := range f.Topics {
		filter.Topics = append(filter.Topics, topicOf(set, env.Names(), named))
	}
	for _, named := range f.Groups {
		filter.Groups = append(filter.Groups, groupOf(set, env.Names(), named))
	}
	var err error
	for _, bound := range []struct {
		flag, text string
		into       *time.Time
	}{{"--since", f.Since, &filter.Since}, {"--until", f.Until, &filter.Until}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = time.Parse(time.RFC3339, bound.text); err != nil {
			return filter, nil, fmt.Errorf("%s %q: want a time such as 2025-10-16T12:34:56Z", bound.flag, bound.text)
		}
	}
	for _, text := range f.Positions {
		position, err := parsePosition(text)
		if err != nil {
			return filter, nil, err
		}
		position.Topic = topicOf(set, env.Names(), position.Topic)
		filter.Positions = append(filter.Positions, position)
	}
	if len(filter.Topics)+len(filter.Positions) == 0 {
		return filter, nil, errors.New("no dead-letter topic is named, and none is declared: give --topic")
	}
	return filter, sources, nil
}

// parsePosition reads TOPIC/PARTITION/OFFSET.
func parsePosition(text string) (replay.Position, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 {
		partition, partitionErr := strconv.ParseInt(parts[1], 10, 32)
		offset, offsetErr := strconv.ParseInt(parts[2], 10, 64)
		if errors.Join(partitionErr, offsetErr) == nil && partition >= 0 && offset >= 0 && parts[0] != "" {
			return replay.Position{Topic: parts[0], Partition: int32(partition), Offset: offset}, nil
		}
	}
	return replay.Position{}, fmt.Errorf("%q is no place of a dead letter: want TOPIC/PARTITION/OFFSET", text)
}

// ListedDeadLetter is a dead letter, in a line.
type ListedDeadLetter struct {
	Topic        string `json:"topic"`
	Partition    int32  `json:"partition"`
	Offset       int64  `json:"offset"`
	EventType    string `json:"event_type"`
	SourceTopic  string `json:"source_topic"`
	Group        string `json:"group"`
	ErrorType    string `json:"error_type"`
	ErrorMessage string `json:"error_message"`
	RetryCount   int    `json:"retry_count"`
	Timestamp    string `json:"dlq_timestamp"` // RFC 3339
	// Resolved is replayed, repaired or purged; empty: it is not.
	Resolved string `json:"resolved"`
	Cause    string `json:"cause"`
}

// ShownDeadLetter is a dead letter with its original.
type ShownDeadLetter struct {
	ListedDeadLetter
	// Key is the original's; null: it has none, and "***" where it is a field's that is sensitive.
	Key             *string         `json:"key"`
	SourcePartition int32           `json:"source_partition"`
	SourceOffset    int64           `json:"source_offset"`
	Attempt         int             `json:"attempt"` // how often the event was replayed before
	StackTrace      string          `json:"stack_trace,omitempty"`
	ResolvedBy      string          `json:"resolved_by,omitempty"`
	ResolvedAt      *time.Time      `json:"resolved_at,omitempty"`
	Headers         []PeekedHeader  `json:"headers"`
	Value           json.RawMessage `json:"value"` // as of peek
	ValueBase64     string          `json:"value_base64,omitempty"`
	Withheld        string          `json:"withheld,omitempty"`
	// Valid says whether the event is valid by today's schemas, and Violations why it is not; null where the letter does not hold all of it, or there are no schemas.
	Valid      *bool       `json:"valid"`
	Violations []Violation `json:"violations,omitempty"`
}

// ListOptions say which dead letters are listed.
type ListOptions struct {
	DeadLetterFilter
	// All lists those that are resolved, too.
	All bool
	// Count is how many at most, and PerCause how many of each cause; 0: all.
	Count, PerCause int
	Reveal          bool
	Warn            func(error) // as of PeekOptions
}

// errEnough ends a listing.
var errEnough = errors.New("enough")

// each calls show for letters, topic by topic, in the order of the log.
func (d *deadLetters) each(ctx context.Context, o *ListOptions, show func(*replay.Letter) error) error {
	letters, count := d.selection.Letters, o.Count
	if o.All {
		letters = d.selection.All
	}
	ofCause := map[string]int{}
	for l, err := range letters(ctx) {
		if err == nil {
			if ofCause[l.Cause.ID]++; o.PerCause > 0 && ofCause[l.Cause.ID] > o.PerCause {
				continue
			}
			err = show(l)
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
		if count--; count == 0 {
			return nil
		}
	}
	return nil
}

// ListDeadLetters calls show for each letter that is meant.
func ListDeadLetters(ctx context.Context, p *Project, env Environment, o ListOptions, show func(ListedDeadLetter) error) error {
	d, err := openDeadLetters(ctx, p, env, o.DeadLetterFilter, o.Reveal, o.Warn)
	if err == nil && o.Reveal {
		err = d.shows.reveal(ctx, env, "dead letters")
	}
	if err != nil {
		return err
	}
	return d.each(ctx, &o, func(l *replay.Letter) error { return show(d.listed(l)) })
}

// ShowDeadLetters calls show for each letter that is meant, with its original.
func ShowDeadLetters(ctx context.Context, p *Project, env Environment, o ListOptions, show func(ShownDeadLetter) error) error {
	d, err := openDeadLetters(ctx, p, env, o.DeadLetterFilter, o.Reveal, o.Warn)
	if err == nil && o.Reveal {
		err = d.shows.reveal(ctx, env, "dead letters")
	}
	if err != nil {
		return err
	}
	shown := 0
	err = d.each(ctx, &o, func(l *replay.Letter) error { shown++; return show(d.shown(l)) })
	if err == nil && shown == 0 && len(o.Positions) > 0 {
		err = fmt.Errorf("there is no dead letter at %s", strings.Join(o.Positions, ", "))
	}
	return err
}

func (d *deadLetters) listed(l *replay.Letter) ListedDeadLetter {
	out := ListedDeadLetter{
		Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, EventType: l.EventType, SourceTopic: l.Source, Cause: l.Cause.ID,
		Timestamp: l.Time.UTC().Format(time.RFC3339Nano),
	}
	if l.Resolution != nil {
		out.Resolved = cmp.Or(string(l.Resolution.Kind), "resolved")
	}
	if l.Dead == nil {
		out.ErrorType, out.ErrorMessage = "Unreadable", l.Err.Error()
	} else {
		out.Group, out.ErrorType, out.ErrorMessage, out.RetryCount = l.Dead.ConsumerGroup, l.Dead.Error.Type, l.Dead.Error.Message, l.Dead.RetryCount
	}
	out.ErrorMessage = d.shows.errorMessage(l.Source, l.EventType, out.ErrorMessage)
	return out
}

func (d *deadLetters) shown(l *replay.Letter) ShownDeadLetter {
	out := ShownDeadLetter{ListedDeadLetter: d.listed(l), Headers: []PeekedHeader{}, Value: json.RawMessage("null")}
	if l.Resolution != nil {
		at := l.Resolution.At.UTC()
		out.ResolvedBy, out.ResolvedAt = l.Resolution.By, &at
	}
	if l.Dead == nil {
		return out
	}
	o := &l.Dead.Original
	out.SourcePartition, out.SourceOffset, out.Attempt = o.Partition, o.Offset, l.Dead.Attempt
	if out.StackTrace = l.Dead.Error.StackTrace; d.shows.conceals(l.Source, l.EventType) {
		out.StackTrace = ""
	}
	record := &kafka.Record{Topic: l.Source, Partition: o.Partition, Offset: o.Offset, Key: o.Key, Value: o.Value, Headers: o.Headers}
	peeked := d.shows.peeked(record)
	out.Key, out.Headers, out.Value, out.ValueBase64, out.Withheld = peeked.Key, d.shows.headers(record, peeked.EventType), peeked.Value, peeked.ValueBase64, peeked.Withheld
	if d.shows.set != nil && o.Batch == nil && o.Omitted == 0 && !o.Partial {
		err := d.valid(record.Topic, record)
		valid := err == nil
		out.Valid = &valid
		if !valid {
			out.Violations = violationsOf(err)
		}
	}
	if len(o.Value) == 0 && out.Withheld == "" {
		out.ValueBase64 = base64.StdEncoding.EncodeToString(o.Value)
	}
	return out
}

// valid says what is wrong with an event on a topic, by the schemas.
func (d *deadLetters) valid(topic string, r *kafka.Record) error {
	r.Topic = topic
	_, err := trestle.Decode(r, d.shows.types(), trestle.DecodeOptions{})
	return err
}
