package demo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
)

// omniclaude is the client's side of the conversation: it asks, and checks that each answer belongs to a question.
type omniclaude struct {
	service
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
	for _, info := range s.types {
		if info.Role == event.RoleResponse {
			trestle.HandleInfo(c, info, s.answered)
		}
	}
	return c, nil
}

func (s *omniclaude) answered(ctx context.Context, e trestle.Event) error {
	delivery, _ := trestle.DeliveryFrom(ctx)
	got, correlationID := e.EventInfo().Type, delivery.Envelope.CorrelationID
	s.mu.Lock()
	want, ok := s.asked[correlationID]
	s.mu.Unlock()
	if !ok || want != got {
		return trestle.Permanent(fmt.Errorf("%s with correlation id %s answers no request", got, correlationID))
	}
	s.log.DebugContext(ctx, "answered", "event_type", want, "correlation_id", correlationID)
	return nil
}

// session asks the four questions of a code generation session.
func (s *omniclaude) session(ctx context.Context, sessionID string, prd string) error {
	err := s.publish(ctx, "CodegenStatusEvent", object{
		"session_id": sessionID, "status": "pending", "progress_percentage": 0, "message": "Session opened",
	})
	if err != nil {
		return err
	}
	for _, r := range []struct {
		eventType string
		question  object
	}{
		{"CodegenAnalysisRequest", object{
			"prd_content": prd,
			"workspace_context": object{
				"project_root": "/srv/app", "files": []string{"orders.py", "billing.py"}, "revision": 9007199254740993,
			},
		}},
		{"CodegenValidationRequest", object{
			"code_content": "def total(items):\n\treturn sum(i.cents for i in items)\n", "node_type": "compute",
		}},
		{"CodegenPatternRequest", object{
			"node_description": "writes orders to the ledger", "node_type": "effect", "limit": 3,
		}},
		{"CodegenMixinRequest", object{
			"requirements": []string{"retry", "cache"}, "node_type": "reducer",
		}},
	} {
		r.question["correlation_id"], r.question["session_id"] = s.ask(r.eventType), sessionID
		if err := s.publish(ctx, r.eventType, r.question); err != nil {
			return err
		}
	}
	return nil
}

// ask makes the id of a request, under which its reply is expected.
func (s *omniclaude) ask(eventType string) (correlationID string) {
	correlationID = uuid.NewString()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[correlationID] = s.types[eventType].Reply
	return correlationID
}
