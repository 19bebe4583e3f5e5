package trestletest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	trestle "github.com/omninode/trestle/runtime"
)

const (
	session = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	request = "550e8400-e29b-41d4-a716-446655440000"
)

var errAway = errors.New("the model is away")

// progress is a valid event.
func progress(percent float64) *codegenv1.CodegenStatusEvent {
	return &codegenv1.CodegenStatusEvent{
		SessionId: session, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING,
		ProgressPercentage: new(percent), Message: new("reading"),
	}
}

// asked is a valid request.
func asked(limit int64) *codegenv1.CodegenPatternRequest {
	return &codegenv1.CodegenPatternRequest{
		CorrelationId: request, SessionId: session, NodeDescription: new("writes orders"),
		NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT, Limit: new(limit),
	}
}

func answered() *codegenv1.CodegenPatternResponse {
	return &codegenv1.CodegenPatternResponse{
		PatternResult: []*trestlev1.JsonObject{{Json: `{"pattern":"outbox"}`}}, TotalMatches: new(int64(1)), ProcessingTimeMs: new(int64(2)),
	}
}

// kept is an event on a compacted topic.
type kept struct{ *codegenv1.CodegenStatusEvent }

var keptInfo = func() trestle.EventInfo {
	info := *(*codegenv1.CodegenStatusEvent)(nil).EventInfo()
	info.Topic = &trestle.TopicInfo{
		Name: "sessions", DeadLetter: "sessions_dlq", EventTypes: []string{info.Type}, Compacted: true, Partitions: 2,
		Config: map[string]string{"cleanup.policy": "compact"},
	}
	info.New = func() trestle.Event { return &kept{new(codegenv1.CodegenStatusEvent)} }
	return info
}()

func (*kept) EventInfo() *trestle.EventInfo { return &keptInfo }

// failing is a testing.TB whose failures are the test's subject.
type failing struct {
	testing.TB
	said []string
}

func (f *failing) Helper() {}

func (f *failing) Fatal(args ...any)                 { f.Error(args...); runtime.Goexit() }
func (f *failing) Fatalf(format string, args ...any) { f.Errorf(format, args...); runtime.Goexit() }
func (f *failing) Error(args ...any)                 { f.said = append(f.said, fmt.Sprint(args...)) }
func (f *failing) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

// failure returns what a test that does this says as it fails; empty: it does not.
func failure(t *testing.T, do func(testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		do(f)
	}()
	<-ended
	return strings.Join(f.said, "\n")
}

var quiet = slog.New(slog.DiscardHandler)
