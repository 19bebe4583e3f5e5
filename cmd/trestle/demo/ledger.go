package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	trestle "github.com/omninode/trestle/runtime"
)

// Counts says what became of the events of one type.
type Counts struct {
	Published    int `json:"published"`
	Consumed     int `json:"consumed"`
	DeadLettered int `json:"dead_lettered"`
	Traced       int `json:"traced"`
}

// ledger counts events as they are published and as consumers are done with them.
type ledger struct {
	mu      sync.Mutex
	events  map[string]*Counts
	changed chan struct{} // closed and replaced by every change
}

func newLedger() *ledger {
	return &ledger{events: map[string]*Counts{}, changed: make(chan struct{})}
}

func (l *ledger) update(eventType string, change func(*Counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.events[eventType] == nil {
		l.events[eventType] = &Counts{}
	}
	change(l.events[eventType])
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *ledger) published(eventType string) { l.update(eventType, func(c *Counts) { c.Published++ }) }
func (l *ledger) consumed(eventType string)  { l.update(eventType, func(c *Counts) { c.Consumed++ }) }

// observe counts what a consumer is done with. A dead letter is itself a published event.
func (l *ledger) observe(o trestle.Outcome) {
	eventType := known(o.EventType)
	switch o.Result {
	case trestle.Handled:
		l.consumed(eventType)
	case trestle.DeadLettered:
		l.update(eventType, func(c *Counts) { c.DeadLettered++ })
		l.published(deadLetterType)
	}
}

// unreadable stands for the type of a record whose type can't be read.
const unreadable = "(unreadable)"

func known(eventType string) string {
	if eventType == "" {
		return unreadable
	}
	return eventType
}

// settled waits until every published event was consumed or dead-lettered.
func (l *ledger) settled(ctx context.Context) error {
	for {
		l.mu.Lock()
		open, changed := l.open(), l.changed
		l.mu.Unlock()
		if len(open) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("events still open: %v: %w", open, context.Cause(ctx))
		}
	}
}

func (l *ledger) open() []string {
	var out []string
	for _, t := range slices.Sorted(maps.Keys(l.events)) {
		if c := l.events[t]; c.Published != c.Consumed+c.DeadLettered {
			out = append(out, fmt.Sprintf("%s published %d consumed %d dead-lettered %d", t, c.Published, c.Consumed, c.DeadLettered))
		}
	}
	return out
}

func (l *ledger) snapshot() map[string]*Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]*Counts, len(l.events))
	for t, c := range l.events {
		copied := *c
		out[t] = &copied
	}
	return out
}
