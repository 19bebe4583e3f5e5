package demo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
)

// omniclaude is the client's side of the conversation: it asks, and checks that each answer belongs to a question.
type omniclaude struct {
	pub *publisher
	log *slog.Logger

	mu    sync.Mutex
	asked map[string]string // the event type that answers a request, by correlation id
}

const omniclaudeGroup = "omniclaude_codegen_consumer"

func (s *omniclaude) consumer(brokers []string, opts ...trestle.ConsumerOption) (*trestle.Consumer, error) {
	c, err := trestle.NewConsumer(brokers, omniclaudeGroup, opts...)
	if err != nil {
		return nil, err
	}
	trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenAnalysisResponse) error {
		return s.answered(ctx, e, e.GetCorrelationId())
	})
	trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenValidationResponse) error {
		return s.answered(ctx, e, e.GetCorrelationId())
	})
	trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenPatternResponse) error {
		return s.answered(ctx, e, e.GetCorrelationId())
	})
	trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenMixinResponse) error {
		return s.answered(ctx, e, e.GetCorrelationId())
	})
	return c, nil
}

func (s *omniclaude) answered(ctx context.Context, e trestle.Event, correlationID string) error {
	s.mu.Lock()
	want, ok := s.asked[correlationID]
	s.mu.Unlock()
	if !ok || want != e.EventInfo().Type {
		return trestle.Permanent(fmt.Errorf("%s with correlation id %s answers no request", e.EventInfo().Type, correlationID))
	}
	s.log.DebugContext(ctx, "answered", "event_type", want, "correlation_id", correlationID)
	return nil
}

// session asks the four questions of a code generation session.
func (s *omniclaude) session(ctx context.Context, sessionID string, prd string) error {
	project := map[string]any{"project_root": "/srv/app", "files": []string{"orders.py", "billing.py"}, "revision": 9007199254740993}
	started := &codegenv1.CodegenStatusEvent{
		SessionId:          sessionID,
		Status:             codegenv1.SessionStatus_SESSION_STATUS_PENDING,
		ProgressPercentage: new(0.0),
		Message:            new("Session opened"),
	}
	if err := s.pub.Publish(ctx, started); err != nil {
		return err
	}
	requests := []trestle.Event{
		&codegenv1.CodegenAnalysisRequest{
			CorrelationId: s.ask("CodegenAnalysisResponse"), SessionId: sessionID, PrdContent: new(prd),
			WorkspaceContext: &trestlev1.JsonObject{Json: string(jsonio.Must(project))},
		},
		&codegenv1.CodegenValidationRequest{
			CorrelationId: s.ask("CodegenValidationResponse"), SessionId: sessionID,
			CodeContent: new("def total(items):\n\treturn sum(i.cents for i in items)\n"), NodeType: codegenv1.NodeType_NODE_TYPE_COMPUTE,
		},
		&codegenv1.CodegenPatternRequest{
			CorrelationId: s.ask("CodegenPatternResponse"), SessionId: sessionID,
			NodeDescription: new("writes orders to the ledger"), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT, Limit: new(int64(3)),
		},
		&codegenv1.CodegenMixinRequest{
			CorrelationId: s.ask("CodegenMixinResponse"), SessionId: sessionID,
			Requirements: []string{"retry", "cache"}, NodeType: codegenv1.NodeType_NODE_TYPE_REDUCER,
		},
	}
	for _, r := range requests {
		if err := s.pub.Publish(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *omniclaude) ask(reply string) (correlationID string) {
	correlationID = uuid.NewString()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[correlationID] = reply
	return correlationID
}
