package replay

import (
	"errors"
	"slices"
	"time"
)

// Filter says which letters are meant. What is empty is not asked; of a list one has to fit.
type Filter struct {
	Topics     []string // dead-letter topics, by their names on the cluster; those of Positions need not be named
	Causes     []string // ids, see [Cause]; or those of Across
	EventTypes []string
	Groups     []string // the groups that failed
	Keys       []string // the originals' keys
	Attempts   []int    // how often the original has been replayed
	// Since and Until bound when letters were written: not before Since, and before Until.
	Since, Until time.Time
	// Positions are single letters.
	Positions []Position
}

func (f *Filter) topics() ([]string, error) {
	topics := slices.Clone(f.Topics)
	for _, p := range f.Positions {
		topics = append(topics, p.Topic)
	}
	slices.Sort(topics)
	if topics = slices.Compact(topics); len(topics) == 0 || topics[0] == "" {
		return nil, errors.New("no dead-letter topic is named")
	}
	return topics, nil
}

func (f *Filter) matches(l *Letter) bool {
	fits := func(wanted []string, found string) bool { return len(wanted) == 0 || slices.Contains(wanted, found) }
	switch {
	case len(f.Positions) > 0 && !slices.Contains(f.Positions, l.Position),
		!f.Since.IsZero() && l.Time.Before(f.Since),
		!f.Until.IsZero() && !l.Time.Before(f.Until),
		!fits(f.Causes, l.Cause.ID) && !fits(f.Causes, l.Cause.Across),
		!fits(f.EventTypes, l.EventType):
		return false
	}
	if l.Dead == nil {
		return len(f.Groups) == 0 && len(f.Keys) == 0 && len(f.Attempts) == 0
	}
	return fits(f.Groups, l.Dead.ConsumerGroup) && fits(f.Keys, string(l.Dead.Original.Key)) &&
		(len(f.Attempts) == 0 || slices.Contains(f.Attempts, l.Dead.Attempt))
}
