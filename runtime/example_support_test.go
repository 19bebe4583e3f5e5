package trestle_test

import (
	"github.com/omninode/trestle/runtime/trestletest"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
)

// What the examples are about: a service asks another for code patterns, and is told how the session goes on.
const (
	requestID = "550e8400-e29b-41d4-a716-446655440000"
	sessionID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
)

// patternRequest asks for at most so many patterns.
func patternRequest(limit int64) *codegenv1.CodegenPatternRequest {
	return &codegenv1.CodegenPatternRequest{
		CorrelationId:   requestID,
		SessionId:       sessionID,
		NodeDescription: new("writes orders to the ledger"),
		NodeType:        codegenv1.NodeType_NODE_TYPE_EFFECT,
		Limit:           new(limit),
	}
}

// patterns responds to such a request.
func patterns(of *codegenv1.CodegenPatternRequest) *codegenv1.CodegenPatternResponse {
	return &codegenv1.CodegenPatternResponse{
		PatternResult:    []*trestlev1.JsonObject{{Json: `{"pattern":"outbox"}`}},
		TotalMatches:     new(of.GetLimit()),
		ProcessingTimeMs: new(int64(42)),
	}
}

// progress says how far a session is.
func progress(percent float64) *codegenv1.CodegenStatusEvent {
	return &codegenv1.CodegenStatusEvent{
		SessionId:          sessionID,
		Status:             codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
		ProgressPercentage: new(percent),
		Message:            new("looking for patterns"),
	}
}

// check ends an example that goes wrong.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// example is what examples have in the place of a *testing.T.
func example() *trestletest.T { return trestletest.NewT() }
