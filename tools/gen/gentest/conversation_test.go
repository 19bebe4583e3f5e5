package gentest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
	pairsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/pairs/want/acme/pairs/v1"
)

// archon answers the four requests of the codegen family, each with something of the request in it. The first attempt
// at each analysis fails.
type archon struct {
	status *trestle.Publisher
	mu     sync.Mutex
	tried  map[string]bool
}

var (
	_            codegenv1.Answers = (*archon)(nil)
	errTransient                   = errors.New("the model is away")
)

func object(member, text string) *trestlev1.JsonObject {
	return &trestlev1.JsonObject{Json: `{"` + member + `":"` + text + `"}`}
}

func (a *archon) AnswerCodegenAnalysis(ctx context.Context, r *codegenv1.CodegenAnalysisRequest) (*codegenv1.CodegenAnalysisResponse, error) {
	a.mu.Lock()
	again := a.tried[r.GetCorrelationId()]
	a.tried[r.GetCorrelationId()] = true
	a.mu.Unlock()
	if !again {
		return nil, errTransient
	}
	return &codegenv1.CodegenAnalysisResponse{
		AnalysisResult: object("of", r.GetPrdContent()), Confidence: new(0.5), ProcessingTimeMs: new(int64(1)),
	}, nil
}

func (a *archon) AnswerCodegenMixin(ctx context.Context, r *codegenv1.CodegenMixinRequest) (*codegenv1.CodegenMixinResponse, error) {
	return &codegenv1.CodegenMixinResponse{
		MixinRecommendations: []*trestlev1.JsonObject{object("of", r.GetRequirements()[0])},
		TotalRecommendations: new(int64(1)), ProcessingTimeMs: new(int64(1)),
	}, nil
}

func (a *archon) AnswerCodegenPattern(ctx context.Context, r *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
	return &codegenv1.CodegenPatternResponse{
		PatternResult: []*trestlev1.JsonObject{object("of", r.GetNodeDescription())},
		TotalMatches:  new(r.GetLimit()), ProcessingTimeMs: new(int64(1)),
	}, nil
}

func (a *archon) AnswerCodegenValidation(ctx context.Context, r *codegenv1.CodegenValidationRequest) (*codegenv1.CodegenValidationResponse, error) {
	err := a.status.Publish(ctx, &codegenv1.CodegenStatusEvent{
		Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, ProgressPercentage: new(50.0), Message: new(r.GetCodeContent()),
	})
	if err != nil {
		return nil, err
	}
	return &codegenv1.CodegenValidationResponse{
		ValidationResult: object("of", r.GetCodeContent()), QualityScore: new(1.0), OnexComplianceScore: new(1.0),
		IsValid: new(true), ProcessingTimeMs: new(int64(1)),
	}, nil
}

// TestConversations holds all four conversations of the codegen family, many at once, through the generated code alone.
func TestConversations(t *testing.T) {
	t.Parallel()
	ctx, brokers := converse(t, codegenv1.Topics())
	pub := publisher(t, brokers)
	answering(t, brokers, func(c *trestle.Consumer) {
		codegenv1.HandleAnswers(c, pub, &archon{status: pub, tried: map[string]bool{}})
	})
	caller := newCaller(t, brokers)
	calls := codegenv1.NewCalls(caller)

	const each = 20
	var wg sync.WaitGroup
	for range each {
		text, session := uuid.NewString(), uuid.NewString()
		inSession := trestle.WithSessionID(session)
		check := func(pair string, response interface {
			GetCorrelationId() string
			GetSessionId() string
		}, err error, of ...*trestlev1.JsonObject) {
			t.Helper()
			switch {
			case err != nil:
				t.Errorf("%s: %v", pair, err)
			case response.GetSessionId() != session || response.GetCorrelationId() == "":
				t.Errorf("%s: got an answer of another session: %v", pair, response)
			case len(of) != 1 || of[0].GetJson() != object("of", text).GetJson():
				t.Errorf("%s: got %v, asked for %s", pair, response, text)
			}
		}
		wg.Go(func() {
			r, err := calls.CodegenAnalysis(ctx, &codegenv1.CodegenAnalysisRequest{PrdContent: &text}, inSession)
			check("analysis", r, err, r.GetAnalysisResult())
		})
		wg.Go(func() {
			r, err := calls.CodegenMixin(ctx, &codegenv1.CodegenMixinRequest{
				Requirements: []string{text}, NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
			}, inSession)
			check("mixin", r, err, r.GetMixinRecommendations()...)
		})
		wg.Go(func() {
			r, err := calls.CodegenPattern(ctx, &codegenv1.CodegenPatternRequest{
				NodeDescription: &text, NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
			}, inSession)
			check("pattern", r, err, r.GetPatternResult()...)
			if r.GetTotalMatches() != 5 {
				t.Errorf("the request's default limit is 5, the handler saw %d", r.GetTotalMatches())
			}
		})
		wg.Go(func() {
			r, err := calls.CodegenValidation(ctx, &codegenv1.CodegenValidationRequest{
				CodeContent: &text, NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
			}, inSession, trestle.WithStatus(func(_ context.Context, s *codegenv1.CodegenStatusEvent) {
				if s.GetSessionId() != session || s.GetMessage() != text {
					t.Errorf("told of another session: %v", s)
				}
			}))
			check("validation", r, err, r.GetValidationResult())
		})
	}
	wg.Wait()
}

// teller answers the requests of the golden package.
type teller struct{}

var _ pairsv1.Answers = teller{}

func (teller) AnswerPrice(_ context.Context, r *pairsv1.PriceRequest) (*pairsv1.PriceResponse, error) {
	return &pairsv1.PriceResponse{Cents: int64(len(r.GetArticle()))}, nil
}

//lint:ignore SA1019 a deprecated request is answered like any other
func (teller) AnswerAsk(_ context.Context, r *pairsv1.Ask) (*pairsv1.Told, error) {
	return &pairsv1.Told{Text: "of " + r.GetSubject()}, nil
}

// oneID gives every schema the same id.
type oneID struct{}

func (oneID) SchemaID(context.Context, *trestle.EventInfo) (int, error) { return 7, nil }

// TestConversationsInProtobuf holds one in JSON and one in protobuf, whose ids stand in the envelope alone.
func TestConversationsInProtobuf(t *testing.T) {
	t.Parallel()
	ctx, brokers := converse(t, pairsv1.Topics())
	pub := publisher(t, brokers, trestle.WithSchemaIDs(oneID{}))
	answering(t, brokers, func(c *trestle.Consumer) { pairsv1.HandleAnswers(c, pub, teller{}) })
	calls := pairsv1.NewCalls(newCaller(t, brokers, trestle.WithPublisher(pub)))
	price, err := calls.Price(ctx, &pairsv1.PriceRequest{Article: "lamp"})
	if err != nil || price.GetCents() != 4 {
		t.Errorf("got %v, %v", price, err)
	}
	//lint:ignore SA1019 a deprecated request is answered like any other
	told, err := calls.Ask(ctx, &pairsv1.Ask{Subject: "lamps"})
	if err != nil || !proto.Equal(told, &pairsv1.Told{Text: "of lamps"}) {
		t.Errorf("got %v, %v", told, err)
	}
	_, err = calls.Price(ctx, &pairsv1.PriceRequest{})
	if _, ok := errors.AsType[*trestle.ValidationError](err); !ok {
		t.Errorf("invalid request: got %v", err)
	}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// converse starts a cluster with topics, and bounds the test.
func converse(t *testing.T, topics []*trestle.TopicInfo) (context.Context, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx, trestletest.NewCluster(t, topics).Brokers()
}

func publisher(t *testing.T, brokers []string, opts ...trestle.PublisherOption) *trestle.Publisher {
	t.Helper()
	pub, err := trestle.NewPublisher(brokers, append(opts, trestle.WithLogger(quiet))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pub.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return pub
}

func newCaller(t *testing.T, brokers []string, opts ...trestle.CallerOption) *trestle.Caller {
	t.Helper()
	caller, err := trestle.NewCaller(brokers, append(opts, trestle.WithLogger(quiet))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caller.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return caller
}

// answering runs a consumer until the test ends.
func answering(t *testing.T, brokers []string, register func(*trestle.Consumer)) {
	t.Helper()
	consumer, err := trestle.NewConsumer(brokers, "archon", trestle.WithLogger(quiet),
		trestle.WithBackoff(time.Millisecond, time.Millisecond), trestle.WithKafka(kgo.FetchMaxWait(50*time.Millisecond)))
	if err != nil {
		t.Fatal(err)
	}
	register(consumer)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
