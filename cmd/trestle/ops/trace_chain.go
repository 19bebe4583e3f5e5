package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/tools/schema"
)

// DeadLetterType is the event type of dead letters.
const DeadLetterType = deadletter.EventType

// MaxChain is how many events of a conversation [TraceChain] puts together, the newest.
const MaxChain = 1000

// Chain is a conversation: what led to what, and what is missing.
type Chain struct {
	// Links are in the order of the tree: each behind what caused it.
	Links []ChainLink
	// Begun and Lasted are of the log: the first event's time, and until the last or, where a request still waits, until now.
	Begun  time.Time
	Lasted time.Duration
	// Earlier events were left out.
	Earlier int64
}

// ChainLink is an event of a [Chain].
type ChainLink struct {
	Traced
	// Depth is how many events led to it.
	Depth int
	// After is how long after the first event it was written, and For how long it went on: a request until its response, or until now.
	After, For time.Duration
	// Gap says that something is missing behind it: a response, or the replay of a dead letter.
	Gap bool
	// Note says what became of it.
	Note string
}

// TraceChain returns the conversation with a correlation id. An event follows from that which its causation id names; without one a
// response follows from its request, a dead letter from the event that died, and a replay from the dead letter.
func TraceChain(ctx context.Context, p *Project, env Environment, id string, o TraceOptions) (*Chain, error) {
	q := eventtrace.Query{CorrelationID: id}
	if err := q.Validate(); err != nil {
		return nil, err
	}
	t, err := openTraces(ctx, p, env, o.Reveal, o.Warn)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	count := MaxChain
	if o.Count > 0 {
		count = min(count, o.Count)
	}
	from, err := t.newer(ctx, q, count)
	if err != nil {
		return nil, err
	}
	var events []eventtrace.Event
	for e, err := range t.timeline(ctx, q, from) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		return &Chain{}, nil
	}
	limits := MonitorLimits{}
	if !errors.Is(t.shows.missing, ErrNoProject) && p != nil {
		limits = p.Config.Monitor.Limits
	}
	b := chainBuilder{
		events: events, now: time.Now().UTC(), replies: repliesOf(t.shows.set),
		patience: time.Duration(limits.orDefaults().ResponseMS) * time.Millisecond,
	}
	chain := b.build(t.shows)
	if !from.IsZero() {
		if chain.Earlier, err = t.count(ctx, q, from); err != nil {
			return nil, err
		}
		chain.Earlier++
	}
	return chain, nil
}

// chainBuilder puts a conversation together.
type chainBuilder struct {
	events   []eventtrace.Event // in the order of the log
	replies  map[string]string  // types of requests: those of their responses
	now      time.Time
	patience time.Duration

	parent []int          // of each event, -1: none
	answer map[int]int    // of a request: its response
	died   map[int]int    // of an event: its dead letter
	again  map[int]int    // of a dead letter: its replay
	source map[int]string // of a dead letter: the topic that its original was on
}

func repliesOf(set *schema.Set) map[string]string {
	out := map[string]string{}
	if set == nil {
		return out
	}
	for _, e := range set.Events() {
		if e.Reply != nil {
			out[e.Type] = e.Reply.Type
		}
	}
	return out
}

func (b *chainBuilder) build(shows *shower) *Chain {
	b.relate()
	chain := &Chain{Begun: b.events[0].LogTime.UTC()}
	for i := range b.events { // times of the log may go back where causation says otherwise
		if at := b.events[i].LogTime; at.Before(chain.Begun) {
			chain.Begun = at.UTC()
		}
	}
	children := make([][]int, len(b.events))
	var roots []int
	for i, p := range b.parent {
		if p < 0 {
			roots = append(roots, i)
		} else {
			children[p] = append(children[p], i)
		}
	}
	var walk func(i, depth int)
	walk = func(i, depth int) {
		link := b.link(i, shows, chain.Begun)
		link.Depth = depth
		chain.Links = append(chain.Links, link)
		chain.Lasted = max(chain.Lasted, link.After+link.For)
		for _, c := range children[i] {
			walk(c, depth+1)
		}
	}
	for _, i := range roots {
		walk(i, 0)
	}
	return chain
}

// relate finds what led to each event. Only what stands earlier leads to something, so that there is no ring.
func (b *chainBuilder) relate() {
	b.parent = make([]int, len(b.events))
	b.answer, b.died, b.again, b.source = map[int]int{}, map[int]int{}, map[int]int{}, map[int]string{}
	byID := map[string]int{}
	for i := range b.events {
		e := &b.events[i]
		b.parent[i] = -1
		cause, caused := byID[e.CausationID]
		caused = caused && e.CausationID != ""
		switch {
		case e.EventType == deadletter.EventType:
			b.parent[i] = b.original(i)
		case b.replayed(i) >= 0:
			b.parent[i] = b.replayed(i)
			b.again[b.parent[i]] = i
		default:
			if request := b.asked(i); request >= 0 {
				b.answer[request] = i
				b.parent[i] = request
			}
			if caused {
				b.parent[i] = cause
			} else if b.parent[i] < 0 {
				b.parent[i] = b.openRequest(i)
			}
		}
		if b.parent[i] >= 0 && e.EventType == deadletter.EventType {
			b.died[b.parent[i]] = i
		}
		if _, ok := byID[e.EventID]; !ok && e.EventType != deadletter.EventType {
			byID[e.EventID] = i
		}
	}
}

// original is the event that died for a letter: that of its id, else the last one on the topic that the letter names.
func (b *chainBuilder) original(letter int) int {
	var says struct {
		Source string `json:"source_topic"`
	}
	e := &b.events[letter]
	json.Unmarshal([]byte(e.Payload), &says) //nolint:errcheck // then it names none
	b.source[letter] = says.Source
	last := -1
	for i := letter - 1; i >= 0; i-- {
		o := &b.events[i]
		if o.EventType == deadletter.EventType {
			continue
		}
		if o.EventID == e.EventID {
			return i
		}
		if last < 0 && says.Source != "" && o.Topic == says.Source {
			last = i
		}
	}
	return last
}

// replayed is the letter that an event replays, -1 where it does none: it is of the type that died, on the topic that it died on, and no replay yet is there.
func (b *chainBuilder) replayed(i int) int {
	e := &b.events[i]
	for letter := i - 1; letter >= 0; letter-- {
		if b.events[letter].EventType != deadletter.EventType || b.parent[letter] < 0 {
			continue
		}
		died := &b.events[b.parent[letter]]
		if _, taken := b.again[letter]; !taken && died.EventID == e.EventID && died.EventType == e.EventType && b.source[letter] == e.Topic {
			return letter
		}
	}
	return -1
}

// asked is the request that an event is the first response to, -1: none. Of several it is the last one that has no response.
func (b *chainBuilder) asked(response int) int {
	for i := response - 1; i >= 0; i-- {
		if _, answered := b.answer[i]; answered {
			continue
		}
		if reply := b.reply(i); reply != "" && reply == b.events[response].EventType {
			return i
		}
	}
	return -1
}

// openRequest is the last request before an event, -1: none. A request does not follow from another by that.
func (b *chainBuilder) openRequest(i int) int {
	if b.reply(i) != "" {
		return -1
	}
	for r := i - 1; r >= 0; r-- {
		if b.reply(r) != "" {
			return r
		}
	}
	return -1
}

// reply is the type of the response that an event asks for; empty for none.
func (b *chainBuilder) reply(i int) string { return b.replies[b.events[i].EventType] }

func (b *chainBuilder) link(i int, shows *shower, begun time.Time) ChainLink {
	e := &b.events[i]
	link := ChainLink{Traced: shows.traced(*e), After: e.LogTime.Sub(begun)}
	since := func(other int) time.Duration { return max(0, b.events[other].LogTime.Sub(e.LogTime)) }
	switch {
	case e.EventType == deadletter.EventType:
		if again, ok := b.again[i]; ok {
			link.Note = "replayed after " + roughly(since(again))
		} else {
			link.Note, link.Gap = "not replayed", true
		}
	case b.reply(i) != "":
		if answer, ok := b.answer[i]; ok {
			link.For = since(answer)
			link.Note = "answered after " + roughly(link.For)
			break
		}
		link.Gap = true
		if letter, ok := b.died[i]; ok {
			link.For = since(letter)
			link.Note = "no response: dead-lettered after " + roughly(link.For)
			break
		}
		link.For = max(0, b.now.Sub(e.LogTime))
		link.Note = "no response: waits " + roughly(link.For) + ", " + b.deadline(e)
	}
	return link
}

// deadline says how a request stands to its deadline.
func (b *chainBuilder) deadline(e *eventtrace.Event) string {
	if e.Deadline.IsZero() {
		return fmt.Sprintf("without a deadline (the limit is %v)", b.patience)
	}
	if left := e.Deadline.Sub(b.now); left > 0 {
		return "its deadline is in " + roughly(left)
	}
	return "its deadline passed " + roughly(b.now.Sub(e.Deadline)) + " ago"
}

// roughly is a time as people read it.
func roughly(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Truncate(time.Second).String()
}
