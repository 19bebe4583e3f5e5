package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// TraceStatsOptions say which window of the trace is looked at, by the times of the log.
type TraceStatsOptions struct {
	// Window is how long it is; 0: an hour or, with Since, until now.
	Window time.Duration
	// Since is when it begins, RFC 3339; empty: so long ago as it is long.
	Since string
	// Most is how many of the slowest conversations and the busiest sessions are returned; 0: 5.
	Most int
}

// TraceStats say what the trace store has of a window.
type TraceStats struct {
	// Window is how long it is, and Until its end.
	Window string    `json:"window"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	// Events are all of them, dead letters too.
	Events int64 `json:"events"`
	// Types and Topics have the busiest first. A type is empty for records whose type could not be read.
	Types    []TypeRate      `json:"types"`
	Topics   []TopicRate     `json:"topics"`
	Requests []ResponseTimes `json:"requests"`
	// DeadLetters are how many, and DeadLetterRate which part of the other events.
	DeadLetters    int64              `json:"dead_letters"`
	DeadLetterRate float64            `json:"dead_letter_rate"`
	Slowest        []SlowConversation `json:"slowest"`
	Busiest        []BusySession      `json:"busiest"`
	// Targets are the limits of [Monitor], which are the guide's where trestle.yaml has no others: what is the case in the window beside each.
	Targets []Threshold `json:"targets"`
}

// TypeRate is how many events there were of a type, and how many a second.
type TypeRate struct {
	EventType string  `json:"event_type"`
	Count     int64   `json:"count"`
	Rate      float64 `json:"rate"`
}

// TopicRate is how many events there were on a topic, and how many a second.
type TopicRate struct {
	Topic string  `json:"topic"`
	Count int64   `json:"count"`
	Rate  float64 `json:"rate"`
}

// ResponseTimes are how long requests of a type waited: those that were answered in the window, and those of it that were not.
type ResponseTimes struct {
	EventType string `json:"event_type"`
	// Count are the requests of the window, Answered the responses.
	Count    int64 `json:"count"`
	Answered int64 `json:"answered"`
	P50      int64 `json:"p50_ms"`
	P95      int64 `json:"p95_ms"`
	P99      int64 `json:"p99_ms"`
	// Unanswered are past their deadline, or past the limit where they have none.
	Unanswered int64 `json:"unanswered"`
}

// SlowConversation is a request that waited long, or waits.
type SlowConversation struct {
	CorrelationID string    `json:"correlation_id"`
	EventType     string    `json:"event_type"`
	Asked         time.Time `json:"asked"`
	MS            int64     `json:"ms"`
	Answered      bool      `json:"answered"`
}

// BusySession is a session with many events.
type BusySession struct {
	SessionID string    `json:"session_id"`
	Count     int64     `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
}

// window returns the window that is looked at, now.
func (o TraceStatsOptions) window(now time.Time) (from, until time.Time, err error) {
	if o.Window < 0 {
		return from, until, fmt.Errorf("--window %v: want a time such as 1h", o.Window)
	}
	if o.Since == "" {
		return now.Add(-cmp.Or(o.Window, time.Hour)), now, nil
	}
	if from, err = time.Parse(time.RFC3339, o.Since); err != nil {
		return from, until, fmt.Errorf("--since %q: want a time such as 2025-10-16T12:34:56Z", o.Since)
	}
	if until = now; o.Window > 0 && from.Add(o.Window).Before(now) {
		until = from.Add(o.Window)
	}
	if !from.Before(until) {
		return from, until, fmt.Errorf("--since %s: want a time that has passed", o.Since)
	}
	return from.UTC(), until.UTC(), nil
}

// StatTraces says what the trace store has of a window: how many events of which type and on which topic, how long requests waited, which part
// failed. The store counts, so that little is in memory however many there are.
func StatTraces(ctx context.Context, p *Project, env Environment, o TraceStatsOptions) (*TraceStats, error) {
	from, until, err := o.window(time.Now().UTC().Truncate(time.Millisecond))
	if err != nil {
		return nil, err
	}
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	store, err := env.traces(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	l := &look{
		Monitored: Monitored{until, []Threshold{}}, set: set, env: env, limits: p.Config.Monitor.Limits.orDefaults(), window: until.Sub(from),
	}
	out := &TraceStats{
		Window: until.Sub(from).String(), From: from, Until: until,
		Types: []TypeRate{}, Topics: []TopicRate{}, Requests: []ResponseTimes{}, Slowest: []SlowConversation{}, Busiest: []BusySession{},
	}
	q := eventtrace.Query{From: from, Until: until}
	tallies, err := store.tally(ctx, q)
	if err != nil {
		return nil, err
	}
	out.count(tallies, l)
	most := cmp.Or(o.Most, 5)
	if err := out.respond(ctx, store, l, most); err != nil {
		return nil, err
	}
	busiest, err := store.busiest(ctx, q, most)
	if err != nil {
		return nil, err
	}
	concealed := slices.ContainsFunc(set.Events(), func(e *schema.Event) bool { return e.Message.SensitivePath([]string{"session_id"}) })
	for _, b := range busiest {
		if concealed { // of which type the session is, nobody asked
			b.SessionID = jsonio.Hidden
		}
		out.Busiest = append(out.Busiest, BusySession(b))
	}
	out.Targets = l.Thresholds
	return out, nil
}

func (s *TraceStats) count(tallies []eventtrace.Tally, l *look) {
	types, topics := map[string]int64{}, map[string]int64{}
	for _, t := range tallies {
		s.Events += t.Count
		types[t.EventType] += t.Count
		topics[t.Topic] += t.Count
		if t.EventType == deadletter.EventType {
			s.DeadLetters += t.Count
		}
	}
	for eventType, n := range types {
		s.Types = append(s.Types, TypeRate{eventType, n, float64(n) / l.window.Seconds()})
	}
	for topic, n := range topics {
		s.Topics = append(s.Topics, TopicRate{topic, n, float64(n) / l.window.Seconds()})
	}
	slices.SortFunc(s.Types, func(a, b TypeRate) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.EventType, b.EventType))
	})
	slices.SortFunc(s.Topics, func(a, b TopicRate) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Topic, b.Topic)) })
	s.DeadLetterRate = deadLetterRate(s.DeadLetters, s.Events-s.DeadLetters, 1)
	for _, topic := range deadLetterTopics(l.set) {
		var events int64
		for _, source := range l.set.Topic(topic).DeadLetterOf {
			events += topics[source.Name]
		}
		if letters := topics[topic]; letters > 0 || events > 0 {
			declared, _ := l.env.Names().TopicOf(topic)
			l.add(MeasureDeadLetterRate, topic, declared, l.limits.DeadLetterRate, deadLetterRate(letters, events, l.limits.DeadLetterRate))
		}
	}
}

func (s *TraceStats) respond(ctx context.Context, store *traces, l *look, most int) error {
	for _, e := range l.set.Events() {
		if e.Reply == nil {
			continue
		}
		q := l.responseQuery(e)
		q.Slowest = most
		r, err := store.responses(ctx, q)
		if err != nil {
			return err
		}
		if r.Requests == 0 && r.Answered == 0 {
			continue
		}
		s.Requests = append(s.Requests, ResponseTimes{
			e.Type, r.Requests, r.Answered, r.P50.Milliseconds(), r.P95.Milliseconds(), r.P99.Milliseconds(), r.Unanswered,
		})
		for _, w := range r.Slowest {
			if e.Message.SensitivePath([]string{"correlation_id"}) {
				w.CorrelationID = jsonio.Hidden
			}
			s.Slowest = append(s.Slowest, SlowConversation{w.CorrelationID, e.Type, w.Asked, w.For.Milliseconds(), w.Answered})
		}
		l.add(MeasureResponseMS, e.Type, e.Type, float64(l.limits.ResponseMS), float64(r.P95.Milliseconds()))
	}
	slices.SortStableFunc(s.Slowest, func(a, b SlowConversation) int { return cmp.Compare(b.MS, a.MS) })
	s.Slowest = s.Slowest[:min(len(s.Slowest), most)]
	return nil
}

func (t *traces) tally(ctx context.Context, q eventtrace.Query) ([]eventtrace.Tally, error) {
	q, ok := t.of(q)
	if !ok {
		return nil, nil
	}
	return t.store.Tally(ctx, q)
}

func (t *traces) busiest(ctx context.Context, q eventtrace.Query, n int) ([]eventtrace.SessionTally, error) {
	q, ok := t.of(q)
	if !ok {
		return nil, nil
	}
	return t.store.Busiest(ctx, q, n)
}

func (t *traces) responses(ctx context.Context, q eventtrace.ResponseQuery) (eventtrace.Responses, error) {
	if t.none {
		return eventtrace.Responses{}, nil
	}
	q.Topics = t.topics
	return t.store.Responses(ctx, q)
}
