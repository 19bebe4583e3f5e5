package replay

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Stats count the letters of a selection. All are counted by reading them: offsets that hold no letters, such as those of
// transactions' markers, count nowhere.
type Stats struct {
	Unresolved int
	Parked     int          // letters in the store of [Options], which are on no topic yet
	Followers  int          // of them, those whose events have not failed: their keys are held, and they wait behind other letters
	Topics     []TopicStats // by name
	// Causes are those of letters that are not resolved, the most frequent first.
	Causes []CauseStats
	// Hours count letters by when they were written, in order; hours in which none was are left out.
	Hours []HourStats
	// Held are the keys that are held, those with the most followers first: of the filter's topics, groups, keys and times, whatever causes and event types it
	// names, since followers have none of the letter that they wait behind.
	Held []HeldKey
}

// HourStats are those of an hour.
type HourStats struct {
	Start time.Time // UTC
	// Written are all letters, and Unresolved those of them that are not resolved.
	Written, Unresolved int
}

// HeldKey is a key whose events wait behind a letter.
type HeldKey struct {
	Topic, Source string // the dead-letter topic, and that of the events
	Group         string // that holds it
	Key           string
	// Behind is where the letter stands that the first of them waits behind: topic/partition/offset.
	Behind    string
	Followers int       // that wait
	Since     time.Time // when the first of them was written
}

// TopicStats are those of a dead-letter topic.
type TopicStats struct {
	Topic  string
	Source string // the topics that its letters' originals are from, with commas between them; empty: unknown
	// Total is the sum of the others. Other are resolutions of a later version.
	Total, Unresolved, Replayed, Repaired, Purged, Other int
	// Parked are beside Total: letters that the topic refused, in the store of [Options]. parking.Publish brings them here.
	Parked    int
	Followers int // of those that are not resolved
}

// CauseStats are those of letters with one cause.
type CauseStats struct {
	Cause
	Count       int
	First, Last time.Time // when letters were written
}

// Stats counts the selection's letters, also those that are resolved. Parked ones are counted as of now.
func (s *Selection) Stats(ctx context.Context) (*Stats, error) {
	topics := map[string]*TopicStats{}
	sources := map[string][]string{}
	for _, topic := range s.topics {
		topics[topic] = &TopicStats{Topic: topic}
	}
	causes := map[string]*CauseStats{}
	hours := map[time.Time]*HourStats{}
	held := map[heldKey]*HeldKey{}
	followers := s.filter
	followers.Causes, followers.EventTypes = nil, nil
	stats := &Stats{}
	for l, err := range s.unfiltered(ctx) {
		if err != nil {
			return nil, err
		}
		if l.Resolution == nil && l.Follower && followers.matches(l) {
			countHeld(held, l)
		}
		if !s.filter.matches(l) {
			continue
		}
		topics[l.Topic].count(l)
		countHour(hours, l)
		if l.Source != "" && !slices.Contains(sources[l.Topic], l.Source) {
			sources[l.Topic] = append(sources[l.Topic], l.Source)
		}
		if l.Resolution == nil {
			stats.Unresolved++
			if l.Follower {
				stats.Followers++
			}
			countCause(causes, l)
		}
	}
	parked, err := s.parked(ctx)
	if err != nil {
		return nil, err
	}
	for _, topic := range s.topics {
		slices.Sort(sources[topic])
		topics[topic].Source = joined(sources[topic])
		topics[topic].Parked = parked[topic]
		stats.Parked += parked[topic]
		stats.Topics = append(stats.Topics, *topics[topic])
	}
	stats.Causes = byCount(causes)
	for _, h := range hours {
		stats.Hours = append(stats.Hours, *h)
	}
	slices.SortFunc(stats.Hours, func(a, b HourStats) int { return a.Start.Compare(b.Start) })
	for _, h := range held {
		stats.Held = append(stats.Held, *h)
	}
	slices.SortFunc(stats.Held, func(a, b HeldKey) int {
		return cmp.Or(cmp.Compare(b.Followers, a.Followers), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Behind, b.Behind))
	})
	return stats, nil
}

func countHour(hours map[time.Time]*HourStats, l *Letter) {
	start := l.Time.UTC().Truncate(time.Hour)
	if hours[start] == nil {
		hours[start] = &HourStats{Start: start}
	}
	hours[start].Written++
	if l.Resolution == nil {
		hours[start].Unresolved++
	}
}

func countHeld(held map[heldKey]*HeldKey, l *Letter) {
	key, _, ok := heldKeyOf(l)
	if !ok {
		return
	}
	h := held[key]
	if h == nil {
		h = &HeldKey{Topic: l.Topic, Source: l.Source, Group: key.group, Key: key.key, Behind: l.Dead.HeldBehind, Since: l.Time}
		held[key] = h
	}
	h.Followers++
	if l.Time.Before(h.Since) {
		h.Since = l.Time
	}
}

func (t *TopicStats) count(l *Letter) {
	t.Total++
	switch {
	case l.Resolution == nil:
		t.Unresolved++
		if l.Follower {
			t.Followers++
		}
	case l.Resolution.Kind == Replayed:
		t.Replayed++
	case l.Resolution.Kind == Repaired:
		t.Repaired++
	case l.Resolution.Kind == Purged:
		t.Purged++
	default:
		t.Other++
	}
}

func countCause(causes map[string]*CauseStats, l *Letter) {
	c := causes[l.Cause.ID]
	if c == nil {
		c = &CauseStats{Cause: l.Cause, First: l.Time, Last: l.Time}
		causes[l.Cause.ID] = c
	}
	c.Count++
	if l.Time.Before(c.First) {
		c.First = l.Time
	}
	if l.Time.After(c.Last) {
		c.Last = l.Time
	}
}

func byCount(causes map[string]*CauseStats) []CauseStats {
	all := make([]CauseStats, 0, len(causes))
	for _, c := range causes {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b CauseStats) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.ID, b.ID)) })
	return all
}
