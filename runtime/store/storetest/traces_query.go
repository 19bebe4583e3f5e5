package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// page reads all that a query asks for in pages of limit.
func page(t *testing.T, store eventtrace.Store, q eventtrace.Query, way eventtrace.Way, limit int) []eventtrace.Event {
	t.Helper()
	var all []eventtrace.Event
	for at := (eventtrace.Cursor{}); ; {
		events, err := store.Read(t.Context(), q, at, way, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) > limit {
			t.Fatalf("page of %d events, want at most %d", len(events), limit)
		}
		if len(events) == 0 {
			return all
		}
		if all = append(all, events...); len(all) > 10_000 {
			t.Fatal("the pages do not end")
		}
		at = events[len(events)-1].Cursor()
	}
}

// crowd is events of five to a millisecond, over topics and partitions, so that pages end among equal times.
func crowd(total int64) []eventtrace.Event {
	var events []eventtrace.Event
	for i := range total {
		e := event(fmt.Sprintf("topic %d", i%3), int32(i%2), i)
		e.LogTime = start.Truncate(time.Second).Add(time.Duration(i/5) * time.Millisecond)
		e.Timestamp = e.LogTime
		events = append(events, e)
	}
	return events
}

func byCursor(a, b eventtrace.Event) int { return a.Cursor().Compare(b.Cursor()) }

func paged(t *testing.T, store eventtrace.Store) {
	const total = 57
	want := crowd(total)
	other := event("topic 0", 0, 1000)
	other.EventType, other.SessionID, other.CorrelationID = eventType+"2", correlation, session
	appendEvents(t, store, total+1, nil, append(slices.Clone(want), other)...)
	slices.SortFunc(want, byCursor)
	reversed := slices.Clone(want)
	slices.Reverse(reversed)
	for _, q := range []eventtrace.Query{
		{EventTypes: []string{eventType}}, {SessionID: session}, {CorrelationID: correlation}, {Until: other.LogTime},
		{Topics: []string{"topic 0", "topic 1", "topic 2"}, Until: other.LogTime}, {EventTypes: []string{eventType, "Another"}},
	} {
		for _, limit := range []int{1, 4, 10, total, total + 1} {
			equal(t, page(t, store, q, eventtrace.Oldest, limit), want)
			equal(t, page(t, store, q, eventtrace.Newest, limit), reversed)
		}
		for _, i := range []int{0, 1, 15, total - 1} {
			n, err := store.Count(t.Context(), q, want[i].Cursor())
			if err != nil || n != int64(i) {
				t.Errorf("%+v: %d events before number %d, error %v", q, n, i, err)
			}
		}
		if n, err := store.Count(t.Context(), q, eventtrace.Cursor{}); err != nil || n != total {
			t.Errorf("%+v: %d events, error %v; want %d", q, n, err, total)
		}
	}
}

func pagedByBytes(t *testing.T, store eventtrace.Store) {
	large := jsonio.Raw(`"` + strings.Repeat("x", eventtrace.PageBytes/2) + `"`)
	events := batch("large", 0, 5)
	for i := range events {
		events[i].Payload = large
	}
	appendEvents(t, store, len(events), nil, events...)
	got, err := store.Read(t.Context(), eventtrace.Query{SessionID: session}, eventtrace.Cursor{}, eventtrace.Oldest, 100)
	if err != nil || len(got) != 2 {
		t.Errorf("a page of %d events of half its bytes each, error %v", len(got), err)
	}
	equal(t, page(t, store, eventtrace.Query{SessionID: session}, eventtrace.Oldest, 100), events)
}

func asked(t *testing.T, store eventtrace.Store) {
	events := crowd(12)
	for i := range events {
		events[i].TopicID = firstTopic
	}
	events[3].Key = []byte{0, 0xff}
	events[4].Payload, events[4].Value, events[4].Invalid = "", []byte("not JSON: needle \xff"), "not JSON"
	events[5].Payload = `{"text":"a n\u0065edle, and a needle: 100% sure"}`
	events[6].EventType = ""
	events[7].CausationID, events[7].Deadline = events[0].EventID, start.Add(time.Minute)
	appendEvents(t, store, len(events), nil, events...)
	slices.SortFunc(events, byCursor)
	millisecond := func(n int) time.Time { return start.Truncate(time.Second).Add(time.Duration(n) * time.Millisecond) }
	for name, test := range map[string]struct {
		q    eventtrace.Query
		want func(e eventtrace.Event) bool
	}{
		"everything":     {eventtrace.Query{}, func(eventtrace.Event) bool { return true }},
		"a key":          {eventtrace.Query{Key: []byte{0, 0xff}}, func(e eventtrace.Event) bool { return e.Offset == 3 }},
		"text":           {eventtrace.Query{Text: "needle"}, func(e eventtrace.Event) bool { return e.Offset == 4 || e.Offset == 5 }},
		"no pattern":     {eventtrace.Query{Text: "100% s"}, func(e eventtrace.Event) bool { return e.Offset == 5 }},
		"a topic":        {eventtrace.Query{Topics: []string{"topic 1"}}, func(e eventtrace.Event) bool { return e.Topic == "topic 1" }},
		"two topics":     {eventtrace.Query{Topics: []string{"topic 1", "topic 2"}}, func(e eventtrace.Event) bool { return e.Topic != "topic 0" }},
		"no type":        {eventtrace.Query{EventTypes: []string{""}}, func(e eventtrace.Event) bool { return e.Offset == 6 }},
		"two types":      {eventtrace.Query{EventTypes: []string{"", eventType}}, func(eventtrace.Event) bool { return true }},
		"from":           {eventtrace.Query{From: millisecond(1)}, func(e eventtrace.Event) bool { return e.Offset >= 5 }},
		"until":          {eventtrace.Query{Until: millisecond(1)}, func(e eventtrace.Event) bool { return e.Offset < 5 }},
		"both":           {eventtrace.Query{From: millisecond(1), Until: millisecond(2)}, func(e eventtrace.Event) bool { return e.Offset >= 5 && e.Offset < 10 }},
		"places":         {eventtrace.Query{Places: &eventtrace.Places{Topic: "topic 0", TopicID: firstTopic, Partition: 0, First: 6, End: 12}}, func(e eventtrace.Event) bool { return e.Offset == 6 }},
		"another's":      {eventtrace.Query{Places: &eventtrace.Places{Topic: "topic 0", Partition: 0, First: 0, End: 12}}, func(eventtrace.Event) bool { return false }},
		"a session's":    {eventtrace.Query{SessionID: session, Topics: []string{"topic 1"}, Text: "step 10"}, func(e eventtrace.Event) bool { return e.Offset == 10 }},
		"nobody's":       {eventtrace.Query{SessionID: correlation}, func(eventtrace.Event) bool { return false }},
		"a conversation": {eventtrace.Query{CorrelationID: correlation, Key: []byte{1}}, func(eventtrace.Event) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(events), func(e eventtrace.Event) bool { return !test.want(e) })
			equal(t, page(t, store, test.q, eventtrace.Oldest, 5), want)
			if n, err := store.Count(t.Context(), test.q, eventtrace.Cursor{}); err != nil || n != int64(len(want)) {
				t.Errorf("count is %d, error %v; want %d", n, err, len(want))
			}
		})
	}
}

func newest(t *testing.T, store eventtrace.Store) {
	events := crowd(130)
	appendEvents(t, store, len(events), nil, events...)
	slices.SortFunc(events, byCursor)
	q := eventtrace.Query{SessionID: session}
	for _, n := range []int{1, 2, 50, 129, 130, 131} {
		from, err := eventtrace.Newer(t.Context(), store, q, n)
		if err != nil {
			t.Fatal(err)
		}
		var got []eventtrace.Event
		for e, err := range eventtrace.Events(t.Context(), store, q, from, eventtrace.Oldest) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		equal(t, got, events[max(0, len(events)-n):])
	}
}

// timeline has the clocks of a partition's producers disagree, all over an answer of several windows.
func timeline(t *testing.T, store eventtrace.Store) {
	const total = 5*eventtrace.TimelineWindow + 7
	events := crowd(total)
	for i := range events {
		if i%10 == 3 && i > 100 {
			events[i].LogTime = events[i-100].LogTime
		}
		if i%10 == 8 {
			events[i].Timestamp = events[i].Timestamp.Add(-time.Hour)
		}
	}
	appendEvents(t, store, total, nil, events...)
	eventtrace.Sort(events)
	var got []eventtrace.Event
	for e, err := range eventtrace.Timeline(t.Context(), store, eventtrace.Query{SessionID: session}, eventtrace.Cursor{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	equal(t, got, events)
}

// PlannedQuery is a question that stores answer by an index, which has the rows in order.
type PlannedQuery struct {
	Query eventtrace.Query
	// Index is the name of the index.
	Index string
	// At is a time in the middle of what is stored.
	At time.Time
	// Narrowed says that something else is asked for, too, so that a database may sort what little it expects to be left.
	Narrowed bool
}

// PlannedEvents returns n events from an offset on for the questions of [PlannedQueries]: one in twenty is of the session, of the
// conversation, of the type and on the topic that they ask for.
func PlannedEvents(from int64, n int) []eventtrace.Event {
	events := batch("a", from, from+int64(n))
	for i := range events {
		if other := i % 20; other > 0 {
			e := &events[i]
			e.Topic, e.EventType = fmt.Sprint("another", other), fmt.Sprint("Another", other)
			e.SessionID, e.CorrelationID = wire.RecordID("session", 0, int64(other)), wire.RecordID("conversation", 0, int64(other))
		}
	}
	return events
}

// PlannedQueries returns the questions that are promised to be answered by an index, by what they ask for.
func PlannedQueries() map[string]PlannedQuery {
	at := start.Add(10 * time.Second)
	return map[string]PlannedQuery{
		"a session":           {eventtrace.Query{SessionID: session}, "event_logs_session_time", at, false},
		"a conversation":      {eventtrace.Query{CorrelationID: correlation}, "event_logs_correlation_time", at, false},
		"a type":              {eventtrace.Query{EventTypes: []string{eventType}}, "event_logs_type", at, false},
		"a topic":             {eventtrace.Query{Topics: []string{"a"}}, "event_logs_topic_time", at, false},
		"everything":          {eventtrace.Query{}, "event_logs_time", at, false},
		"a type within times": {eventtrace.Query{EventTypes: []string{eventType}, From: start, Until: at}, "event_logs_type", at.Add(-time.Second), true},
		"a session's of a type": {
			eventtrace.Query{SessionID: session, EventTypes: []string{eventType}, Topics: []string{"a"}}, "event_logs_session_time", at, true,
		},
		"a conversation's of a session": {eventtrace.Query{SessionID: session, CorrelationID: correlation}, "event_logs_correlation_time", at, true},
		"two types":                     {eventtrace.Query{EventTypes: []string{eventType, "Another3"}}, "event_logs_time", at, true},
		"a time":                        {eventtrace.Query{From: start.Add(time.Second), Until: at}, "event_logs_time", at.Add(-time.Second), false},
	}
}
