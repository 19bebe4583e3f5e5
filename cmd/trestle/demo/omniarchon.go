package demo

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
)

// omniarchon is the intelligence service's side: it reports progress on each request and answers it. Responses and
// status events inherit the request's correlation id from ctx.
type omniarchon struct {
	pub *publisher
	log *slog.Logger

	stumbled atomic.Bool // the first mixin request fails once, and is tried again
}

const omniarchonGroup = "omniarchon_codegen_intelligence"

var (
	errUnreadablePRD = errors.New("the requirements name no feature")
	errBusy          = errors.New("the mixin index is being rebuilt")
)

func (s *omniarchon) consumer(brokers []string, opts ...trestle.ConsumerOption) (*trestle.Consumer, error) {
	c, err := trestle.NewConsumer(brokers, omniarchonGroup, opts...)
	if err != nil {
		return nil, err
	}
	trestle.Handle(c, s.analyze)
	trestle.Handle(c, s.validate)
	trestle.Handle(c, s.pattern)
	trestle.Handle(c, s.mixin)
	return c, nil
}

func (s *omniarchon) analyze(ctx context.Context, r *codegenv1.CodegenAnalysisRequest) error {
	if !strings.Contains(r.GetPrdContent(), "feature") {
		if err := s.status(ctx, r.GetSessionId(), codegenv1.SessionStatus_SESSION_STATUS_FAILED, 10, "Analysis failed"); err != nil {
			return err
		}
		return trestle.Permanent(errUnreadablePRD)
	}
	if err := s.status(ctx, r.GetSessionId(), codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, 25, "Analysis started"); err != nil {
		return err
	}
	return s.pub.Publish(ctx, &codegenv1.CodegenAnalysisResponse{
		CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(),
		AnalysisResult: object(`{"requirements":["orders","billing"],"score":1.0}`),
		Confidence:     new(0.93), ProcessingTimeMs: new(int64(1250)),
	})
}

func (s *omniarchon) validate(ctx context.Context, r *codegenv1.CodegenValidationRequest) error {
	if err := s.status(ctx, r.GetSessionId(), codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, 50, "Code validated"); err != nil {
		return err
	}
	return s.pub.Publish(ctx, &codegenv1.CodegenValidationResponse{
		CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(),
		ValidationResult: object(`{"warnings":[]}`), QualityScore: new(0.875), OnexComplianceScore: new(1.0),
		IsValid: new(true), ProcessingTimeMs: new(int64(310)),
	})
}

func (s *omniarchon) pattern(ctx context.Context, r *codegenv1.CodegenPatternRequest) error {
	if err := s.status(ctx, r.GetSessionId(), codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, 75, "Patterns matched"); err != nil {
		return err
	}
	return s.pub.Publish(ctx, &codegenv1.CodegenPatternResponse{
		CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(),
		PatternResult: []*trestlev1.JsonObject{object(`{"pattern":"outbox","score":0.91}`)},
		TotalMatches:  new(int64(1)), ProcessingTimeMs: new(int64(42)),
	})
}

func (s *omniarchon) mixin(ctx context.Context, r *codegenv1.CodegenMixinRequest) error {
	if !s.stumbled.Swap(true) {
		return errBusy // tried again after a short wait
	}
	err := s.pub.Publish(ctx, &codegenv1.CodegenMixinResponse{
		CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(),
		MixinRecommendations: []*trestlev1.JsonObject{object(`{"mixin":"RetryMixin","priority":1}`)},
		TotalRecommendations: new(int64(1)), ProcessingTimeMs: new(int64(17)),
	})
	if err != nil {
		return err
	}
	return s.status(ctx, r.GetSessionId(), codegenv1.SessionStatus_SESSION_STATUS_COMPLETED, 100, "Session complete")
}

func (s *omniarchon) status(ctx context.Context, sessionID string, status codegenv1.SessionStatus, progress float64, message string) error {
	return s.pub.Publish(ctx, &codegenv1.CodegenStatusEvent{
		SessionId: sessionID, Status: status, ProgressPercentage: &progress, Message: &message,
	})
}

func object(text string) *trestlev1.JsonObject { return &trestlev1.JsonObject{Json: text} }
