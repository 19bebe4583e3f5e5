package integration_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

const rounds = 5 // of four requests each

// freeForm has the numbers that get lost on the way through doubles.
const freeForm = `{"project_root":"/srv/app","big":9007199254740993,"bigger":123456789012345678901234567890,` +
	`"float":1.0,"tiny":1e-07,"text":"naïve 😀   \"q\" </script>","nested":{"a":[1,2.5,null,true,{}]}}`

// TestPythonAsksGoAnswers has a Python omniclaude and a Go omniarchon converse.
func TestPythonAsksGoAnswers(t *testing.T) {
	k := connect(t, services.SharedKafka(t).Brokers()).withTopics(1)
	x := newExchange(t, k.brokers)
	requests, deadLetters := topicsOf(codegenv1.Events(), event.RoleRequest)
	archon := consume(k, "go_omniarchon", requests, deadLetters, func(c *trestle.Consumer) {
		onRequests(c, func(ctx context.Context, e trestle.Event) error {
			if err := x.handle(ctx, e); err != nil {
				return err
			}
			return answer(ctx, x, e)
		})
	})

	claude := startPython(t, "", "omni_service.py", "omniclaude", strings.Join(k.brokers, ","), "python_omniclaude", fmt.Sprint(rounds))
	claude.ready()
	lines := claude.rest()
	x.awaitHandled(4 * rounds)
	archon.checkDone()
	styles := x.check(lines)
	if styles["json.dumps"] != 2*rounds || styles["pydantic"] != 2*rounds {
		t.Errorf("Python wrote %v, want %d events in each of the two styles", styles, 2*rounds)
	}
	if want := 8 * rounds; len(x.published) != want {
		t.Errorf("%d events were published, want %d", len(x.published), want)
	}
}

// answer is the Go omniarchon: a status event about the request, and the response, with what is free-form in the
// request in it. Both inherit the correlation id, and the exchange is told it to find them again.
func answer(ctx context.Context, x *exchange, request trestle.Event) error {
	d, _ := trestle.DeliveryFrom(ctx)
	correlationID, sessionID := d.Envelope.CorrelationID, d.Envelope.SessionID
	status := &codegenv1.CodegenStatusEvent{
		SessionId: sessionID, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
		ProgressPercentage: new(25.0), Message: new("Analysis started"), Metadata: object(`{"step":1,"weight":1.0}`),
	}
	if err := x.publish(ctx, correlationID, status); err != nil {
		return err
	}
	return x.publish(ctx, correlationID, responseTo(request, correlationID, sessionID))
}

func responseTo(request trestle.Event, correlationID, sessionID string) trestle.Event {
	took := new(int64(9007199254740993)) // a double would round it
	switch r := request.(type) {
	case *codegenv1.CodegenAnalysisRequest:
		return &codegenv1.CodegenAnalysisResponse{
			CorrelationId: correlationID, SessionId: sessionID, AnalysisResult: r.GetWorkspaceContext(),
			Confidence: new(1.0), ProcessingTimeMs: took,
		}
	case *codegenv1.CodegenValidationRequest:
		return &codegenv1.CodegenValidationResponse{
			CorrelationId: correlationID, SessionId: sessionID, ValidationResult: r.GetContracts()[0],
			QualityScore: new(0.0), OnexComplianceScore: new(1e-07), IsValid: new(false), ProcessingTimeMs: took,
		}
	case *codegenv1.CodegenPatternRequest:
		return &codegenv1.CodegenPatternResponse{
			CorrelationId: correlationID, SessionId: sessionID,
			PatternResult: []*trestlev1.JsonObject{object(freeForm), object(`{}`)}, TotalMatches: r.Limit, ProcessingTimeMs: took,
		}
	default:
		return &codegenv1.CodegenMixinResponse{
			CorrelationId: correlationID, SessionId: sessionID, TotalRecommendations: new(int64(0)), ProcessingTimeMs: took,
		}
	}
}

// TestGoAsksPythonAnswers has a Go omniclaude and a Python omniarchon converse.
func TestGoAsksPythonAnswers(t *testing.T) {
	k := connect(t, services.SharedKafka(t).Brokers()).withTopics(1)
	x := newExchange(t, k.brokers)
	answers, deadLetters := topicsOf(codegenv1.Events(), event.RoleResponse, event.RoleStatus)
	claude := consume(k, "go_omniclaude", answers, deadLetters, func(c *trestle.Consumer) {
		onResponses(c, x.handle)
		on[codegenv1.CodegenStatusEvent](c, x.handle)
	})

	archon := startPython(t, "", "omni_service.py", "omniarchon", strings.Join(k.brokers, ","), "python_omniarchon", fmt.Sprint(4*rounds))
	archon.ready()
	session := uuid.NewString()
	for range rounds {
		for _, e := range requests(session) {
			correlationID := uuid.NewString()
			if err := x.publish(t.Context(), correlationID, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := archon.rest()
	x.awaitHandled(8 * rounds)
	claude.checkDone()
	styles := x.check(lines)
	if styles["json.dumps"] != 4*rounds || styles["pydantic"] != 4*rounds {
		t.Errorf("Python wrote %v, want %d events in each of the two styles", styles, 4*rounds)
	}
	checkEchoes(t, x)
}

// requests are the four requests of a session; publishing gives them their correlation ids.
func requests(session string) []trestle.Event {
	return []trestle.Event{
		&codegenv1.CodegenAnalysisRequest{
			SessionId: session, PrdContent: new("# PRD\n\nX"), AnalysisType: codegenv1.AnalysisType_ANALYSIS_TYPE_QUICK,
			WorkspaceContext: object(freeForm),
		},
		&codegenv1.CodegenValidationRequest{
			SessionId: session, CodeContent: new("def f():\n\treturn 'é'"), NodeType: codegenv1.NodeType_NODE_TYPE_COMPUTE,
			Contracts: []*trestlev1.JsonObject{object(freeForm), object(`{}`)},
		},
		&codegenv1.CodegenPatternRequest{
			SessionId: session, NodeDescription: new(""), NodeType: codegenv1.NodeType_NODE_TYPE_REDUCER, Limit: new(int64(20)),
		},
		&codegenv1.CodegenMixinRequest{
			SessionId: session, Requirements: []string{"retry", " \"q\""}, NodeType: codegenv1.NodeType_NODE_TYPE_ORCHESTRATOR,
		},
	}
}

// checkEchoes checks that free-form maps came back from Python as they were sent.
func checkEchoes(t *testing.T, x *exchange) {
	t.Helper()
	sent := parseJSON(t, []byte(freeForm))
	echoes := 0
	for key, value := range x.handled {
		payload := member(t, parseJSON(t, []byte(value)), "payload")
		var echo any
		switch key.eventType {
		case "CodegenAnalysisResponse":
			echo = member(t, payload, "analysis_result")
		case "CodegenValidationResponse":
			echo = member(t, payload, "validation_result", "contracts").([]any)[0]
		default:
			continue
		}
		echoes++
		if diff := diffJSON(sent, echo); diff != "" {
			t.Errorf("%v: what Python was sent did not come back:\n%s", key, diff)
		}
		// diffJSON has compared values; these are not even written differently.
		for _, number := range []string{`"big":9007199254740993,`, `"bigger":123456789012345678901234567890,`, `"float":1.0,`} {
			if !strings.Contains(value, number) {
				t.Errorf("%v: %s is not in %s", key, number, value)
			}
		}
	}
	if want := 2 * rounds; echoes != want {
		t.Errorf("%d echoes, want %d", echoes, want)
	}
}

func object(text string) *trestlev1.JsonObject { return &trestlev1.JsonObject{Json: text} }
