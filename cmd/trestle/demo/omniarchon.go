package demo

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"

	trestle "github.com/omninode/trestle/runtime"
)

// omniarchon is the intelligence service's side: it reports progress on each request and answers it. Status events
// inherit the request's correlation id from ctx.
type omniarchon struct {
	service

	stumbled atomic.Bool // the first mixin request fails once, and is tried again
}

const omniarchonGroup = "omniarchon_codegen_intelligence"

var (
	errUnreadablePRD = errors.New("the requirements name no feature")
	errBusy          = errors.New("the mixin index is being rebuilt")
)

// request is what omniarchon reads of requests.
type request struct {
	CorrelationID string `json:"correlation_id"`
	SessionID     string `json:"session_id"`
	PRD           string `json:"prd_content"` // of an analysis
}

func (s *omniarchon) consumer(brokers []string, opts ...trestle.ConsumerOption) (*trestle.Consumer, error) {
	c, err := trestle.NewConsumer(brokers, omniarchonGroup, opts...)
	if err != nil {
		return nil, err
	}
	for eventType, handler := range map[string]func(context.Context, request) error{
		"CodegenAnalysisRequest":   s.analyze,
		"CodegenValidationRequest": s.validate,
		"CodegenPatternRequest":    s.pattern,
		"CodegenMixinRequest":      s.mixin,
	} {
		trestle.HandleInfo(c, s.types[eventType], func(ctx context.Context, e trestle.Event) error {
			var r request
			text, err := e.AppendJSON(nil)
			if err == nil {
				err = json.Unmarshal(text, &r)
			}
			if err != nil {
				return trestle.Permanent(err)
			}
			return handler(ctx, r)
		})
	}
	return c, nil
}

func (s *omniarchon) analyze(ctx context.Context, r request) error {
	if !strings.Contains(r.PRD, "feature") {
		if err := s.status(ctx, r, "failed", 10, "Analysis failed"); err != nil {
			return err
		}
		return trestle.Permanent(errUnreadablePRD)
	}
	if err := s.status(ctx, r, "processing", 25, "Analysis started"); err != nil {
		return err
	}
	return s.answer(ctx, r, "CodegenAnalysisResponse", object{
		"analysis_result":    json.RawMessage(`{"requirements":["orders","billing"],"score":1.0}`),
		"confidence":         0.93,
		"processing_time_ms": 1250,
	})
}

func (s *omniarchon) validate(ctx context.Context, r request) error {
	if err := s.status(ctx, r, "processing", 50, "Code validated"); err != nil {
		return err
	}
	return s.answer(ctx, r, "CodegenValidationResponse", object{
		"validation_result":     object{"warnings": []string{}},
		"quality_score":         0.875,
		"onex_compliance_score": 1,
		"is_valid":              true,
		"processing_time_ms":    310,
	})
}

func (s *omniarchon) pattern(ctx context.Context, r request) error {
	if err := s.status(ctx, r, "processing", 75, "Patterns matched"); err != nil {
		return err
	}
	return s.answer(ctx, r, "CodegenPatternResponse", object{
		"pattern_result":     []object{{"pattern": "outbox", "score": 0.91}},
		"total_matches":      1,
		"processing_time_ms": 42,
	})
}

func (s *omniarchon) mixin(ctx context.Context, r request) error {
	if !s.stumbled.Swap(true) {
		return errBusy // tried again after a short wait
	}
	err := s.answer(ctx, r, "CodegenMixinResponse", object{
		"mixin_recommendations": []object{{"mixin": "RetryMixin", "priority": 1}},
		"total_recommendations": 1,
		"processing_time_ms":    17,
	})
	if err != nil {
		return err
	}
	return s.status(ctx, r, "completed", 100, "Session complete")
}

// answer publishes the response to a request, under its ids.
func (s *omniarchon) answer(ctx context.Context, r request, eventType string, response object) error {
	response["correlation_id"], response["session_id"] = r.CorrelationID, r.SessionID
	return s.publish(ctx, eventType, response)
}

func (s *omniarchon) status(ctx context.Context, r request, status string, progress float64, message string) error {
	return s.publish(ctx, "CodegenStatusEvent", object{
		"session_id": r.SessionID, "status": status, "progress_percentage": progress, "message": message,
	})
}
