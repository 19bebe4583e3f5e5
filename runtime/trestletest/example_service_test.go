package trestletest_test

// This file is a small service as a user of Trestle would write it, and its tests. They need nothing but generated types and the kit:
// read it from here to its end.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest"
)

// reviews validates code. It asks another service which patterns the code should follow, and says how far it is.
type reviews struct {
	pub   *trestle.Publisher
	calls codegenv1.Calls
}

func newReviews(pub *trestle.Publisher, caller event.Requester) *reviews {
	return &reviews{pub, codegenv1.NewCalls(caller)}
}

// register has a consumer handle what the service handles.
func (s *reviews) register(c *trestle.Consumer) { trestle.Answer(c, s.pub, s.validate) }

// validate answers a request.
func (s *reviews) validate(ctx context.Context, r *codegenv1.CodegenValidationRequest) (*codegenv1.CodegenValidationResponse, error) {
	if err := s.report(ctx, codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, 0, "looking for patterns"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := s.calls.CodegenPattern(ctx, &codegenv1.CodegenPatternRequest{
		NodeDescription: new("any"), NodeType: r.GetNodeType(), Limit: new(int64(1)),
	})
	if unanswered, ok := errors.AsType[*trestle.UnansweredError](err); ok {
		return nil, trestle.Permanent(unanswered) // asking again would not help
	}
	if err != nil {
		return nil, err
	}
	follows := len(found.GetPatternResult()) == 0 || strings.Contains(r.GetCodeContent(), "outbox")
	if err := s.report(ctx, codegenv1.SessionStatus_SESSION_STATUS_COMPLETED, 100, "done"); err != nil {
		return nil, err
	}
	return &codegenv1.CodegenValidationResponse{
		ValidationResult: &trestlev1.JsonObject{Json: `{}`}, QualityScore: new(1.0), OnexComplianceScore: new(1.0),
		IsValid: new(follows), ProcessingTimeMs: new(int64(1)),
	}, nil
}

func (s *reviews) report(ctx context.Context, status codegenv1.SessionStatus, percent float64, message string) error {
	return s.pub.Publish(ctx, &codegenv1.CodegenStatusEvent{Status: status, ProgressPercentage: new(percent), Message: new(message)})
}

// Its tests begin here.

// code is what is to be validated.
func code(text string) *codegenv1.CodegenValidationRequest {
	return &codegenv1.CodegenValidationRequest{
		CorrelationId: request, SessionId: session, CodeContent: new(text), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
	}
}

// patternsBy stands in for the other service. It answers in the test's process, by the rules of the schema.
func patternsBy(t *testing.T, answer func(context.Context, *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error)) *trestletest.Handlers {
	pub := trestletest.NewRecorder(t).Publisher()
	return trestletest.NewHandlers(t, func(c *trestle.Consumer) { trestle.Answer(c, pub, answer) })
}

func onePattern(context.Context, *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
	return answered(), nil
}

// Most tests need no broker: they call the service as its clients do, and look at what it has published.
func TestReviewFollowsPatterns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"an outbox": true, "a loop": false} {
		rec := trestletest.NewRecorder(t)
		service := trestletest.NewHandlers(t, newReviews(rec.Publisher(), patternsBy(t, onePattern)).register)

		got, err := codegenv1.NewCalls(service).CodegenValidation(t.Context(), code(text))

		if err != nil || got.GetIsValid() != want || got.GetSessionId() != session {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		trestletest.RequirePublished(t, rec, trestletest.Like(&codegenv1.CodegenStatusEvent{
			SessionId: session, Status: codegenv1.SessionStatus_SESSION_STATUS_COMPLETED, ProgressPercentage: new(100.0),
		}))
	}
}

// What fails on the way is said by what became of the request, and of whom it asked.
func TestReviewIsGivenUpWithoutPatterns(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	closed := func(context.Context, *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
		return nil, trestle.Permanent(errors.New("this tenant has been closed"))
	}
	service := trestletest.NewHandlers(t, newReviews(rec.Publisher(), patternsBy(t, closed)).register)

	letter := trestletest.RequireDeadLettered(t, service.Handle(code("a loop")))

	if letter.RetryCount != 0 || !strings.Contains(letter.Error.Message, "this tenant has been closed") {
		t.Errorf("got %+v", letter)
	}
	trestletest.RequireNotPublished[*codegenv1.CodegenValidationResponse](t, rec)
}

// A cluster's failures come by order.
func TestReviewIsTriedAgainWhenTheClusterWasAway(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	rec.Fail(trestletest.Failure{Of: (*codegenv1.CodegenStatusEvent)(nil), Times: 1, Fate: trestle.NotSent})
	service := trestletest.NewHandlers(t, newReviews(rec.Publisher(), patternsBy(t, onePattern)).register)

	done := service.Handle(code("an outbox"))

	trestletest.RequireHandled(t, done)
	if done.Attempts != 2 {
		t.Errorf("handled after %d attempts", done.Attempts)
	}
}

// runGroup runs a consumer of a service.
func runGroup(t *testing.T, cluster *trestletest.Cluster, group string, register func(*trestle.Consumer)) {
	t.Helper()
	consumer, err := trestle.NewConsumer(cluster.Brokers(), group, cluster.Option(), trestle.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	register(consumer)
	trestletest.Run(t, consumer)
}

// One test has it all: brokers, groups and callers, and in a bubble the minutes of an outage pass at once.
func TestReviewsOutlastAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory(), trestletest.WithBrokers(3))
		ends := time.Now().Add(5 * time.Minute)
		runGroup(t, cluster, "patterns", func(c *trestle.Consumer) {
			trestle.Answer(c, cluster.Publisher(), func(ctx context.Context, r *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
				if time.Now().Before(ends) {
					return nil, trestle.Unavailable(errors.New("the model is away"))
				}
				return onePattern(ctx, r)
			})
		})
		runGroup(t, cluster, "reviews", func(c *trestle.Consumer) {
			newReviews(cluster.Publisher(), cluster.Caller(trestle.WithLogger(quiet))).register(c)
		})

		time.Sleep(6 * time.Minute) // and then a broker goes, and an acknowledgement with it
		cluster.LoseAcknowledgements(1)
		cluster.Cut(2)
		time.AfterFunc(3*time.Second, cluster.Heal)
		got, err := codegenv1.NewCalls(cluster.Caller(trestle.WithLogger(quiet))).CodegenValidation(t.Context(), code("an outbox"))

		if err != nil || !got.GetIsValid() {
			t.Errorf("got %v, %v", got, err)
		}
		trestletest.Await(t, cluster, trestletest.Like(&codegenv1.CodegenStatusEvent{Status: codegenv1.SessionStatus_SESSION_STATUS_COMPLETED}))
		cluster.AwaitDone("reviews")
	})
}

// A cluster also changes without failing. A service notices none of it.
func TestReviewsGoOnWhileTheClusterChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory(), trestletest.WithBrokers(2))
		runGroup(t, cluster, "reviews", func(c *trestle.Consumer) { newReviews(cluster.Publisher(), patternsBy(t, onePattern)).register(c) })
		calls := codegenv1.NewCalls(cluster.Caller(trestle.WithLogger(quiet)))
		const requests = "omninode_codegen_request_validate_v1"
		for _, change := range []func(){
			func() {}, // as it is
			func() { cluster.Rebalance("reviews", requests) },
			func() {
				for partition := range int32(3) {
					cluster.MoveLeader(requests, partition, 1-cluster.Fake().LeaderFor(requests, partition))
				}
			},
			func() { cluster.AddPartitions(requests, 2) },
			func() { cluster.Recreate(requests) },
			func() { // and brokers write without saying so
				cluster.HoldAcknowledgements()
				time.AfterFunc(3*time.Second, cluster.Heal)
			},
		} {
			change()
			if got, err := calls.CodegenValidation(t.Context(), code("an outbox")); err != nil || !got.GetIsValid() {
				t.Errorf("got %v, %v", got, err)
			}
		}
		cluster.AwaitDone("reviews")
	})
}
