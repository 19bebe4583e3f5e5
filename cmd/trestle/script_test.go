package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
)

// beCommand is the variable that has the test binary be trestle, as a process that gets signals.
const beCommand = "TRESTLE_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(beCommand) != "" {
		os.Exit(trestleMain())
	}
	testscript.Main(m, map[string]func(){"trestle": func() { os.Exit(trestleMain()) }})
}

// TestScripts runs the scripts in testdata/script. Each gets a folder `omni` with this project's schemas, and commands
// beside testscript's own: `exits STATUS trestle …` runs a command that must end with that status, `edit FILE OLD NEW`
// replaces text, `stack` starts an embedded stack and points the environment's variables to it (those of another PREFIX than TRESTLE, if one is given), `park TOPIC DEADLETTER N`
// parks the dead letters of the first N records of a topic in its store, `bury TOPIC DEADLETTER GROUP N` writes dead letters of N events and one that is not
// valid, with `held` all of one key, of which the first has failed and the others wait behind it, `died TOPIC DEADLETTER GROUP` writes a dead letter of each record
// that a topic has, and `plan FILE ACTION` holds a topics plan to the
// system's topics.
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", root)
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "nobody")
				env.Setenv("GIT_"+who+"_EMAIL", "nobody@example.org")
			}
			project := filepath.Join(env.WorkDir, "omni")
			if err := os.CopyFS(filepath.Join(project, "schemas"), os.DirFS(filepath.Join(root, "schemas"))); err != nil {
				return err
			}
			config, err := os.ReadFile(filepath.Join(root, ops.ConfigName))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(project, ops.ConfigName), config, 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"bury":  bury,
			"died":  died,
			"edit":  edit,
			"exits": exits,
			"park":  park,
			"plan":  checkPlan,
			"stack": startTestStack,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := exitFine
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func startTestStack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: stack [PREFIX]")
	}
	prefix := "TRESTLE"
	if len(args) == 1 {
		prefix = args[0]
	}
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(stack.Close()) })
	ts.Setenv(prefix+"_BROKERS", stack.Brokers)
	ts.Setenv(prefix+"_REGISTRY", stack.Registry)
	ts.Setenv(prefix+"_STORE", stack.Store)
}

func park(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: park TOPIC DEADLETTER N")
	}
	n, err := strconv.ParseInt(args[2], 10, 64)
	ts.Check(err)
	db, err := store.Open(context.Background(), ts.Getenv("TRESTLE_STORE"))
	ts.Check(err)
	defer db.Close()
	topicID := uuid.NewString()
	for offset := range n {
		d := deadletter.DeadLetter{
			Original:    deadletter.Original{Key: []byte("order"), Value: []byte("{}"), Offset: offset},
			SourceTopic: args[0], ConsumerGroup: "billing", Timestamp: time.Now(),
		}
		ts.Check(db.Parking().Park(context.Background(), parking.Letter{
			Place:      parking.Place{Group: "billing", Topic: args[0], TopicID: topicID, Offset: offset},
			DeadLetter: args[1], Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers(), Refusal: "no such topic", ParkedAt: time.Now(),
		}))
	}
}

// bury writes dead letters of a group to a dead-letter topic: of n events that are valid, each with an error of its own, and one that is not.
func bury(ts *testscript.TestScript, neg bool, args []string) {
	held := len(args) == 5 && args[4] == "held"
	if neg || len(args) != 4 && !held {
		ts.Fatalf("usage: bury TOPIC DEADLETTER GROUP N [held]")
	}
	n, err := strconv.ParseInt(args[3], 10, 64)
	ts.Check(err)
	client, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("TRESTLE_BROKERS")))
	ts.Check(err)
	defer client.Close()
	const request = `{"envelope_version":"1.0","correlation_id":"550e8400-e29b-41d4-a716-44665544000%d","session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7",` +
		`"event_type":"CodegenPatternRequest","timestamp":"2025-10-16T12:00:00Z","payload":{"correlation_id":"550e8400-e29b-41d4-a716-44665544000%d",` +
		`"session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","node_description":"a","node_type":"%s"}}`
	for i := range n + 1 {
		kind, failure := "effect", deadletter.Error{Type: "HandlerError", Message: fmt.Sprintf("order %d not found", i), Timestamp: time.Now()}
		if i == n {
			kind, failure = "nonsense", deadletter.Error{Type: "ValidationError", Message: "node_type: no such value", Timestamp: time.Now()}
		}
		d := deadletter.DeadLetter{
			Original: deadletter.Original{Key: fmt.Appendf(nil, "550e8400-e29b-41d4-a716-44665544000%d", i), Value: fmt.Appendf(nil, request, i, i, kind), Offset: i},
			Error:    failure, RetryCount: 3, SourceTopic: args[0], ConsumerGroup: args[2], Timestamp: time.Now(),
		}
		if held {
			d.Original.Key = []byte("held")
		}
		if held && i > 0 {
			d.Error, d.HeldBehind = deadletter.Error{Type: deadletter.HeldKey, Message: "its key is held"}, args[1]+"/0/0"
		}
		record := &kgo.Record{Topic: args[1], Key: d.Original.Key, Value: d.AppendJSON(nil)}
		for _, h := range d.Headers() {
			record.Headers = append(record.Headers, kgo.RecordHeader(h))
		}
		ts.Check(client.ProduceSync(context.Background(), record).FirstErr())
	}
}

// died writes a dead letter of each record that a topic has.
func died(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: died TOPIC DEADLETTER GROUP")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("TRESTLE_BROKERS")))
	ts.Check(err)
	defer client.Close()
	conn := kafka.Connection{Brokers: []string{ts.Getenv("TRESTLE_BROKERS")}}
	for r, err := range kafka.Scan(context.Background(), conn, []string{args[0]}, kafka.FromStart(), kafka.ToEnd()) {
		ts.Check(err)
		d := deadletter.DeadLetter{
			Original: deadletter.Original{Key: r.Key, Value: r.Value, Headers: r.Headers, Partition: r.Partition, Offset: r.Offset},
			Error:    deadletter.Error{Type: "ValidationError", Message: fmt.Sprintf("event %s refused", r.Header("event-id")), Timestamp: time.Now()}, SourceTopic: args[0], ConsumerGroup: args[2],
			Timestamp: time.Now(),
		}
		letter := kafka.ToClient(&kafka.Record{Topic: args[1], Key: r.Key, Value: d.AppendJSON(nil), Headers: d.Headers()})
		ts.Check(client.ProduceSync(context.Background(), letter).FirstErr())
	}
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	unquote := func(s string) string { return strings.ReplaceAll(s, `\n`, "\n") }
	old, replacement := unquote(args[1]), unquote(args[2])
	if !strings.Contains(text, old) {
		ts.Fatalf("%s does not contain %q", args[0], old)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, old, replacement)), 0o644))
}

// checkPlan holds a plan in JSON to the 37 topics and, of the guide's 13, to the exact settings.
func checkPlan(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: plan FILE ACTION")
	}
	var plan topics.Plan
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &plan))
	byName := map[string]topics.Topic{}
	for _, t := range plan.Topics {
		byName[t.Name] = t
		if string(t.Action) != args[1] {
			ts.Fatalf("topic %s: action %s, want %s", t.Name, t.Action, args[1])
		}
	}
	if len(byName) != 37 {
		ts.Fatalf("%d topics, want 37", len(byName))
	}
	if t := byName[replay.ResolutionsTopic]; t.Partitions != 1 || !maps.Equal(t.Config, map[string]string{"cleanup.policy": "compact"}) {
		ts.Fatalf("topic of resolutions: %d partitions, %v", t.Partitions, t.Config)
	}
	const day = 24 * 3600 * 1000
	type settings struct {
		partitions int32
		retention  int
	}
	want := map[string]settings{"omninode_codegen_status_session_v1": {6, 3 * day}}
	for _, operation := range []string{"analyze", "validate", "pattern", "mixin"} {
		want["omninode_codegen_request_"+operation+"_v1"] = settings{3, 7 * day}
		want["omninode_codegen_response_"+operation+"_v1"] = settings{3, 7 * day}
		want["omninode_codegen_dlq_"+operation+"_v1"] = settings{1, 30 * day}
	}
	for name, w := range want {
		t := byName[name]
		config := map[string]string{
			"retention.ms": strconv.Itoa(w.retention), "cleanup.policy": "delete", "compression.type": "gzip",
			"max.message.bytes": t.Config["max.message.bytes"],
		}
		if t.Partitions != w.partitions || !maps.Equal(t.Config, config) {
			ts.Fatalf("topic %s: %d partitions, %v; want %d, %v", name, t.Partitions, t.Config, w.partitions, config)
		}
	}
}
