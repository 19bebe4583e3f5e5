package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/tools/expr"
)

// TraceFilter says which events of the trace store are found: those of which all that is set is true.
type TraceFilter struct {
	// EventType, Topic, Key, Correlation and Session are what an event has, exactly; a topic by the schemas' name or the cluster's.
	EventType, Topic, Key, Correlation, Session string
	// From and To bound the time in the log, RFC 3339: From is in, To is not.
	From, To string
	// Text stands in the payload's JSON, as it is shown.
	Text string
	// Where is FIELD=VALUE, of a field of the payload such as error.error_type=Timeout, or an expression in CEL that is true for the event. It
	// knows what a [RecordFilter] does; value has event_type, correlation_id, session_id and payload, as they are shown. There are no headers.
	Where string
}

// fieldIs is FIELD=VALUE. No expression in CEL looks like it.
var fieldIs = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)=([^=].*|)$`)

// traceFilter is a TraceFilter that was read.
type traceFilter struct {
	query eventtrace.Query
	text  string
	where func(*eventtrace.Event, *Traced) bool // nil: true of all
}

// compile reads a filter. Topics have the environment's names.
func (f TraceFilter) compile(shows *shower) (*traceFilter, error) {
	out := &traceFilter{text: f.Text, query: eventtrace.Query{CorrelationID: f.Correlation, SessionID: f.Session, Text: f.Text}}
	if f.EventType != "" {
		out.query.EventTypes = []string{f.EventType}
	}
	if f.Topic != "" {
		out.query.Topics = []string{shows.topic(f.Topic)}
	}
	if f.Key != "" {
		out.query.Key = []byte(f.Key)
	}
	for _, bound := range []struct {
		flag, text string
		at         *time.Time
	}{{"--from", f.From, &out.query.From}, {"--to", f.To, &out.query.Until}} {
		if bound.text == "" {
			continue
		}
		var err error
		if *bound.at, err = time.Parse(time.RFC3339, bound.text); err != nil {
			return nil, fmt.Errorf("%s %q: want a time such as 2025-10-16T12:34:56Z", bound.flag, bound.text)
		}
	}
	if err := out.query.Validate(); err != nil {
		return nil, err
	}
	if f.Where == "" {
		return out, nil
	}
	if parts := fieldIs.FindStringSubmatch(f.Where); parts != nil {
		path := strings.Split(parts[1], ".")
		out.where = func(_ *eventtrace.Event, shown *Traced) bool { return hasField(shown.Payload, path, parts[2]) }
		return out, nil
	}
	where, err := compileWhere(f.Where)
	if err != nil {
		return nil, fmt.Errorf("--where: %w", err)
	}
	out.where = func(e *eventtrace.Event, shown *Traced) bool { return isTrueOf(where, e, shown) }
	return out, nil
}

// matches says whether an event that the store has found is shown: by what is shown of it, so that nothing can be learned of what is masked.
func (f *traceFilter) matches(e *eventtrace.Event, shown *Traced) bool {
	if f.text != "" && e.Payload != "" && !bytes.Contains(shown.Payload, []byte(f.text)) {
		return false
	}
	if f.text != "" && e.Payload == "" && shown.Invalid == withheldReason {
		return false
	}
	return f.where == nil || f.where(e, shown)
}

// hasField says whether a payload has a field, by its path, of a value: text as it is, anything else as its JSON.
func hasField(payload json.RawMessage, path []string, want string) bool {
	for _, name := range path {
		var object map[string]json.RawMessage
		if json.Unmarshal(payload, &object) != nil {
			return false
		}
		var ok bool
		if payload, ok = object[name]; !ok {
			return false
		}
	}
	var text string
	if json.Unmarshal(payload, &text) == nil && string(payload) != "null" {
		return text == want
	}
	return string(payload) == want
}

func isTrueOf(where *expr.Program, e *eventtrace.Event, shown *Traced) bool {
	payload, err := readNumbers(shown.Payload)
	if err != nil {
		return false
	}
	value := map[string]any{"event_type": shown.EventType, "correlation_id": nil, "session_id": nil, "payload": payload}
	if shown.CorrelationID != nil {
		value["correlation_id"] = *shown.CorrelationID
	}
	if shown.SessionID != nil {
		value["session_id"] = *shown.SessionID
	}
	return where.Holds(expr.Record{
		Value: value, Key: shown.key, EventType: shown.EventType, Headers: map[string]string{}, Timestamp: e.LogTime, Partition: e.Partition, Offset: e.Offset,
	})
}

// FindTraced calls show for the events that a filter finds, newest first by their time in the log, and says whether more may follow those that
// o.Count left. With o.Follow these are those that are stored from now on, until ctx ends, as they come. They come one by one: however many there are, few are in memory. An error of show ends it and is its own.
func FindTraced(ctx context.Context, p *Project, env Environment, f TraceFilter, o TraceOptions, show func(Traced) error) (more bool, err error) {
	if o.Count < 0 {
		return false, fmt.Errorf("-n %d: at least 1, or 0 for all", o.Count)
	}
	t, err := openTraces(ctx, p, env, o.Reveal, o.Warn)
	if err != nil {
		return false, err
	}
	defer t.Close()
	filter, err := f.compile(t.shows)
	if err != nil {
		return false, err
	}
	if o.Follow {
		mark, err := eventtrace.NewMark(ctx, t.store)
		if err != nil {
			return false, err
		}
		return false, t.watch(ctx, filter.query, mark, func(e *eventtrace.Event, traced Traced) error {
			if !filter.matches(e, &traced) {
				return nil
			}
			return show(traced)
		})
	}
	shown := 0
	for e, err := range t.events(ctx, filter.query, eventtrace.Cursor{}, eventtrace.Newest) {
		if err != nil {
			return false, err
		}
		if shown == o.Count && o.Count > 0 {
			return true, nil
		}
		traced := t.shows.traced(e)
		if !filter.matches(&e, &traced) {
			continue
		}
		shown++
		if err := show(traced); err != nil {
			return false, err
		}
	}
	return false, nil
}
