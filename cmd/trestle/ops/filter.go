package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/tools/expr"
	"github.com/omninode/trestle/tools/schema"
)

// RecordFilter says which records of a topic are shown; empty fields let all through.
type RecordFilter struct {
	// EventType, Key, Correlation and Session are what a record has, exactly.
	EventType, Key, Correlation, Session string
	// Headers are name=value each, all of which a record has; a name alone is any value.
	Headers []string
	// Until ends before a time, RFC 3339.
	Until string
	// Where is an expression in CEL that is true for the record. It knows value (its JSON), key, event_type, headers (by name), timestamp, partition and
	// offset. What is masked when it is shown is masked for the expression, too.
	Where string
}

// recordFilter is a RecordFilter that was read.
type recordFilter struct {
	RecordFilter
	until time.Time
	where *expr.Program
	read  eventtrace.Reader // of correlation and session ids
}

// isEmpty says that it lets all through.
func (f RecordFilter) isEmpty() bool {
	return f.EventType == "" && f.Key == "" && f.Correlation == "" && f.Session == "" && len(f.Headers) == 0 && f.Until == "" && f.Where == ""
}

// compile reads a filter. The set has the environment's names; nil: there are no schemas.
func (f RecordFilter) compile(set *schema.Set) (*recordFilter, error) {
	out := &recordFilter{RecordFilter: f}
	if f.Until != "" {
		var err error
		if out.until, err = time.Parse(time.RFC3339, f.Until); err != nil {
			return nil, fmt.Errorf("--until %q: want a time such as 2025-10-16T12:34:56Z", f.Until)
		}
	}
	if f.Where != "" {
		var err error
		if out.where, err = compileWhere(f.Where); err != nil {
			return nil, fmt.Errorf("--where: %w", err)
		}
	}
	if set == nil {
		set = &schema.Set{}
	}
	out.read = TraceReader(set)
	return out, nil
}

func compileWhere(text string) (*expr.Program, error) {
	return expr.Compile(text, "true or false", func(t *cel.Type) bool { return t.IsExactType(cel.BoolType) })
}

// matches says whether a record is shown. An expression that fails on a record, as of a field that it lacks, is not true of it.
func (f *recordFilter) matches(r *kafka.Record, shown *Peeked) bool {
	switch {
	case f.EventType != "" && shown.EventType != f.EventType,
		f.Key != "" && (r.Key == nil || string(r.Key) != f.Key),
		!f.until.IsZero() && !r.Timestamp.Before(f.until):
		return false
	}
	for _, h := range f.Headers {
		if !hasHeader(r, h) {
			return false
		}
	}
	if f.Correlation != "" || f.Session != "" {
		e := f.read(r)
		if f.Correlation != "" && e.CorrelationID != f.Correlation || f.Session != "" && e.SessionID != f.Session {
			return false
		}
	}
	return f.where == nil || f.isTrue(r, shown)
}

func hasHeader(r *kafka.Record, wanted string) bool {
	name, value, valued := strings.Cut(wanted, "=")
	for _, h := range r.Headers {
		if h.Key == name && (!valued || string(h.Value) == value) {
			return true
		}
	}
	return false
}

func (f *recordFilter) isTrue(r *kafka.Record, shown *Peeked) bool {
	var value any
	if len(shown.Value) > 0 {
		var err error
		if value, err = readNumbers(shown.Value); err != nil {
			return false
		}
	}
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	return f.where.Holds(expr.Record{
		Value: value, Key: shown.Key, EventType: shown.EventType, Headers: headers, Timestamp: r.Timestamp, Partition: r.Partition, Offset: r.Offset,
	})
}

// readNumbers reads JSON as expressions know it.
func readNumbers(text []byte) (value any, err error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	err = in.Decode(&value)
	return withNumbers(value), err
}

// withNumbers has whole numbers be integers, as an expression writes them, and others floating.
func withNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if n, err := v.Float64(); err == nil {
			return n
		}
		return v.String() // too large for either
	case []any:
		for i := range v {
			v[i] = withNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = withNumbers(v[name])
		}
	}
	return v
}
