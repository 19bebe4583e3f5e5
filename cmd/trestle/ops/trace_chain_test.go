package ops

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
)

// TestChain puts conversations together whose parts say more, or less, of what led to them.
func TestChain(t *testing.T) {
	t.Parallel()
	begun := time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC)
	at := func(ms int, topic, eventType, id string) eventtrace.Event {
		return eventtrace.Event{Topic: topic, Offset: int64(ms), EventType: eventType, EventID: id, LogTime: begun.Add(time.Duration(ms) * time.Millisecond)}
	}
	with := func(e eventtrace.Event, change func(e *eventtrace.Event)) eventtrace.Event {
		change(&e)
		return e
	}
	letter := func(ms int, of string) eventtrace.Event {
		return with(at(ms, "dlq", deadletter.EventType, of), func(e *eventtrace.Event) { e.Payload = jsonio.Raw(`{"source_topic":"asks"}`) })
	}
	for name, test := range map[string]struct {
		events []eventtrace.Event
		want   string
	}{
		"answered": {
			[]eventtrace.Event{at(0, "asks", "Ask", "a"), at(10, "status", "Status", "s"), at(250, "tells", "Told", "t")},
			"Ask +0 250 answered after 250 ms|  Status +10 0|  Told +250 0",
		},
		"still waiting, by the limit": {
			[]eventtrace.Event{at(0, "asks", "Ask", "a"), at(10, "status", "Status", "s")},
			"Ask +0 60000 gap no response: waits 1m0s, without a deadline (the limit is 5s)|  Status +10 0",
		},
		"past its deadline": {
			[]eventtrace.Event{with(at(0, "asks", "Ask", "a"), func(e *eventtrace.Event) { e.Deadline = begun.Add(58 * time.Second) })},
			"Ask +0 60000 gap no response: waits 1m0s, its deadline passed 2.0 s ago",
		},
		"with time left": {
			[]eventtrace.Event{with(at(0, "asks", "Ask", "a"), func(e *eventtrace.Event) { e.Deadline = begun.Add(90 * time.Second) })},
			"Ask +0 60000 gap no response: waits 1m0s, its deadline is in 30.0 s",
		},
		"died, and was not replayed": {
			[]eventtrace.Event{at(0, "asks", "Ask", "a"), letter(500, "a")},
			"Ask +0 500 gap no response: dead-lettered after 500 ms|  DeadLetter +500 0 gap not replayed",
		},
		"died, was replayed and answered": {
			[]eventtrace.Event{at(0, "asks", "Ask", "a"), letter(500, "a"), at(2000, "asks", "Ask", "a"), at(2100, "tells", "Told", "t")},
			"Ask +0 500 gap no response: dead-lettered after 500 ms|  DeadLetter +500 0 replayed after 1.5 s|    Ask +2000 100 answered after 100 ms|      Told +2100 0",
		},
		"a letter without the id of what died": {
			[]eventtrace.Event{at(0, "asks", "Ask", "a"), letter(500, "other")},
			"Ask +0 500 gap no response: dead-lettered after 500 ms|  DeadLetter +500 0 gap not replayed",
		},
		"by its causation id": {
			[]eventtrace.Event{
				at(0, "asks", "Ask", "a"), with(at(5, "x", "Step", "b"), func(e *eventtrace.Event) { e.CausationID = "a" }),
				with(at(9, "x", "Step", "c"), func(e *eventtrace.Event) { e.CausationID = "b" }), at(20, "tells", "Told", "t"),
				with(at(30, "x", "Step", "d"), func(e *eventtrace.Event) { e.CausationID = "not there" }),
			},
			"Ask +0 20 answered after 20 ms|  Step +5 0|    Step +9 0|  Told +20 0|  Step +30 0",
		},
		"a response without its request": {
			[]eventtrace.Event{at(0, "tells", "Told", "t"), at(5, "x", "Step", "b")}, "Told +0 0|Step +5 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := chainBuilder{events: test.events, replies: map[string]string{"Ask": "Told"}, now: begun.Add(time.Minute), patience: 5 * time.Second}
			var got []string
			for _, l := range b.build(&shower{}).Links {
				line := fmt.Sprintf("%s%s +%d %d", strings.Repeat("  ", l.Depth), l.EventType, l.After.Milliseconds(), l.For.Milliseconds())
				if l.Gap {
					line += " gap"
				}
				if l.Note != "" {
					line += " " + l.Note
				}
				got = append(got, line)
			}
			want := strings.ReplaceAll(test.want, "DeadLetter", deadletter.EventType)
			if diff := cmp.Diff(strings.Split(want, "|"), got); diff != "" {
				t.Errorf("chain differs (-want +got):\n%s", diff)
			}
		})
	}
}
