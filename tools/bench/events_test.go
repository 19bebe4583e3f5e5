package bench

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	peersv1 "github.com/omninode/trestle/tools/gen/golang/testdata/peers/want/acme/peers/v1"
)

const id = "550e8400-e29b-41d4-a716-446655440000"

// workspace is free-form content of about forty values.
const workspace = `{"project_root":"/home/dev/projects/omninode-bridge","branch":"feature/event-schemas","files":["src/main.py","src/handlers/intelligence.py","src/handlers/codegen.py","src/models/events.py","tests/test_events.py","tests/test_handlers.py","pyproject.toml","README.md"],"dependencies":{"pydantic":"2.9.0","aiokafka":"0.11.0","fastapi":"0.115.0","asyncpg":"0.29.0"},"limits":{"max_files":250,"max_depth":8,"timeout_seconds":30.5},"flags":{"strict":true,"draft":false,"cached":null},"metrics":[0.93,0.88,0.71,12,1500,3.25,0,1],"owners":[{"name":"platform","email":"platform@example.com","on_call":true},{"name":"intelligence","email":"intelligence@example.com","on_call":false}],"history":["a1b2c3d","e4f5a6b","c7d8e9f","0a1b2c3"]}`

// The guide's events: a request of 3 KB, a small report and one with messages in it.

// analysis is the request, and the same as one writes it without Trestle: its free-form content is a Struct.
func analysis() (*codegenv1.CodegenAnalysisRequest, *peersv1.AnalysisRequest) {
	at := timestamppb.New(time.Date(2025, 10, 16, 12, 34, 56, 789012000, time.UTC))
	prd := "# PRD: Event schemas\n\n" + strings.Repeat("The bridge publishes each event once, validated, and keyed by its correlation id.\n", 25)
	context := &structpb.Struct{}
	if err := protojson.Unmarshal([]byte(workspace), context); err != nil {
		panic(err)
	}
	return &codegenv1.CodegenAnalysisRequest{
			CorrelationId: id, SessionId: id, PrdContent: &prd, AnalysisType: codegenv1.AnalysisType_ANALYSIS_TYPE_FULL,
			WorkspaceContext: &trestlev1.JsonObject{Json: workspace}, Timestamp: at, SchemaVersion: "1.0",
		}, &peersv1.AnalysisRequest{
			CorrelationId: id, SessionId: id, PrdContent: &prd, AnalysisType: peersv1.AnalysisType_ANALYSIS_TYPE_FULL,
			WorkspaceContext: context, Timestamp: at, SchemaVersion: "1.0",
		}
}

func status() *codegenv1.CodegenStatusEvent {
	return &codegenv1.CodegenStatusEvent{
		SessionId: id, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, ProgressPercentage: new(45.5),
		Message: new("Extracting requirements"), Timestamp: timestamppb.Now(), SchemaVersion: "1.0",
	}
}

func started() *peersv1.ServiceStarted {
	e := &peersv1.ServiceStarted{
		EventId: id, Timestamp: timestamppb.Now(), StartupDurationMs: 1250, Dependencies: map[string]string{"kafka": "healthy"},
		ServiceInfo: &peersv1.ServiceInfo{Name: "hook-receiver", Version: "1.4.2", Port: 8001, Environment: "production"},
	}
	for i := range 5 {
		e.InitializationSteps = append(e.InitializationSteps, &peersv1.Step{Name: fmt.Sprintf("step %d", i), Status: "success", DurationMs: 12.5})
	}
	return e
}

// Each of them with rules broken.

func invalidAnalysis() (*codegenv1.CodegenAnalysisRequest, *peersv1.AnalysisRequest) {
	own, structs := analysis()
	own.CorrelationId, own.SessionId, own.PrdContent, own.AnalysisType = "x", "", nil, 99
	structs.CorrelationId, structs.SessionId, structs.PrdContent, structs.AnalysisType = "x", "", nil, 99
	return own, structs
}

func invalidStatus() *codegenv1.CodegenStatusEvent {
	e := status()
	e.ProgressPercentage = new(101.0)
	return e
}

func invalidStarted() *peersv1.ServiceStarted {
	e := started()
	e.ServiceInfo.Port, e.ServiceInfo.Environment, e.InitializationSteps[3].Status = 0, "moon", "lost"
	return e
}

// as reads a message as one of another type that has the same fields.
func as[M proto.Message](m proto.Message, other M) M {
	text, err := proto.Marshal(m)
	if err == nil {
		err = proto.Unmarshal(text, other)
	}
	if err != nil {
		panic(err)
	}
	return other
}
