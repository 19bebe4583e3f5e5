package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/replay"
)

// WatchOptions say which dead letters are watched, and who is told of what.
type WatchOptions struct {
	// Topics are dead-letter topics, Groups those that failed, Causes ids; none: all.
	Topics, Groups, Causes []string
	// Every is how often they are looked at; default 5 seconds.
	Every time.Duration
	// Limit is how many letters of a topic may be unresolved; nil: as many as trestle.yaml says, as for Monitor.
	Limit *int64
	// Reveal shows errors' messages that may tell what the schemas mark sensitive, instead of "***".
	Reveal bool
	Warn   func(error) // as of PeekOptions
	Alerts AlertOptions
	// Failed is told of a look that fails, once until one succeeds, and then with nil. The first look that fails ends the watch.
	Failed func(error)
	// Looked is told after each look how many letters are unresolved, and of how many causes; it may be nil.
	Looked func(letters, causes int)
}

// WatchInterval is the default of [WatchOptions].Every.
const WatchInterval = 5 * time.Second

// DeadLetterNews is what is new about dead letters: Limit or Cause is set.
type DeadLetterNews struct {
	Time  time.Time         `json:"time"` // of the look, UTC
	Limit *DeadLetterLimit  `json:"limit,omitempty"`
	Cause *AppearedCause    `json:"cause,omitempty"`
	More  *DeadLetterCounts `json:"more,omitempty"` // causes that appeared besides
}

// DeadLetterLimit says that a topic has more unresolved letters than it may, or that it is well again.
type DeadLetterLimit struct {
	Topic      string `json:"topic"`
	State      string `json:"state"` // AlertRaised or AlertCleared
	Unresolved int    `json:"unresolved"`
	Limit      int64  `json:"limit"`
}

// AppearedCause is a cause, of one topic or of several, that has letters now, and had none.
type AppearedCause struct {
	DeadLetterAcross
	// Earlier says that it was there when the watch began.
	Earlier bool `json:"earlier"`
	// List is the command that lists its letters.
	List string `json:"list"`
}

// DeadLetterCounts count causes and their letters.
type DeadLetterCounts struct {
	Causes  int `json:"causes"`
	Letters int `json:"letters"`
}

// shownCauses is how many causes of one look are told one by one.
const shownCauses = 20

// WatchDeadLetters looks at dead letters again and again until ctx ends. It calls show when the unresolved ones of a topic pass the limit, and when they are well
// again, as [Alerting] has it; and when there are letters of a cause that had none. Who is to be told of alerts is, as of those of a [Monitor]: the two share what
// was told. An error of show ends the watch and is its own. Each letter is read once.
func WatchDeadLetters(ctx context.Context, p *Project, env Environment, o WatchOptions, show func(DeadLetterNews) error) error {
	if o.Every < 0 {
		return fmt.Errorf("looking every %v: want a time such as 5s", o.Every)
	}
	alerting, err := NewAlerting(ctx, p, env, o.Alerts)
	if err != nil {
		return err
	}
	defer alerting.Close()
	w, err := newDeadLetterWatch(ctx, p, env, &o, show)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(cmp.Or(o.Every, WatchInterval))
	defer ticker.Stop()
	for failed := false; ; {
		seen, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (w.wrong != nil || w.looked.IsZero() || o.Failed == nil):
			return err
		case err != nil:
			if !failed {
				o.Failed(err)
			}
			failed = true
		default:
			if failed {
				o.Failed(nil)
			}
			if failed = false; seen.first {
				alerting.Start(ctx)
			}
			alerting.Take(&seen.Monitored)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// deadLetterWatch is a watch that is under way.
type deadLetterWatch struct {
	options *WatchOptions
	env     Environment
	letters *deadLetters
	tally   *replay.Tally
	show    func(DeadLetterNews) error
	wrong   error // of show

	limit  int64
	scope  string // of its thresholds
	alarm  *alarm
	raised raisedAlerts         // what was shown
	known  map[string]time.Time // causes that were shown, with when they last had letters
	looked time.Time            // zero: not yet
}

func newDeadLetterWatch(ctx context.Context, p *Project, env Environment, o *WatchOptions, show func(DeadLetterNews) error) (*deadLetterWatch, error) {
	settle, err := p.Config.Monitor.Alerts.settle()
	if err != nil {
		return nil, err
	}
	filter := DeadLetterFilter{Topics: o.Topics, Groups: o.Groups, Causes: o.Causes}
	letters, meant, err := findDeadLetters(ctx, p, env, filter, o.Reveal, o.Warn)
	if err == nil && o.Reveal {
		err = letters.shows.reveal(ctx, env, "dead letters")
	}
	if err != nil {
		return nil, err
	}
	tally, err := letters.replayer.Tally(meant)
	if err != nil {
		return nil, err
	}
	w := &deadLetterWatch{
		options: o, env: env, letters: letters, tally: tally, show: show,
		limit: p.Config.Monitor.Limits.orDefaults().DeadLetters, alarm: newAlarm(settle), raised: raisedAlerts{}, known: map[string]time.Time{},
	}
	var scope []string // what makes it another threshold than the monitor's
	for _, g := range meant.Groups {
		scope = append(scope, "group="+g)
	}
	for _, c := range meant.Causes {
		scope = append(scope, "cause="+c)
	}
	slices.Sort(scope)
	if o.Limit != nil && *o.Limit < 0 {
		return nil, fmt.Errorf("a limit of %d dead letters: it can't be negative", *o.Limit)
	}
	if o.Limit != nil && *o.Limit != w.limit {
		w.limit = *o.Limit
		scope = append(scope, fmt.Sprintf("limit=%d", w.limit))
	}
	if len(scope) > 0 {
		w.scope = "[" + strings.Join(scope, ",") + "]"
	}
	return w, nil
}

// watched is one look of a watch.
type watched struct {
	look
	first bool
}

func (w *deadLetterWatch) look(ctx context.Context) (*watched, error) {
	now, err := w.tally.Look(ctx)
	if err != nil {
		return nil, err
	}
	if w.looked.IsZero() && len(now.Missing) > 0 && w.options.Warn != nil {
		w.options.Warn(fmt.Errorf("until they exist, no letters are counted of %s", strings.Join(now.Missing, ", ")))
	}
	seen := &watched{look: look{Monitored: Monitored{Time: time.Now().UTC()}}, first: w.looked.IsZero()}
	for topic, unresolved := range now.Topics {
		declared, _ := w.env.Names().TopicOf(topic)
		seen.add(MeasureDeadLetters, topic, declared, float64(w.limit), float64(unresolved))
		t := &seen.Thresholds[len(seen.Thresholds)-1]
		t.Scope = w.scope
		t.Name += w.scope
	}
	slices.SortFunc(seen.Thresholds, func(a, b Threshold) int { return strings.Compare(a.Name, b.Name) })
	causes := w.letters.shows.across(now.Causes)
	w.wrong = w.tell(seen, causes)
	if w.looked = seen.Time; w.options.Looked != nil {
		total := 0
		for _, n := range now.Topics {
			total += n
		}
		w.options.Looked(total, len(causes))
	}
	return seen, w.wrong
}

// tell shows what is new.
func (w *deadLetterWatch) tell(seen *watched, causes []DeadLetterAcross) error {
	for _, t := range seen.Thresholds {
		state := w.alarm.change(t, seen.Time, w.raised)
		if state == "" {
			continue
		}
		w.raised.take(t.Name, state, seen.Time)
		_, topic := t.Subject()
		if err := w.show(DeadLetterNews{Time: seen.Time, Limit: &DeadLetterLimit{topic, state, int(t.Value), w.limit}}); err != nil {
			return err
		}
	}
	var more DeadLetterCounts
	shown := 0
	for _, c := range causes {
		_, known := w.known[c.ID]
		if w.known[c.ID] = seen.Time; known {
			continue
		}
		if shown++; shown > shownCauses {
			more.Causes++
			more.Letters += c.Count
			continue
		}
		appeared := &AppearedCause{c, seen.first, "trestle dlq list --cause " + c.ID}
		if w.env.name != "" {
			appeared.List += " --env " + w.env.name
		}
		if err := w.show(DeadLetterNews{Time: seen.Time, Cause: appeared}); err != nil {
			return err
		}
	}
	for id, last := range w.known { // one that comes back after a while is news
		if seen.Time.Sub(last) >= w.alarm.settle {
			delete(w.known, id)
		}
	}
	if more.Causes > 0 {
		return w.show(DeadLetterNews{Time: seen.Time, More: &more})
	}
	return nil
}
