package trestletest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

func TestHandledEventIsWhatConsumersGet(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	o := trestletest.Handle(t, func(ctx context.Context, e *codegenv1.CodegenPatternRequest) error {
		if d, ok := trestle.DeliveryFrom(ctx); !ok || d.EventID == "" || d.Topic != "omninode_codegen_request_pattern_v1" || string(d.Key) != request {
			t.Errorf("got delivery %+v", d)
		}
		if e.GetLimit() != 5 || e.GetSchemaVersion() != "1.0" {
			t.Errorf("got %v, without its defaults", e)
		}
		return rec.Publisher().Publish(ctx, progress(10))
	}, &codegenv1.CodegenPatternRequest{CorrelationId: request, SessionId: session, NodeDescription: new("x"), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT})
	trestletest.RequireHandled(t, o)
	if o.Attempts != 1 || len(o.Waits) != 0 || o.EventType != "CodegenPatternRequest" || o.Delivery.Envelope.CorrelationID != request {
		t.Errorf("got %+v", o)
	}
	if len(o.Sent) != 1 || o.Sent[0].Envelope.CorrelationID != request {
		t.Errorf("it published %v, want an event of the request's conversation", o.Sent)
	}
	trestletest.RequirePublished(t, rec, trestletest.Like(progress(10)))
	if said := failure(t, func(tb testing.TB) { trestletest.RequireDeadLettered(tb, o) }); !strings.Contains(said, "it was handled after 1 attempts\n  published: CodegenStatusEvent to") {
		t.Errorf("got %q", said)
	}
}

func TestFailingHandlerIsTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	begun := time.Now()
	o := trestletest.Handle(t, func(context.Context, *codegenv1.CodegenPatternRequest) error {
		if calls++; calls < 4 {
			return errAway
		}
		return nil
	}, asked(3), trestle.WithBackoff(time.Hour, 4*time.Hour))
	trestletest.RequireHandled(t, o)
	if calls != 4 || o.Attempts != 4 || len(o.Waits) != 3 {
		t.Fatalf("got %d calls, %+v", calls, o)
	}
	for i, wait := range o.Waits {
		if most := time.Hour << i; wait < most/2 || wait > most {
			t.Errorf("wait %d is %v", i, wait)
		}
	}
	if time.Since(begun) > time.Hour/2 {
		t.Error("it has waited")
	}
}

func TestEventGoesToItsDeadLetter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle   func(context.Context, *codegenv1.CodegenPatternRequest) error
		errType  string
		message  string
		attempts int
		opts     []trestle.ConsumerOption
	}{
		"retries used up": {func(context.Context, *codegenv1.CodegenPatternRequest) error { return errAway }, "HandlerError", "the model is away", 3, []trestle.ConsumerOption{trestle.WithRetries(2)}},
		"permanent":       {func(context.Context, *codegenv1.CodegenPatternRequest) error { return trestle.Permanent(errAway) }, "HandlerError", "the model is away", 1, nil},
		"panic":           {func(context.Context, *codegenv1.CodegenPatternRequest) error { panic("oh") }, "PanicError", "handler panicked: oh", 1, nil},
		"goroutine ended": {func(context.Context, *codegenv1.CodegenPatternRequest) error { runtime.Goexit(); return nil }, "PanicError", "handler ended its goroutine, with runtime.Goexit", 1, nil},
		"deadline": {func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) error {
			<-ctx.Done()
			return context.Cause(ctx)
		},
			"HandlerError", "the handler took more than 1ms", 4, []trestle.ConsumerOption{trestle.WithHandlerTimeout(time.Millisecond)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := trestletest.Handle(t, c.handle, asked(3), c.opts...)
			d := trestletest.RequireDeadLettered(t, o)
			if d.Error.Type != c.errType || d.Error.Message != c.message || d.RetryCount != c.attempts-1 || d.ConsumerGroup != trestletest.Group ||
				d.SourceTopic != "omninode_codegen_request_pattern_v1" || o.Attempts != c.attempts || o.Result != trestle.DeadLettered {
				t.Errorf("got %+v of %v", d, o)
			}
			if said := failure(t, func(tb testing.TB) { trestletest.RequireHandled(tb, o) }); !strings.Contains(said, fmt.Sprintf("it was dead-lettered after %d attempts: %s", c.attempts, c.message)) {
				t.Errorf("got %q", said)
			}
		})
	}
}

// TestHandlersGoOnAfterAnyEvent gives one consumer events of all fates.
func TestHandlersGoOnAfterAnyEvent(t *testing.T) {
	t.Parallel()
	var handled []int64
	h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, e *codegenv1.CodegenPatternRequest) error {
			if e.GetLimit() == 13 {
				runtime.Goexit()
			}
			handled = append(handled, e.GetLimit())
			return nil
		})
	}, trestle.WithDeduplication(10))
	value := `{"envelope_version":"1.0","correlation_id":"` + request + `","session_id":"` + session + `","event_type":"CodegenPatternRequest",` +
		`"timestamp":"2025-10-16 12:34:56.790123","payload":{"node_description":"x","node_type":"effect","limit":%d}}`
	record := func(value string) trestle.Record {
		return trestle.Record{Topic: "omninode_codegen_request_pattern_v1", Key: []byte(request), Value: []byte(value)}
	}
	id := trestle.WithEventID("0199a5c4-0000-7000-8000-000000000001")
	for _, c := range []struct {
		what string
		o    trestletest.Outcome
		want trestle.Result
		err  string
	}{
		{"an event", h.Handle(asked(1), id), trestle.Handled, ""},
		{"the same", h.Handle(asked(1), id), trestle.Duplicate, ""},
		{"one whose handler ends", h.Handle(asked(13)), trestle.DeadLettered, "PanicError"},
		{"what a service in Python writes", h.HandleRecord(record(fmt.Sprintf(value, 2))), trestle.Handled, ""},
		{"an invalid one", h.HandleRecord(record(fmt.Sprintf(value, 21))), trestle.DeadLettered, "ValidationError"},
		{"no JSON", h.HandleRecord(record("{")), trestle.DeadLettered, "DecodeError"},
		{"of no type", h.HandleRecord(record(strings.Replace(fmt.Sprintf(value, 3), "CodegenPatternRequest", "Other", 1))), trestle.DeadLettered, "UnknownEventTypeError"},
		{"a deletion", h.HandleRecord(record("")), trestle.DeadLettered, "DecodeError"},
		{"too large a one", h.HandleRecord(record(strings.Replace(fmt.Sprintf(value, 4), `"x"`, `"`+strings.Repeat("x", 1<<20)+`"`, 1))), trestle.DeadLettered, "OversizedError"},
		{"another event", h.Handle(asked(3)), trestle.Handled, ""},
	} {
		got := ""
		if c.o.DeadLetter != nil {
			got = c.o.DeadLetter.Error.Type
		}
		if c.o.Result != c.want || c.o.Waiting || got != c.err {
			t.Errorf("%s: %v, letter of %q", c.what, c.o, got)
		}
	}
	if got := fmt.Sprint(handled); got != "[1 2 3]" {
		t.Errorf("handled %s", got)
	}
}

func TestHandlersWaitForTheEndOfAnOutage(t *testing.T) {
	t.Parallel()
	away := true
	h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenPatternRequest) error {
			if away {
				return trestle.Unavailable(errAway)
			}
			return nil
		})
	})
	for range 2 { // as it begins, and as it lasts
		if o := h.Handle(asked(1)); !o.Waiting || o.DeadLetter != nil || !strings.Contains(o.String(), "it waits for the end of an outage") {
			t.Fatalf("got %v", o)
		}
	}
	away = false
	for range 2 {
		trestletest.RequireHandled(t, h.Handle(asked(1)))
	}
}

func TestHandlersTakeDeletions(t *testing.T) {
	t.Parallel()
	var got string
	h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.HandleDeletion[kept](c, func(_ context.Context, key string) error { got = key; return nil })
	})
	if trestletest.RequireHandled(t, h.Delete(&kept{progress(1)})); got != session {
		t.Errorf("got key %q", got)
	}
	if o := h.Handle(&kept{progress(1)}); o.Result != trestle.Skipped {
		t.Errorf("an event that has no handler: %v", o)
	}
}

// TestHandlersTakeBatches has a batch of one event fail once.
func TestHandlersTakeBatches(t *testing.T) {
	t.Parallel()
	h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.HandleBatch(c, func(_ context.Context, items []trestle.Item[codegenv1.CodegenPatternRequest]) error {
			var failed trestle.BatchError
			for i, item := range items {
				if item.Event.GetLimit() == 13 || item.Delivery.Attempt == 1 {
					failed.Add(i, errAway)
				}
			}
			return failed.Err()
		})
	}, trestle.WithRetries(1))
	if o := h.Handle(asked(1)); o.Result != trestle.Handled || o.Attempts != 2 || len(o.Waits) != 1 {
		t.Errorf("got %v", o)
	}
	if d := trestletest.RequireDeadLettered(t, h.Handle(asked(13))); d.Error.Message != errAway.Error() || d.RetryCount != 1 {
		t.Errorf("got %+v", d)
	}
}

func TestHandlersPutEventsOff(t *testing.T) {
	t.Parallel()
	calls := 0
	snooze := func(times int) func(context.Context, *codegenv1.CodegenPatternRequest) error {
		return func(context.Context, *codegenv1.CodegenPatternRequest) error {
			if calls++; calls <= times {
				return trestle.Snooze(time.Hour)
			}
			return nil
		}
	}
	o := trestletest.Handle(t, snooze(5), asked(1))
	if trestletest.RequireHandled(t, o); len(o.Waits) != 5 || o.Waits[4] != time.Hour || o.Attempts != 1 {
		t.Errorf("got %d waits, %d attempts", len(o.Waits), o.Attempts)
	}
	if said := failure(t, func(tb testing.TB) { trestletest.Handle(tb, snooze(1<<30), asked(1)) }); !strings.Contains(said, "it was put off 1000 times") {
		t.Errorf("got %q", said)
	}
}

func TestHandlersTakeRawRecords(t *testing.T) {
	t.Parallel()
	var got string
	h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.HandleRaw[codegenv1.CodegenPatternRequest](c, func(_ context.Context, r *trestle.Record) error {
			got = string(r.Value)
			return trestle.Permanent(errAway)
		})
	})
	o := h.HandleRecord(trestle.Record{Topic: "omninode_codegen_request_pattern_v1", Value: []byte("no event")})
	if d := trestletest.RequireDeadLettered(t, o); got != "no event" || string(d.Original.Value) != got {
		t.Errorf("got %q, %q in %+v", got, d.Original.Value, d)
	}
}

// archon answers requests for patterns; of the others it knows nothing.
type archon struct {
	codegenv1.Answers
	err error
}

func (a archon) AnswerCodegenPattern(context.Context, *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
	if a.err != nil {
		return nil, a.err
	}
	return answered(), nil
}

func TestHandlersAnswerTypedCalls(t *testing.T) {
	t.Parallel()
	answering := func(err error) codegenv1.Calls {
		rec := trestletest.NewRecorder(t)
		return codegenv1.NewCalls(trestletest.NewHandlers(t, func(c *trestle.Consumer) {
			codegenv1.HandleAnswers(c, rec.Publisher(), archon{err: err})
		}))
	}
	got, err := answering(nil).CodegenPattern(t.Context(), asked(3))
	if err != nil || got.GetCorrelationId() != request || got.GetSessionId() != session || got.GetTotalMatches() != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = answering(errAway).CodegenPattern(t.Context(), asked(3))
	unanswered, ok := errors.AsType[*trestle.UnansweredError](err)
	if _, isCall := errors.AsType[*trestle.CallError](err); !ok || !isCall || unanswered.Group != trestletest.Group || unanswered.Message != errAway.Error() {
		t.Errorf("got %v", err)
	}
	_, err = answering(nil).CodegenPattern(t.Context(), asked(21))
	if _, ok := errors.AsType[*trestle.ValidationError](err); !ok {
		t.Errorf("an invalid request: %v", err)
	}
}

// TestHandlersAnswerWithinTheCallersTime has a handler look for how long its caller waits, and report to it.
func TestHandlersAnswerWithinTheCallersTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := trestletest.NewRecorder(t)
		other := progress(1)
		other.SessionId = request
		var left time.Duration
		h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
			trestle.Answer(c, rec.Publisher(), func(ctx context.Context, _ *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
				until, _ := ctx.Deadline()
				left = time.Until(until)
				for _, e := range []trestle.Event{progress(10), progress(20)} {
					if err := rec.Publisher().Publish(ctx, e); err != nil {
						return nil, err
					}
				}
				err := rec.Publisher().Publish(ctx, other, trestle.WithCorrelationID(session))
				return answered(), err
			})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var told []float64
		_, err := codegenv1.NewCalls(h).CodegenPattern(ctx, asked(3), trestle.WithStatus(func(_ context.Context, e *codegenv1.CodegenStatusEvent) {
			told = append(told, e.GetProgressPercentage())
		}))
		if err != nil || fmt.Sprint(told) != "[10 20]" {
			t.Errorf("got %v, %v", told, err)
		}
		if want := time.Minute + trestle.ClockTolerance; left != want {
			t.Errorf("the handler has %v, want %v", left, want)
		}
	})
}

// TestRequestsExpire has a request come to its handler after its caller has given up.
func TestRequestsExpire(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	h := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Answer(c, rec.Publisher(), func(context.Context, *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
			return answered(), nil
		})
	})
	if err := rec.Publisher().Publish(t.Context(), asked(3), trestle.WithHeader("timeout-ms", []byte("100"))); err != nil {
		t.Fatal(err)
	}
	record := rec.Sent()[0].Record
	record.Timestamp = time.Now().Add(-time.Minute)
	if o := h.HandleRecord(record); o.Result != trestle.Expired || len(o.Sent) != 0 {
		t.Errorf("got %v", o)
	}
}

func TestHandlersReportWhatIsWrong(t *testing.T) {
	t.Parallel()
	invalid := func(tb testing.TB) {
		trestletest.Handle(tb, func(context.Context, *codegenv1.CodegenPatternRequest) error { return nil }, asked(21))
	}
	for want, do := range map[string]func(testing.TB){
		"limit: must be": invalid,
		"no handlers":    func(tb testing.TB) { trestletest.NewHandlers(tb, func(*trestle.Consumer) {}) },
		"WithRetries: must not be negative": func(tb testing.TB) {
			trestletest.NewHandlers(tb, func(*trestle.Consumer) {}, trestle.WithRetries(-1))
		},
		"no handler of group test reads topic omninode_codegen_status_session_v1": func(tb testing.TB) {
			trestletest.NewHandlers(tb, func(c *trestle.Consumer) {
				trestle.Handle(c, func(context.Context, *codegenv1.CodegenPatternRequest) error { return nil })
			}).Handle(progress(1))
		},
	} {
		if said := failure(t, do); !strings.Contains(said, want) {
			t.Errorf("got %q, want %q", said, want)
		}
	}
}

func TestHandlersGoByTheNamesOfAnEnvironment(t *testing.T) {
	t.Parallel()
	o := trestletest.Handle(t, func(context.Context, *codegenv1.CodegenPatternRequest) error { return trestle.Permanent(errAway) }, asked(1),
		trestle.WithNames(trestle.Names{Prefix: "staging."}))
	if d := trestletest.RequireDeadLettered(t, o); d.SourceTopic != "staging.omninode_codegen_request_pattern_v1" || d.ConsumerGroup != "staging."+trestletest.Group {
		t.Errorf("got %+v", d)
	}
}

// TestHandlersThatHangFailTheTest waits in the time of a bubble.
func TestHandlersThatHangFailTheTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		said := failure(t, func(tb testing.TB) {
			trestletest.Handle(tb, func(context.Context, *codegenv1.CodegenPatternRequest) error { <-release; return nil }, asked(1))
		})
		close(release)
		if !strings.Contains(said, "its handler has not returned: waited 30s for it") {
			t.Errorf("got %q", said)
		}
	})
}
