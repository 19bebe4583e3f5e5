package integration_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/wire"
)

// eventKey identifies an event of a conversation: each type occurs once for each correlation id.
type eventKey struct{ eventType, correlationID string }

// exchange is the ledger of a conversation between Go and Python.
type exchange struct {
	t   testing.TB
	pub *trestle.Publisher

	mu        sync.Mutex
	changed   chan struct{}
	published map[eventKey]string // by Go: payloads
	handled   map[eventKey]string // by Go: whole values, as Go writes what it understood
}

func newExchange(t testing.TB, brokers []string, opts ...trestle.PublisherOption) *exchange {
	t.Helper()
	pub, err := trestle.NewPublisher(brokers, append(opts, trestle.WithLogger(logTo(t)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pub.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &exchange{
		t: t, pub: pub, changed: make(chan struct{}, 1), published: map[eventKey]string{}, handled: map[eventKey]string{},
	}
}

// publish publishes an event; its correlation id is that of the payload, the option or the handler's event.
func (x *exchange) publish(ctx context.Context, correlationID string, e trestle.Event) error {
	if err := x.pub.Publish(ctx, e, trestle.WithCorrelationID(correlationID)); err != nil {
		return err
	}
	payload, err := e.AppendJSON(nil)
	if err != nil {
		return err
	}
	return x.add(x.published, eventKey{e.EventInfo().Type, correlationID}, payload)
}

// handle enters an event that came in.
func (x *exchange) handle(ctx context.Context, e trestle.Event) error {
	d, ok := trestle.DeliveryFrom(ctx)
	if !ok {
		return errors.New("no delivery in the handler's context")
	}
	value, err := wire.AppendEnvelope(nil, e.EventInfo().Envelope, &d.Envelope, e)
	if err != nil {
		return err
	}
	return x.add(x.handled, eventKey{e.EventInfo().Type, d.Envelope.CorrelationID}, value)
}

func (x *exchange) add(to map[eventKey]string, key eventKey, text []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, twice := to[key]; twice {
		x.t.Errorf("%v is in the ledger twice", key)
	}
	to[key] = string(text)
	select {
	case x.changed <- struct{}{}:
	default:
	}
	return nil
}

// awaitHandled waits until so many events have come in.
func (x *exchange) awaitHandled(n int) {
	x.t.Helper()
	ctx := within(x.t, patience)
	for {
		x.mu.Lock()
		have := len(x.handled)
		x.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-x.changed:
		case <-ctx.Done():
			x.t.Fatalf("%d of %d events were handled after %v", have, n, patience)
		}
	}
}

// envelopeTimes and payloadTimes are the times of an event, which may be written in several ways.
var (
	envelopeTimes = []string{"timestamp", "payload.timestamp"}
	payloadTimes  = []string{"timestamp"}
)

// check compares what both sides say: everything that one wrote, the other has read, once, and understood alike.
func (x *exchange) check(lines []said) (styles map[string]int) {
	x.t.Helper()
	styles = map[string]int{}
	wrote, read := map[eventKey]bool{}, map[eventKey]bool{}
	enter := func(in map[eventKey]bool, e *saidEvent) eventKey {
		key := eventKey{e.EventType, e.CorrelationID}
		if in[key] {
			x.t.Errorf("Python says the same twice: %v", key)
		}
		in[key] = true
		return key
	}
	for _, line := range lines {
		switch {
		case line.Wrote != nil:
			key := enter(wrote, line.Wrote)
			styles[styleOf(line.Wrote.Value)]++
			got, ok := x.handled[key]
			if !ok {
				x.t.Errorf("%v was written by Python and not handled", key)
				continue
			}
			x.compare(key, wantHandled(x.t, line.Wrote.Value), got, envelopeTimes)
		case line.Read != nil:
			key := enter(read, line.Read)
			want, ok := x.published[key]
			if !ok {
				x.t.Errorf("%v was read by Python and not published", key)
				continue
			}
			x.compare(key, parseJSON(x.t, []byte(want)), line.Read.Understood, payloadTimes)
			x.compare(key, parseJSON(x.t, []byte(want)), compact(x.t, member(x.t, parseJSON(x.t, []byte(line.Read.Value)), "payload")), payloadTimes)
		}
	}
	for key := range x.handled {
		if !wrote[key] {
			x.t.Errorf("%v was handled and not written by Python", key)
		}
	}
	for key := range x.published {
		if !read[key] {
			x.t.Errorf("%v was published and not read by Python", key)
		}
	}
	return styles
}

func (x *exchange) compare(key eventKey, want any, got string, times []string) {
	x.t.Helper()
	if diff := diffJSON(want, parseJSON(x.t, []byte(got)), times...); diff != "" {
		x.t.Errorf("%v differs on the other side:\n%s", key, diff)
	}
}

// wantHandled returns what is expected of an event that Python wrote: itself, but that a session id which the envelope
// lacks is that of the payload.
func wantHandled(t testing.TB, value string) any {
	t.Helper()
	v := parseJSON(t, []byte(value))
	envelope := v.(map[string]any)
	if session, ok := envelope["session_id"]; ok && session == nil {
		envelope["session_id"] = member(t, v, "payload", "session_id")
	}
	return v
}

// styleOf tells the two ways in which Python services write events.
func styleOf(value string) string {
	if strings.HasPrefix(value, `{"envelope_version": `) {
		return "json.dumps"
	}
	return "pydantic"
}
