package trestletest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
	pairsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/pairs/want/acme/pairs/v1"
)

func TestRecorderKeepsWhatConsumersWouldGet(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	event := progress(50)
	if err := rec.Publisher().Publish(t.Context(), event, trestle.WithHeader("tenant", []byte("x"))); err != nil {
		t.Fatal(err)
	}
	event.Message = new("changed afterwards")
	got := trestletest.RequirePublished(t, rec, trestletest.Like(progress(50)))
	if got.GetSchemaVersion() != "1.0" || got.GetTimestamp() == nil || got.GetMetadata().GetJson() != "{}" {
		t.Errorf("defaults are missing: %v", got)
	}
	sent := rec.Sent()[0]
	if s := sent.Record; s.Topic != "omninode_codegen_status_session_v1" || string(s.Key) != session {
		t.Errorf("got record %s with key %s", s.Topic, s.Key)
	}
	if sent.Envelope.SessionID != session || sent.Envelope.EventID == "" {
		t.Errorf("got envelope %+v", sent.Envelope)
	}
	rec.Forget()
	trestletest.RequireNotPublished[*codegenv1.CodegenStatusEvent](t, rec)
}

func TestRecorderRefusesInvalidEvents(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	err := rec.Publisher().Publish(t.Context(), progress(101))
	if _, ok := errors.AsType[*trestle.ValidationError](err); !ok {
		t.Errorf("got %v", err)
	}
	if len(rec.Sent()) != 0 {
		t.Errorf("it was recorded: %v", rec.Sent())
	}
}

// TestFailureOfNoType has a failure be of an event that has no type: whoever gives it sees that, and not who publishes, in whose
// handler the panic would be an error, and the next event would wait for ever.
func TestFailureOfNoType(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it was taken")
			}
		}()
		rec.Fail(trestletest.Failure{Of: struct{ trestle.Event }{}})
	}()
	for range 2 {
		if err := rec.Publisher().Publish(t.Context(), progress(50)); err != nil {
			t.Error(err)
		}
	}
}

func TestRecorderTakesProtobufAndDeletions(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	for range 2 {
		if err := rec.Publisher().Publish(t.Context(), &pairsv1.Told{Text: "price"}); err != nil {
			t.Fatal(err)
		}
	}
	trestletest.RequirePublished[*pairsv1.Told](t, rec)
	if got := rec.Sent()[0].Record.Value[:5]; !cmp.Equal(got, []byte{0, 0, 0, 0, 1}) {
		t.Errorf("got schema id % x", got)
	}
	rec.Forget()
	if err := rec.Publisher().Delete(t.Context(), &kept{progress(1)}); err != nil {
		t.Fatal(err)
	}
	trestletest.RequireDeleted[*kept](t, rec, session)
	if said := failure(t, func(tb testing.TB) { trestletest.RequireDeleted[*kept](tb, rec, "other") }); !strings.Contains(said, `the deletion of "other" was not published for CodegenStatusEvent; this was:`) {
		t.Errorf("got %q", said)
	}
	if s := rec.Sent()[0]; s.Event != nil || s.Record.Value != nil || len(s.Record.Key) == 0 || !strings.Contains(s.String(), "deletes its key") {
		t.Errorf("got %v", s)
	}
}

func TestRecorderFailsAsTold(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	pub := rec.Publisher()
	rec.Fail(trestletest.Failure{Of: (*codegenv1.CodegenStatusEvent)(nil), After: 1, Times: 1, Fate: trestle.Refused})
	for i, want := range []bool{true, false, true} {
		err := pub.Publish(t.Context(), progress(float64(i)))
		if (err == nil) != want {
			t.Errorf("event %d: %v", i, err)
		}
		if err != nil {
			failed, ok := errors.AsType[*trestle.PublishError](err)
			if !ok || failed.Fate != trestle.Refused || failed.Retriable || !errors.Is(err, kerr.TopicAuthorizationFailed) || failed.Key != session {
				t.Errorf("got %#v", err)
			}
		}
		if err := pub.Publish(t.Context(), &hooksv1.CacheHit{}, trestle.WithEnvelope(hookEnvelope())); err != nil {
			t.Errorf("an event of another type: %v", err)
		}
	}
	trestletest.RequireNotPublished(t, rec, trestletest.Like(&codegenv1.CodegenStatusEvent{ProgressPercentage: new(1.0)}))
	rec.Fail(trestletest.Failure{Fate: trestle.NotSent})
	err := pub.Publish(t.Context(), progress(4))
	if failed, ok := errors.AsType[*trestle.PublishError](err); !ok || failed.Fate != trestle.NotSent || !failed.Retriable {
		t.Errorf("got %v", err)
	}
	rec.Heal()
	if err := pub.Publish(t.Context(), progress(4)); err != nil {
		t.Errorf("healed: %v", err)
	}
}

// TestRecorderCallsBackInOrder publishes while it holds what the callbacks wait for.
func TestRecorderCallsBackInOrder(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	var mu sync.Mutex
	var got []int64
	mu.Lock()
	const events = 100
	for i := range events {
		err := rec.Publisher().PublishAsync(t.Context(), progress(float64(i)), func(r trestle.Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil || r.Topic == "" || r.EventID == "" || r.Timestamp.IsZero() {
				t.Errorf("got %+v, %v", r, err)
			}
			got = append(got, r.Offset)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	mu.Unlock()
	if err := rec.Publisher().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got) != events {
		t.Fatalf("got %d callbacks before Flush has returned", len(got))
	}
	for i, offset := range got {
		if offset != int64(i) {
			t.Fatalf("callback %d was of offset %d", i, offset)
		}
	}
}

func TestRecorderHasThePublishersOptions(t *testing.T) {
	t.Parallel()
	seen := 0
	rec := trestletest.NewRecorder(t, trestle.WithNames(trestle.Names{Prefix: "test."}),
		trestle.WithPublishMiddleware(func(next trestle.PublishFunc) trestle.PublishFunc {
			return func(ctx context.Context, e trestle.Event, done func(trestle.Receipt, error), opts ...trestle.PublishOption) error {
				seen++
				return next(ctx, e, done, opts...)
			}
		}))
	if err := rec.Publisher().Publish(t.Context(), progress(1)); err != nil {
		t.Fatal(err)
	}
	if s := rec.Sent()[0]; seen != 1 || s.Record.Topic != "test.omninode_codegen_status_session_v1" || s.Event == nil {
		t.Errorf("got %v after %d calls of middleware", s, seen)
	}
	if said := failure(t, func(tb testing.TB) { trestletest.NewRecorder(tb, trestle.WithLinger(-1)) }); !strings.Contains(said, "WithLinger") {
		t.Errorf("a wrong option: %q", said)
	}
}

func TestFailuresShowWhatWasThereInstead(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	if err := rec.Publisher().Publish(t.Context(), progress(50)); err != nil {
		t.Fatal(err)
	}
	secret := &hooksv1.ServiceError{
		ErrorInfo:   hooksv1.ErrorInfo{ErrorId: "e1", ServiceName: "shop", ErrorType: "Timeout"},
		ContextInfo: &hooksv1.ContextInfo{UserId: new("alice"), Operation: new("pay")},
	}
	if err := rec.Publisher().Publish(t.Context(), secret, trestle.WithEnvelope(hookEnvelope())); err != nil {
		t.Fatal(err)
	}
	said := failure(t, func(tb testing.TB) {
		trestletest.RequirePublished(tb, rec, trestletest.Like(&codegenv1.CodegenStatusEvent{
			Status: codegenv1.SessionStatus_SESSION_STATUS_COMPLETED, ProgressPercentage: new(100.0),
		}))
	})
	for _, want := range []string{
		`no CodegenStatusEvent like {"status":"completed","progress_percentage":100.0} was published; this was:`,
		"\n      progress_percentage: 50.0, want 100.0\n      status: \"processing\", want \"completed\"",
		"error.service.critical to ", `"user_id":"***"`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("got %s\nwithout %q", said, want)
		}
	}
	said = failure(t, func(tb testing.TB) {
		trestletest.RequirePublished(tb, rec, trestletest.Like(&hooksv1.ServiceError{
			ErrorInfo:   hooksv1.ErrorInfo{ErrorId: "e1"},
			ContextInfo: &hooksv1.ContextInfo{UserId: new("bob"), Operation: new("refund"), ToolName: new("till")},
		}))
	})
	for _, want := range []string{
		"context_info.user_id: *** differs", `context_info.operation: "pay", want "refund"`, `context_info.tool_name: absent, want "till"`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("got %s\nwithout %q", said, want)
		}
	}
	said += failure(t, func(tb testing.TB) { trestletest.RequireNotPublished[*hooksv1.ServiceError](tb, rec) })
	if strings.Contains(said, "alice") || strings.Contains(said, "bob") {
		t.Errorf("what is sensitive is shown: %s", said)
	}
	if said := failure(t, func(tb testing.TB) {
		trestletest.RequirePublished(tb, rec, trestletest.Where("nothing is there to say", func(e *codegenv1.CodegenStatusEvent) bool { return e.GetMessage() == "" }))
	}); !strings.Contains(said, "it does not hold that nothing is there to say") {
		t.Errorf("got %s", said)
	}
	if said := failure(t, func(tb testing.TB) { trestletest.RequirePublished[*hooksv1.CacheHit](tb, trestletest.NewRecorder(tb)) }); !strings.HasSuffix(said, "was published: nothing was") {
		t.Errorf("got %s", said)
	}
}

func TestLikeComparesLists(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	response := answered()
	err := rec.Publisher().Publish(t.Context(), response, trestle.WithCorrelationID(request), trestle.WithSessionID(session))
	if err != nil {
		t.Fatal(err)
	}
	trestletest.RequirePublished(t, rec, trestletest.Like(answered()))
	other := answered()
	other.PatternResult[0].Json = `{"pattern":"saga"}`
	twice := answered()
	twice.PatternResult = append(twice.PatternResult, twice.PatternResult[0])
	for want, e := range map[string]*codegenv1.CodegenPatternResponse{
		`pattern_result[0].pattern: "outbox", want "saga"`: other,
		"pattern_result: has 1 items, want 2":              twice,
	} {
		if said := failure(t, func(tb testing.TB) { trestletest.RequirePublished(tb, rec, trestletest.Like(e)) }); !strings.Contains(said, want) {
			t.Errorf("got %s\nwithout %q", said, want)
		}
	}
}

// hookEnvelope is what events of hooks need around them.
func hookEnvelope() trestle.Envelope {
	return trestle.Envelope{CorrelationID: request, Source: trestle.Source{ServiceName: "shop", ServiceVersion: "1.0", InstanceID: "shop-1"}}
}
