package ops

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/omninode/trestle/runtime/replay"
)

// DeadLetterStats count dead letters.
type DeadLetterStats struct {
	Unresolved int `json:"unresolved"`
	// Followers are those of them that have not failed: their keys are held, and they wait behind others.
	Followers int                   `json:"followers"`
	Topics    []DeadLetterTopicStat `json:"topics"`
	// Groups are the causes of those that are not resolved, the most frequent first.
	Groups []DeadLetterCause `json:"groups"`
	// Across are the same letters by error and group that failed alone, whatever topics and event types they are of.
	Across []DeadLetterAcross `json:"across"`
	// Trend counts those that were written, by hours where that is two days or less, else by days; parts without any are left out.
	Trend []DeadLetterTrend `json:"trend"`
	// HeldKeys is how many keys are held, and Held the hundred with the most events behind them. Causes and event types are not asked.
	HeldKeys int       `json:"held_keys"`
	Held     []HeldKey `json:"held"`
}

// DeadLetterTrend counts the letters of an hour or a day.
type DeadLetterTrend struct {
	Start      time.Time `json:"start"`
	Hours      int       `json:"hours"` // 1, or 24
	Written    int       `json:"written"`
	Unresolved int       `json:"unresolved"`
}

// HeldKey is a key whose events wait behind a dead letter.
type HeldKey struct {
	Topic  string `json:"topic"` // of the dead letters
	Source string `json:"source"`
	Group  string `json:"group"`
	Key    string `json:"key"` // "***" where it is a field's that is sensitive
	// Letter is what they wait behind, TOPIC/PARTITION/OFFSET.
	Letter string    `json:"letter"`
	Behind int       `json:"behind"` // events
	Since  time.Time `json:"since"`
}

// shownHeld is how many keys are told of.
const shownHeld = 100

// trendHours is how many hours are told one by one.
const trendHours = 48

func trendOf(hours []replay.HourStats) []DeadLetterTrend {
	out := []DeadLetterTrend{}
	if len(hours) == 0 {
		return out
	}
	part := 1
	if hours[len(hours)-1].Start.Sub(hours[0].Start) >= trendHours*time.Hour {
		part = 24
	}
	for _, h := range hours {
		start := h.Start.Truncate(time.Duration(part) * time.Hour)
		if n := len(out); n == 0 || !out[n-1].Start.Equal(start) {
			out = append(out, DeadLetterTrend{Start: start, Hours: part})
		}
		last := &out[len(out)-1]
		last.Written += h.Written
		last.Unresolved += h.Unresolved
	}
	return out
}

// DeadLetterTopicStat counts those of a topic.
type DeadLetterTopicStat struct {
	Topic      string `json:"topic"`
	Source     string `json:"source"` // empty: unknown
	Total      int    `json:"total"`
	Unresolved int    `json:"unresolved"`
	Replayed   int    `json:"replayed"` // repaired ones, too
	Purged     int    `json:"purged"`
	Followers  int    `json:"followers"` // of those that are not resolved
}

// DeadLetterCause is what letters have in common that failed for the same reason.
type DeadLetterCause struct {
	ID        string    `json:"id"`
	Cause     string    `json:"cause"` // the error's type and message; "***" stands for a message that may tell what is sensitive
	EventType string    `json:"event_type"`
	Group     string    `json:"group"` // that failed
	Count     int       `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
}

// DeadLetterAcross is what letters of several topics and event types have in common that failed for the same reason.
type DeadLetterAcross struct {
	ID         string    `json:"id"`    // selects them as that of a cause does
	Cause      string    `json:"cause"` // as of a cause
	Group      string    `json:"group"` // that failed
	Count      int       `json:"count"`
	Topics     int       `json:"topics"`      // that their originals are from
	EventTypes int       `json:"event_types"` // of these
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
}

// CountOptions say what is counted, and what is shown of it.
type CountOptions struct {
	DeadLetterFilter
	// Reveal shows errors' messages and keys that may tell what the schemas mark sensitive, instead of "***".
	Reveal bool
	Warn   func(error) // as of PeekOptions
}

// CountDeadLetters counts what a filter means.
func CountDeadLetters(ctx context.Context, p *Project, env Environment, o CountOptions) (*DeadLetterStats, error) {
	d, err := openDeadLetters(ctx, p, env, o.DeadLetterFilter, o.Reveal, o.Warn)
	if err == nil && o.Reveal {
		err = d.shows.reveal(ctx, env, "dead letters")
	}
	if err != nil {
		return nil, err
	}
	stats, err := d.selection.Stats(ctx)
	if err != nil {
		return nil, err
	}
	out := &DeadLetterStats{
		Unresolved: stats.Unresolved, Followers: stats.Followers, Topics: []DeadLetterTopicStat{}, Groups: d.shows.causes(stats.Causes), Across: d.shows.across(stats.Causes),
		Trend: trendOf(stats.Hours), HeldKeys: len(stats.Held), Held: []HeldKey{},
	}
	for _, h := range stats.Held[:min(len(stats.Held), shownHeld)] {
		out.Held = append(out.Held, HeldKey{h.Topic, h.Source, h.Group, d.shows.key(h.Source, "", h.Key), h.Behind, h.Followers, h.Since.UTC()})
	}
	for _, t := range stats.Topics {
		out.Topics = append(out.Topics, DeadLetterTopicStat{t.Topic, t.Source, t.Total, t.Unresolved, t.Replayed + t.Repaired, t.Purged, t.Followers})
	}
	return out, nil
}

// causes are causes as they are shown, with the errors' messages hidden that may tell what is sensitive.
func (s *shower) causes(causes []replay.CauseStats) []DeadLetterCause {
	out := []DeadLetterCause{}
	for _, c := range causes {
		c.Message = s.errorMessage(c.Source, c.EventType, c.Message)
		out = append(out, DeadLetterCause{c.ID, c.Cause.String(), c.EventType, c.Group, c.Count, c.First.UTC(), c.Last.UTC()})
	}
	return out
}

// across are causes by error and group alone, the most frequent first.
func (s *shower) across(causes []replay.CauseStats) []DeadLetterAcross {
	type key struct{ across, name string }
	at, seen, out := map[string]int{}, map[key]bool{}, []DeadLetterAcross{}
	for i, shown := range s.causes(causes) {
		c := &causes[i]
		n, known := at[c.Across]
		if !known {
			n, at[c.Across] = len(out), len(out)
			out = append(out, DeadLetterAcross{ID: c.Across, Cause: shown.Cause, Group: c.Group, First: shown.First, Last: shown.Last})
		}
		a := &out[n]
		if a.Count += c.Count; shown.First.Before(a.First) {
			a.First = shown.First
		}
		if shown.Last.After(a.Last) {
			a.Last = shown.Last
		}
		if shown.Cause != c.Cause.String() { // hidden in one of them
			a.Cause = shown.Cause
		}
		if topic := (key{c.Across, "topic " + c.Source}); !seen[topic] {
			seen[topic] = true
			a.Topics++
		}
		if eventType := (key{c.Across, "type " + c.EventType}); !seen[eventType] {
			seen[eventType] = true
			a.EventTypes++
		}
	}
	slices.SortStableFunc(out, func(a, b DeadLetterAcross) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
