package integration_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/registry"
)

// TestTwoEnvironmentsShareAStack goes the whole way in two environments on one cluster and one registry: topics, subjects,
// a request, its response and a dead letter, and the trace of each, which has nothing of the other.
func TestTwoEnvironmentsShareAStack(t *testing.T) {
	t.Parallel()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	project, err := ops.Open("../../..")
	if err != nil {
		t.Fatal(err)
	}
	client, err := registry.New(stack.Registry)
	if err != nil {
		t.Fatal(err)
	}
	ids := registry.NewSchemaIDs(client)
	seen := map[string][]ops.Traced{}
	for _, prefix := range []string{"staging.", "team-a."} {
		env := ops.StackEnvironment(stack.Addresses)
		env.Prefix, env.Store = prefix, "sqlite:"+filepath.Join(t.TempDir(), "trace.db")
		prepared, err := ops.Prepare(ctx, project, env)
		if err != nil || prepared.Topics == 0 || prepared.Subjects == 0 {
			t.Fatalf("%s: %+v, %v", prefix, prepared, err)
		}
		converseIn(ctx, t, env, ids)
		seen[prefix] = traceIn(ctx, t, project, env)
	}
	for prefix, events := range seen {
		var topics []string
		for _, e := range events {
			topics = append(topics, e.Topic)
		}
		slices.Sort(topics)
		want := []string{
			prefix + "omninode_codegen_dlq_pattern_v1", prefix + "omninode_codegen_request_pattern_v1", prefix + "omninode_codegen_request_pattern_v1",
			prefix + "omninode_codegen_response_pattern_v1",
		}
		if !slices.Equal(topics, want) {
			t.Errorf("%s: the trace has %q, want %q", prefix, topics, want)
		}
	}
	subjects := []string{"staging.omninode_codegen_request_pattern_v1-value", "team-a.omninode_codegen_request_pattern_v1-value", "team-a.omninode.hooks.v1.EventSource"}
	for _, subject := range subjects {
		if _, err := client.Latest(ctx, subject); err != nil {
			t.Error(err)
		}
	}
	if _, err := client.Latest(ctx, "omninode.hooks.v1.EventSource"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a subject under the schemas' own name: %v", err)
	}
}

// stagedSession is that of all requests of converseIn.
const stagedSession = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

// converseIn has a request answered in an environment, and another one fail.
func converseIn(ctx context.Context, t *testing.T, env ops.Environment, ids trestle.SchemaIDs) {
	t.Helper()
	names := trestle.WithNames(env.Names())
	pub, err := trestle.NewPublisher(env.Brokers, names, trestle.WithSchemaIDs(ids), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close(ctx)
	caller, err := trestle.NewCaller(env.Brokers, trestle.WithPublisher(pub), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close(ctx)
	group := codegenv1.GroupOmniarchonCodegenIntelligence
	group.Start = trestle.Earliest
	archon, err := trestle.NewConsumer(env.Brokers, group, names, trestle.WithRetries(0), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	trestle.Answer(archon, pub, func(_ context.Context, r *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
		if strings.HasPrefix(r.GetNodeDescription(), "bad") {
			return nil, trestle.Permanent(errors.New("no pattern"))
		}
		return &codegenv1.CodegenPatternResponse{
			CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(), TotalMatches: new(int64(0)), ProcessingTimeMs: new(int64(1)),
		}, nil
	})
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- archon.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	ask := func(description string) error {
		_, err := codegenv1.NewCalls(caller).CodegenPattern(ctx, &codegenv1.CodegenPatternRequest{
			CorrelationId: uuid.NewString(), SessionId: stagedSession, NodeDescription: new(description), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
		})
		return err
	}
	if err := ask("good"); err != nil {
		t.Fatal(err)
	}
	var unanswered *trestle.UnansweredError
	if err := ask("bad"); !errors.As(err, &unanswered) || unanswered.Group != env.Prefix+"omniarchon_codegen_intelligence" {
		t.Fatalf("a request that fails: %v", err)
	}
}

// traceIn traces an environment and returns the session.
func traceIn(ctx context.Context, t *testing.T, project *ops.Project, env ops.Environment) []ops.Traced {
	t.Helper()
	tracer, err := ops.NewTracer(ctx, project, env, ops.TracerOptions{Log: logTo(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer tracer.Close()
	if err := tracer.RunUntilEnd(ctx); err != nil {
		t.Fatal(err)
	}
	if counts := tracer.Counts(); counts.Stored != 4 || counts.Invalid != 0 {
		t.Errorf("%s: %+v", env.Prefix, counts)
	}
	var events []ops.Traced
	err = ops.TraceSession(ctx, project, env, stagedSession, ops.TraceOptions{}, func(e ops.Traced) error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}
