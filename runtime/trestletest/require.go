package trestletest

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
)

// RequirePublished returns the first event of the type P that was published and acknowledged and is as every match asks. Where
// there is none the test ends, with what was published instead.
func RequirePublished[P trestle.Event](tb testing.TB, r *Recorder, match ...Match[P]) P {
	tb.Helper()
	sent := r.Sent()
	found, ok := find(sent, match)
	if !ok {
		tb.Fatalf("no %s%s was published%s", nameOf[P](), wanted(match), instead(sent, match))
	}
	return found
}

// RequireNotPublished ends the test when an event of the type P that is as every match asks was published and acknowledged.
func RequireNotPublished[P trestle.Event](tb testing.TB, r *Recorder, match ...Match[P]) {
	tb.Helper()
	if found, ok := find(r.Sent(), match); ok {
		tb.Fatalf("%s%s was published: %s", nameOf[P](), wanted(match), textOf(found))
	}
}

// RequireDeleted ends the test unless the deletion of a key was published and acknowledged, on the topic of the event type P.
func RequireDeleted[P trestle.Event](tb testing.TB, r *Recorder, key string) {
	tb.Helper()
	var none P
	sent := r.Sent()
	for _, s := range sent {
		if s.Event == nil && s.Err == nil && s.Info.FullName == none.EventInfo().FullName && string(s.Record.Key) == key {
			return
		}
	}
	tb.Fatalf("the deletion of %q was not published for %s%s", none.EventInfo().Key(key), nameOf[P](), instead[P](sent, nil))
}

// RequireHandled ends the test unless the event was handled, with what became of it instead.
func RequireHandled(tb testing.TB, o Outcome) {
	tb.Helper()
	if o.Waiting || o.Result != trestle.Handled {
		tb.Fatalf("the event was not handled: %v", o)
	}
}

// RequireDeadLettered returns the event's dead letter. The test ends unless it has one, with what became of it instead.
func RequireDeadLettered(tb testing.TB, o Outcome) *deadletter.DeadLetter {
	tb.Helper()
	if o.DeadLetter == nil {
		tb.Fatalf("the event was not dead-lettered: %v", o)
	}
	return o.DeadLetter
}

// find returns the first event that is as asked.
func find[P trestle.Event](sent []*Sent, match []Match[P]) (found P, ok bool) {
	for _, s := range sent {
		if e, ok := s.Event.(P); ok && s.Err == nil && len(differing(e, match)) == 0 {
			return e, true
		}
	}
	return found, false
}

// nameOf is the name of an event type.
func nameOf[P trestle.Event]() string {
	var none P
	if t := reflect.TypeFor[P](); t.Kind() != reflect.Pointer {
		return t.String()
	}
	return none.EventInfo().Type
}

// instead lists what was published, and in which ways events of the type P are not as asked.
func instead[P trestle.Event](sent []*Sent, match []Match[P]) string {
	if len(sent) == 0 {
		return ": nothing was"
	}
	var b strings.Builder
	b.WriteString("; this was:")
	for _, s := range sent {
		b.WriteString("\n  " + s.String())
		e, ok := s.Event.(P)
		if !ok {
			continue
		}
		for _, line := range differing(e, match) {
			b.WriteString("\n      " + line)
		}
	}
	return b.String()
}

// LogValue is what slog writes of it: what String returns.
func (s *Sent) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String names the event, its topic and its key, and has its payload as JSON, with *** for what is sensitive.
func (s *Sent) String() string {
	text := fmt.Sprintf("%s to %s, key %q", s.Info.Type, s.Record.Topic, s.Info.Key(string(s.Record.Key)))
	if s.Err != nil {
		text += fmt.Sprintf(", not acknowledged (%v)", s.Err)
	}
	if s.Event == nil {
		return text + ": deletes its key"
	}
	return text + ": " + textOf(s.Event)
}
