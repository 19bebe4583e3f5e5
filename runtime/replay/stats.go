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
	stats := &Stats{}
	for l, err := range s.All(ctx) {
		if err != nil {
			return nil, err
		}
		topics[l.Topic].count(l)
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
	return stats, nil
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
