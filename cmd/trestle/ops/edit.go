package ops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/jsonedit"
	"github.com/omninode/trestle/tools/repair"
)

// LetterEdit is the event of one dead letter, to be changed by hand and replayed.
type LetterEdit struct {
	// Letter is its place, TOPIC/PARTITION/OFFSET, and Groups those that its event is replayed for; none: all.
	Letter string
	Groups []string

	env     Environment
	d       *deadLetters
	options replay.ReplayOptions
	record  *kafka.Record // as it would be sent
	opened  *repair.Opened
	reveal  bool
	tree    *jsonedit.Value // nil: it is not JSON
	shown   *jsonedit.Value
}

// PlacedViolation is a violation with its place in a text, from 1; 0: it has none.
type PlacedViolation struct {
	Violation
	Line   int `json:"line"`
	Column int `json:"column"`
}

// String is `3:12: status: must be in list [new, shipped], got "Shipped" [string.in]`.
func (v PlacedViolation) String() string {
	text := v.Message
	if v.Path != "" {
		text = v.Path + ": " + text
	}
	if v.Found != "" {
		text += ", got " + v.Found
	}
	if v.Line > 0 {
		text = fmt.Sprintf("%d:%d: %s", v.Line, v.Column, text)
	}
	return text + " [" + v.Rule + "]"
}

// errTaken ends the plan of an edit once it has the record.
var errTaken = errors.New("taken")

// OpenLetter finds the event of the dead letter at a place, TOPIC/PARTITION/OFFSET. Of the options Group, AllGroups, Reveal and Warn count. The error says why it
// can't be replayed: that it is resolved, say.
func OpenLetter(ctx context.Context, p *Project, env Environment, place string, o ResolveOptions) (*LetterEdit, error) {
	if err := env.audit.begin(ctx); err != nil {
		return nil, err
	}
	o.DeadLetterFilter = DeadLetterFilter{Positions: []string{place}}
	d, err := openDeadLetters(ctx, p, env, o.DeadLetterFilter, false, o.Warn)
	if err != nil {
		return nil, err
	}
	if d.shows.set == nil {
		return nil, fmt.Errorf("an event is edited by its schema: %w", d.shows.missing)
	}
	e := &LetterEdit{Letter: place, env: env, d: d, reveal: o.Reveal, options: replay.ReplayOptions{Group: groupOf(d.set, env.Names(), o.Group), AllGroups: o.AllGroups}}
	if e.options.Open, e.options.Seal, err = d.encryption(ctx, env); err != nil {
		return nil, err
	}
	if o.Reveal {
		if err := d.shows.reveal(ctx, env, "dead letter "+place); err != nil {
			return nil, err
		}
	}
	records, alone := 0, error(nil)
	look := e.options
	look.Repair = func(l *replay.Letter, record *kafka.Record) error {
		records++
		e.Letter, e.record = l.String(), &kafka.Record{Topic: record.Topic, Key: record.Key, Value: record.Value, Headers: record.Headers}
		return errTaken
	}
	look.LeftAlone = func(l *replay.Letter, why replay.Reason, detail string) {
		if why != replay.Unrepaired && l.String() == d.position() {
			alone = fmt.Errorf("letter %s can't be replayed: %s: %s", l.String(), why, detail)
		}
	}
	plan, err := d.selection.Plan(ctx, look)
	switch {
	case err != nil:
		return nil, err
	case alone != nil:
		return nil, alone
	case plan.Selected == 0:
		return nil, d.unselected(ctx, place)
	case records != 1:
		return nil, fmt.Errorf("letter %s stands for a batch of records: they can't be edited", place)
	}
	return e, e.open()
}

// position is the only one that is meant.
func (d *deadLetters) position() string { return d.positions[0].String() }

// unselected says why there is no letter at a place that could be replayed.
func (d *deadLetters) unselected(ctx context.Context, place string) error {
	for l, err := range d.selection.All(ctx) {
		if err != nil {
			return err
		}
		if r := l.Resolution; r != nil {
			return fmt.Errorf("letter %s is resolved: %s %s by %s", place, r.Kind, r.At.UTC().Format(time.RFC3339), r.By)
		}
	}
	return fmt.Errorf("there is no dead letter at %s", place)
}

func (e *LetterEdit) open() error {
	for _, h := range e.record.Headers {
		if h.Key == wire.HeaderReplayGroup {
			e.Groups = append(e.Groups, string(h.Value))
		}
	}
	var err error
	if e.opened, err = repair.Open(e.d.shows.types(), e.record); e.opened == nil {
		return fmt.Errorf("letter %s can't be edited: %w", e.Letter, err)
	}
	if e.tree, err = e.opened.Tree(); err != nil {
		e.tree = nil
		return nil // it can be replaced
	}
	if e.shown = e.tree; !e.reveal {
		e.shown, err = e.masked(e.opened.Value)
	}
	return err
}

// masked is the event's JSON, or another in its place, as it is shown.
func (e *LetterEdit) masked(text []byte) (*jsonedit.Value, error) {
	shown, err := e.d.shows.opened(e.record.Topic, e.opened, text)
	if err != nil {
		return nil, err
	}
	return jsonedit.Parse(shown)
}

// Text is the event's JSON to edit: with its envelope, or of protobuf the payload. What is sensitive is "***" unless the options reveal it; left so, it stays as it
// was. An event that is not JSON is its own text.
func (e *LetterEdit) Text() ([]byte, error) {
	if e.tree == nil {
		switch {
		case !utf8.Valid(e.opened.Value):
			return nil, fmt.Errorf("letter %s: its event is no text: give the new one in a file", e.Letter)
		case !e.reveal && e.d.shows.conceals(e.record.Topic, e.opened.EventType()):
			return nil, fmt.Errorf("letter %s: %s", e.Letter, withheld)
		}
		return e.opened.Value, nil
	}
	var out bytes.Buffer
	if err := json.Indent(&out, e.shown.Append(nil), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// EditedLetter is an event as somebody has changed it.
type EditedLetter struct {
	// Changed says that it is not what it was, and Differences what has changed, as it may be shown.
	Changed     bool                  `json:"changed"`
	Differences []jsonedit.Difference `json:"-"`
	// Violations are why it can't be sent.
	Violations []PlacedViolation `json:"violations"`

	value   []byte
	headers []kafka.Header
	// conceals says that what JSON is, where it is none, is not told: it may be what is sensitive.
	conceals bool
}

// Check reads what somebody has made of the text, and says what is wrong with it by today's schemas.
func (e *LetterEdit) Check(text []byte) (*EditedLetter, error) {
	out := &EditedLetter{Changed: true, Violations: []PlacedViolation{}, conceals: !e.reveal && e.d.shows.conceals(e.record.Topic, e.opened.EventType())}
	edited, err := jsonedit.Parse(text)
	if err != nil {
		out.place(text, nil, err)
		return out, nil
	}
	restored := edited
	if e.tree != nil {
		var stray *jsonedit.Value
		if restored, stray = jsonedit.Unhide(edited, e.tree, e.shown); stray != nil {
			line, column := jsonedit.LineColumn(text, stray.Start)
			out.Violations = append(out.Violations, PlacedViolation{Violation{
				Rule: "hidden", Message: jsonio.Hidden + " stands for what is sensitive, and which that is can't be told here: edit it with --reveal",
			}, line, column})
			return out, nil
		}
		if out.Changed = !jsonedit.Same(restored, e.tree); !out.Changed {
			return out, nil
		}
	}
	compact := restored.Append(nil)
	if out.value, out.headers, err = e.opened.With(compact); err != nil {
		out.place(text, edited, err)
		return out, nil
	}
	after := *e.record
	after.Value, after.Headers = out.value, out.headers
	inside := edited
	if now, _ := repair.Open(e.d.shows.types(), &after); now != nil && now.Start > 0 {
		if payload := edited.Member("payload"); payload != nil {
			inside = payload
		}
	}
	if err := e.d.valid(after.Topic, &after); err != nil {
		out.placeIn(text, edited, inside, err)
	}
	if e.tree != nil {
		from, err := e.masked(e.opened.Value)
		if err != nil {
			return nil, err
		}
		to, err := e.masked(compact)
		if err != nil {
			return nil, err
		}
		out.Differences = jsonedit.Differences(e.tree, restored, from, to)
	}
	return out, nil
}

func (l *EditedLetter) place(text []byte, edited *jsonedit.Value, err error) {
	l.placeIn(text, edited, edited, err)
}

// placeIn adds the violations that an error says, those of the payload with its place.
func (l *EditedLetter) placeIn(text []byte, edited, payload *jsonedit.Value, err error) {
	for _, v := range violationsOf(err) {
		placed := PlacedViolation{Violation: v}
		broken, isJSON := errors.AsType[*jsonio.Error](err)
		switch member, ofEnvelope := strings.CutPrefix(v.Path, "envelope."); {
		case edited == nil && isJSON && broken.Offset >= 0:
			placed.Line, placed.Column = jsonedit.LineColumn(text, broken.Offset)
		case edited == nil:
		case ofEnvelope:
			placed.Line, placed.Column = jsonedit.LineColumn(text, edited.At(member).Start)
		default:
			placed.Line, placed.Column = jsonedit.LineColumn(text, payload.At(v.Path).Start)
		}
		if l.conceals && isJSON {
			placed.Path, placed.Message = "", jsonio.Concealed(err).Error()
		}
		l.Violations = append(l.Violations, placed)
	}
}

// editNote is what is written down of an edit.
type editNote struct {
	resolvedNote
	Changes []jsonedit.Difference `json:"changes"`
}

// Replay sends the event as it was changed, once, and notes that its letter is repaired. It must have changed, and be valid.
func (e *LetterEdit) Replay(ctx context.Context, edited *EditedLetter) (ResolvedDeadLetters, error) {
	if !edited.Changed || len(edited.Violations) > 0 {
		return ResolvedDeadLetters{}, errors.New("nothing was replayed: the event is as it was, or not valid")
	}
	options := e.options
	options.Valid = e.d.valid
	options.Repair = func(_ *replay.Letter, record *kafka.Record) error {
		if !bytes.Equal(record.Value, e.record.Value) {
			return errors.New("its original is another by now")
		}
		record.Value, record.Headers = edited.value, edited.headers
		return nil
	}
	counts, err := e.d.selection.Replay(ctx, options)
	out := resolvedOf(counts, false)
	sum := sha256.Sum256(edited.value)
	out.Repair = &AppliedRepair{Kind: "edit", SHA256: hex.EncodeToString(sum[:])}
	if counts.Done > 0 {
		was := sha256.Sum256(e.record.Value)
		note := editNote{resolvedNote{Done: counts.Done, Skipped: counts.Skipped, Repair: out.Repair}, edited.Differences}
		err = errors.Join(err, e.env.audit.add(ctx, change{
			what: "dlq edit", target: "dead letter " + e.Letter, before: map[string]string{"sha256": hex.EncodeToString(was[:])}, after: note,
		}))
	}
	if err == nil && counts.Done == 0 {
		err = fmt.Errorf("letter %s was not replayed: it was resolved meanwhile, or left alone", e.Letter)
	}
	return out, err
}
