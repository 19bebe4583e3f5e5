package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
)

const (
	stepTopic       = "omninode_codegen_request_pattern_v1"
	stepGroup       = "omniarchon_codegen_intelligence"
	stepLetters     = "omninode_codegen_dlq_pattern_v1"
	stepCorrelation = "550e8400-e29b-41d4-a716-446655440000"
	stepSession     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
)

// step is a command that is run, and what is expected of it wherever that is.
type step struct {
	line   string // behind `trestle`
	status int
	says   []string // in its answer or, with status 2, its error
	// denied are rights without which it is tried first, where brokers have ACLs.
	denied []string
	// before does what the command finds done.
	before func(*testing.T, *stack)
	// check looks at the answer; nil: what it says is enough.
	check func(*testing.T, *stack, string)
	// endless says that the command goes on until it is interrupted, which it is once it has said all that it should.
	endless bool
}

// steps are what is done with an environment, from nothing to nothing: every command that connects to a cluster, a registry or a store is among them.
var steps = []step{
	{line: "topics plan --json", denied: []string{"Create on the topic"}, says: []string{`"name": "` + stepTopic + `"`, `"action": "create"`}},
	{line: "topics apply --json", says: []string{`"name": "changes"`, `"done": true`}},
	{line: "acl plan --json", denied: []string{"Describe on the cluster"}, says: []string{`"name": "User:service-omniarchon-a: Read on group ` + stepGroup + `"`, `"action": "create"`}},
	{line: "acl apply --json", denied: []string{"Alter on the cluster"}, says: []string{`"done": true`}},
	{line: "acl plan --check", says: []string{"172 ACLs, all as declared"}},
	{line: "users plan --json", denied: []string{"Describe on the cluster"}, says: []string{`"name": "service-omniarchon-a"`, `"action": "create"`}},
	{line: "users apply --json", denied: []string{"Alter on the cluster"}, says: []string{`"done": true`}},
	{line: "users plan --check", says: []string{"4 users, all as declared"}},
	{line: "users rotate omniarchon --json", denied: []string{"Alter on the cluster"}, says: []string{`"name": "service-omniarchon-b"`, `"action": "create"`}},
	{line: "users rotate omniarchon --finish", says: []string{"delete user service-omniarchon-a: done", "connections.max.reauth.ms"}},
	{line: "acl check --as omniarchon --json", status: 1, says: []string{`"service": "omniarchon"`, `"ok": false`}},
	{line: "register --json", denied: []string{"Write on the transactional id of changes"}, says: []string{`"subject": "` + stepTopic + `-value"`, `"action": "create"`}},
	{
		line: "plan", says: []string{"partitions 6 → 7", "retention.ms 259200000 → 259200001", "--allow-repartition"},
		denied: []string{"Alter on the topic", "AlterConfigs on the topic"},
		before: func(t *testing.T, s *stack) {
			file := filepath.Join(s.dir, "schemas/omninode/codegen/v1/status.proto")
			editFile(t, file, "partitions: 6", "partitions: 7")
			editFile(t, file, "retention_ms: 259200000", "retention_ms: 259200001")
		},
	},
	{line: "plan -o plan.json --json", says: []string{`"needs": "--allow-repartition"`, `"kind": "user"`}},
	{line: "apply plan.json", status: 1, says: []string{"--allow-repartition"}},
	{line: "apply plan.json --allow-repartition --json", says: []string{`"done": true`}},
	{line: "plan --check", says: []string{"all as declared"}},
	{line: "topics list", says: []string{stepTopic}},
	{line: "topics list --json", denied: []string{"Describe on the topic"}, says: []string{`"name": "` + stepTopic + `"`}, check: func(t *testing.T, s *stack, out string) {
		if want := fmt.Sprintf(`"replicas": %d,`, s.replicas); !strings.Contains(out, want) {
			t.Errorf("topics have not %s", want)
		}
	}},
	{line: "topics describe " + stepTopic, says: []string{"CodegenPatternRequest", "retention.ms=604800000"}},
	{line: "topics describe " + stepTopic + " --json", denied: []string{"Describe on the topic", "DescribeConfigs on the topic"}, says: []string{`"CodegenPatternRequest"`, `"retention.ms": "604800000"`}},
	{line: "publish CodegenPatternRequest -f request.json --json", denied: []string{"Write on the topic", "Read on the topic of changes"}, says: []string{`"topic":"` + stepTopic + `"`}},
	{line: "topics offsets " + stepTopic + " --at 2020-01-01T00:00:00Z --json", denied: []string{"Describe on the topic", "DescribeConfigs on the topic"}, says: []string{`"records": 1`}},
	{line: "peek " + stepTopic + " -n 5 --json", denied: []string{"Read on the topic"}, says: []string{`"event_type":"CodegenPatternRequest"`, `"node_description":"a"`}},
	{line: "check --records --json", denied: []string{"Read on the topic"}, says: []string{`{"topic":"` + stepTopic + `","read":1,"refused":0,"lost":0,"by":[]}`}},
	{line: "check --records --sample 5 --topic " + stepTopic + " --json", says: []string{`"read":1,"refused":0,"lost":0,"by":[],"sample":{"of":`}},
	{line: "tail " + stepTopic + " --from start --json", endless: true, status: 130, says: []string{`"node_description":"a"`}},
	{line: "groups list --json", denied: []string{"Describe on the group"}, says: []string{`"group": "` + stepGroup + `"`, `"state": "absent"`}},
	{line: "groups seek " + stepGroup + " --to start --topic " + stepTopic + " --dry-run", says: []string{"a dry run"}},
	{line: "groups seek " + stepGroup + " --to start --topic " + stepTopic + " --json", denied: []string{"Read on the topic", "Read on the group", "Write on the topic of changes"}, says: []string{`"done": true`}},
	{line: "groups describe " + stepGroup, says: []string{"0 members  lag 1"}},
	{line: "groups describe " + stepGroup + " --json", denied: []string{"Read on the topic", "Describe on the group"}, says: []string{`"lag": 1`}},
	{line: "cluster info --json", says: []string{`"host": "127.0.0.1"`, `"version": "`}, check: func(t *testing.T, s *stack, out string) {
		if n := strings.Count(out, `"host"`); n != s.replicas {
			t.Errorf("%d brokers, want %d", n, s.replicas)
		}
	}},
	{line: "cluster health --json", says: []string{`"healthy": true`}},
	{line: "doctor", says: []string{
		"ok    brokers", "ok    advertised addresses", "ok    partitions", "ok    topics: 38", "has no members, and 1 records", "ok    dead letters",
		"ok    registry", "ok    subjects: 40",
	}},
	{line: "doctor --json", denied: []string{"Read on the topic", "DescribeConfigs on the topic", "Describe on the group"}, says: []string{`"name": "brokers"`, `"status": "ok"`}},
	{line: "monitor --json", says: []string{`"name":"lag:` + stepGroup + `"`, `"passed":false`}, check: func(t *testing.T, _ *stack, out string) {
		if strings.Contains(out, `"passed":true`) {
			t.Error("a limit is passed")
		}
	}},
	{
		line: "dlq stats", says: []string{"11 unresolved", "HandlerError: order # not found"},
		before: func(t *testing.T, s *stack) { bury(t, s.brokers, stepTopic, stepLetters, stepGroup, 11) },
	},
	{line: "dlq stats --json", says: []string{`"unresolved": 11`}},
	{line: "monitor", denied: []string{"Read on the topic", "Write on the topic", "Describe on the group", "Write on the transactional id"}, status: 1, says: []string{"PASSED  dead_letters:" + stepLetters}},
	{line: "monitor", status: 1},
	{line: "dlq watch --every 100ms --json", denied: []string{"Read on the topic"}, endless: true, status: 130, says: []string{
		`"limit":{"topic":"` + stepLetters + `","state":"raised","unresolved":11,"limit":10}`, `"cause":"HandlerError: order # not found"`, `"list":"trestle dlq list --cause `,
	}},
	{line: "dlq watch --topics " + stepLetters + " --group " + stepGroup + " --limit 11", endless: true, status: 130, says: []string{": 11 letters of 1 topics  " + stepGroup, "trestle dlq list --cause "}},
	{line: "peek omninode_system_alerts --json", says: []string{`"failure_count":11`, `"state":"raised"`}, check: func(t *testing.T, _ *stack, out string) {
		if n := strings.Count(out, "\n"); n != 1 {
			t.Errorf("it was told %d times, want once", n)
		}
	}},
	{line: "dlq list --json", denied: []string{"Read on the topic"}, says: []string{`"source_topic":"` + stepTopic + `"`, "not found"}},
	{line: "dlq show " + stepLetters + "/0/0", says: []string{"tried 3 times again"}},
	{line: "dlq show " + stepLetters + "/0/0 --json", says: []string{`"retry_count":3`}},
	{line: "dlq replay --at " + stepLetters + "/0/0 --dry-run", says: []string{"1 of 1 would be replayed"}},
	{line: "dlq replay --at " + stepLetters + "/0/0 --json", denied: []string{"Read on the topic", "Write on the topic", "Write on the transactional id"}, says: []string{`"selected": 1`, `"done": 1`}},
	{line: "dlq replay --at " + stepLetters + `/0/1 --repair {"node_description":"mended"} --json`, says: []string{`"done": 1`, `"valid_after": 1`, `"kind": "merge-patch"`}},
	{
		line: "dlq edit " + stepLetters + "/0/2 -f edited.json --yes --json", says: []string{`"done": 1`, `"kind": "edit"`},
		before: func(t *testing.T, s *stack) {
			id := fmt.Sprintf("550e8400-e29b-41d4-a716-%012d", buried.Load())
			writeFile(t, filepath.Join(s.dir, "edited.json"), fmt.Sprintf(`{"correlation_id":%q,"session_id":%q,"event_type":"CodegenPatternRequest","timestamp":"2025-10-16T12:00:00Z",`+
				`"payload":{"correlation_id":%[1]q,"session_id":%[2]q,"node_description":"edited","node_type":"effect"}}`, id, stepSession))
		},
	},
	{line: "dlq purge --topic " + stepLetters + " --json", denied: []string{"Read on the topic", "Write on the topic", "Write on the transactional id"}, says: []string{`"selected": 8`, `"done": 8`}},
	{line: "monitor", says: []string{"ok"}},
	{line: "peek omninode_system_alerts --json", says: []string{`"failure_count":0`, `"state":"cleared"`}},
	{line: "dlq parked list --json", says: []string{`"topic":"` + stepLetters + `"`, `"refusal":"too large"`}, before: parkOne},
	{line: "dlq parked publish --json", says: []string{`"topic": "` + stepLetters + `"`, `"published": 1`}},
	{line: "trace run --until-end --json", says: []string{`"stored": `}},
	{line: "trace backfill --from start --json", says: []string{`"stored": 0`}},
	{line: "trace correlation " + stepCorrelation, says: []string{"CodegenPatternRequest"}},
	{line: "trace correlation " + stepCorrelation + " --waterfall", says: []string{"CodegenPatternRequest"}},
	{line: "trace correlation " + stepCorrelation + " --json", says: []string{`"event_type": "CodegenPatternRequest"`}},
	{line: "trace session " + stepSession + " --json", says: []string{`"event_type": "CodegenPatternRequest"`}},
	{line: "trace session " + stepSession + " --follow --json", endless: true, status: 130, says: []string{`"event_type":"CodegenPatternRequest"`}},
	{line: "trace type CodegenPatternRequest --json", says: []string{`"node_description": "a"`}},
	{line: "trace find --type CodegenPatternRequest --text node_description --json", says: []string{`"node_description": "a"`}},
	{line: "trace stats", says: []string{"CodegenPatternRequest"}},
	{line: "trace prune --keep 720h --dry-run", says: []string{"0 partitions and 0 single events", "would be removed"}},
	{line: "trace stats --json", says: []string{"CodegenPatternRequest"}},
	{line: "trace prune --keep 720h --json", says: []string{`"dry_run": false`, `"events": 0`}},
	{line: "check --against registry:" + stepTopic + "-value --json", says: []string{`"compatible":true`}},
	{line: "changelog registry:" + stepTopic + "-value --json", says: []string{`"wrong_steps": []`}},
	{line: "docs --against registry:" + stepTopic + "-value -o catalog --json", says: []string{`"files": `}},
	{line: "topics apply", says: []string{"trestle_keys"}, before: encryptErrors},
	{line: "keys rotate pii --json", denied: []string{"Read on the topic", "Write on the topic"}, says: []string{`"class": "pii"`}},
	{line: "keys rotate pii", says: []string{"events are encrypted with key "}},
	{line: "keys list", says: []string{"current", "old", "first"}},
	{line: "keys list --json", denied: []string{"Read on the topic"}, says: []string{`"state": "current"`, `"state": "old"`, `"kek": "first"`}},
	{
		line: "keys rewrap pii --json", denied: []string{"Read on the topic", "Write on the topic", "Write on the transactional id"}, says: []string{`"keys": 2`},
		before: func(t *testing.T, s *stack) {
			trestleRun(t, s.dir, 0, "keys", "new", "kek", "--name", "second", "--add")
		},
	},
	{line: "keys destroy OLD_KEY --json", denied: []string{"Read on the topic", "Write on the topic", "Write on the transactional id"}, says: []string{`"key": "`}, before: findOldKey},
	{
		line: "keys erase somebody --json", denied: []string{"Read on the topic", "Write on the topic", "Write on the transactional id"}, says: []string{`"kind": "outbox"`, `"events": 0`},
		before: sealForSomebody,
	},
	{line: "keys erase somebody", status: 1, says: []string{"that person has no keys"}},
	{line: "groups delete " + stepGroup + " --json", denied: []string{"Read on the topic", "Delete on the group"}, says: []string{`"group": "` + stepGroup + `"`}},
	{line: "topics delete " + stepTopic, status: 2, says: []string{"records would be lost", "--yes"}},
	{line: "topics delete " + stepTopic + " --yes --json", denied: []string{"DescribeConfigs on the topic", "Delete on the topic"}, says: []string{`"done": true`}},
	{line: "audit list", says: []string{"topics apply", "publish", "groups seek", "dlq replay", "dlq purge", "groups delete", "topics delete"}},
	{line: "audit list --json", says: []string{`"what":"topics delete"`}},
	{line: "audit verify --json", says: []string{`"valid": true`}},
}

// unconnected are the commands that connect to nothing of an environment's.
var unconnected = map[string]string{
	"acl explain":   "it reads schemas",
	"build":         "it reads schemas",
	"demo":          "it starts an embedded stack of its own",
	"dev":           "it is the embedded stack",
	"generate":      "it reads schemas",
	"import topics": "it writes into trestle.yaml",
	"init":          "it writes a project",
	"keys new":      "it writes a file",
	"lint":          "it reads schemas",
	"validate":      "it reads schemas and files",
	"version":       "it asks nobody",
}

// encryptErrors has the users in errors of services be encrypted, each with keys of that user.
func encryptErrors(t *testing.T, s *stack) {
	file := filepath.Join(s.dir, "schemas/omninode/hooks/v1/error_service_critical.json")
	editFile(t, file, `"sensitive": true`, `"sensitive": true, "encryption_key": "pii"`)
	editFile(t, file, `"topic": "system.errors",`, `"topic": "system.errors", "data_subject": "context_info.user_id",`)
	editFile(t, filepath.Join(s.dir, "trestle.yaml"), "  "+stackEnvironment+":\n", "  "+stackEnvironment+":\n    encryption: {kek: {file: kek}}\n")
	trestleRun(t, s.dir, 0, "keys", "new", "kek", "--name", "first")
}

// findOldKey finds a key that is not current any more.
func findOldKey(t *testing.T, s *stack) {
	keys := s.keys(t)
	all, err := keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.State == encrypt.StateOld {
			s.oldKey = k.ID.String()
		}
	}
}

// sealForSomebody makes a key of a person.
func sealForSomebody(t *testing.T, s *stack) {
	if _, err := s.keys(t).Current(t.Context(), "pii", "somebody"); err != nil {
		t.Fatal(err)
	}
}

// keys are those of the stack's environment, for the time of the test.
func (s *stack) keys(t *testing.T) *encrypt.Keys {
	t.Helper()
	store, err := keytopic.New(connection.Connection{Brokers: s.brokers}, keytopic.Topic)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile(filepath.Join(s.dir, "kek"))}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		keys.Close()
		store.Close()
	})
	return keys
}

// parkOne has a consumer park a dead letter, as it does where the letter's topic refuses it.
func parkOne(t *testing.T, s *stack) {
	d := deadletter.DeadLetter{
		Original: deadletter.Original{Key: []byte("order"), Value: []byte("{}"), Offset: 7}, SourceTopic: stepTopic, ConsumerGroup: stepGroup, Timestamp: time.Now(),
	}
	err := s.store.Parking().Park(t.Context(), parking.Letter{
		Place:      parking.Place{Group: stepGroup, Topic: stepTopic, TopicID: uuid.NewString(), Offset: 7},
		DeadLetter: stepLetters, Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers(), Refusal: "too large", ParkedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// command is the step's, without its flags and what else stands behind it.
func (s step) command() string {
	words := strings.Fields(s.line)
	n := 1
	switch {
	case words[0] == "dlq" && words[1] == "parked":
		n = 3
	case slices.Contains([]string{"topics", "groups", "cluster", "dlq", "trace", "audit", "import", "acl", "users", "keys"}, words[0]):
		n = 2
	}
	return strings.Join(words[:n], " ")
}

// TestCommands takes each stack through all steps.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(*testing.T) *stack
	}{
		{"embedded", embeddedStack},
		{"one broker", plainStack},
		{"three brokers with TLS and ACLs", securedStack},
		{"one broker with OAUTHBEARER", tokenStack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			s := c.start(t)
			started := time.Since(begun)
			writeFile(t, filepath.Join(s.dir, "request.json"), `{"correlation_id":"`+stepCorrelation+`","session_id":"`+stepSession+`","node_description":"a","node_type":"effect"}`)
			for _, do := range steps {
				s.run(t, do)
			}
			if s.needs != nil {
				s.refuseWrongPasswords(t)
			}
			for _, u := range s.untried() {
				t.Errorf("not tried without a right: %s", u)
			}
			t.Logf("started within %v, %d steps within %v", started.Round(time.Millisecond), len(steps), (time.Since(begun) - started).Round(time.Millisecond))
		})
	}
}

// TestEveryCommandIsRun holds that each command is among the steps, or needs no connection; and that of a command that answers in JSON a step asks for that.
func TestEveryCommandIsRun(t *testing.T) {
	t.Parallel()
	lines := map[string][]string{}
	for _, s := range steps {
		lines[s.command()] = append(lines[s.command()], s.line)
	}
	there := map[string]bool{}
	for command, help := range commandsBelow(t, "") {
		there[command] = true
		connects := strings.Contains(help, " --brokers ") || strings.Contains(help, " --registry ") || strings.Contains(help, " --store ")
		run := lines[command]
		switch reason := unconnected[command]; {
		case reason != "" && connects:
			t.Errorf("trestle %s connects, and is said not to: %s", command, reason)
		case reason == "" && len(run) == 0:
			t.Errorf("trestle %s is run on no stack: put it among the steps, or say why it needs none", command)
		case len(run) > 0 && strings.Contains(help, " --json ") && !slices.ContainsFunc(run, func(line string) bool { return strings.Contains(line, " --json") }):
			t.Errorf("trestle %s is nowhere run with --json", command)
		}
	}
	for command := range unconnected {
		if !there[command] {
			t.Errorf("there is no command trestle %s", command)
		}
	}
}

// commandsBelow returns the help of the commands below one, by their words, that have none below them.
func commandsBelow(t *testing.T, parent string) map[string]string {
	t.Helper()
	words := strings.Fields(parent)
	out := map[string]string{}
	offered := trestleRun(t, project, 0, append(append([]string{"__complete"}, words...), "")...)
	for line := range strings.Lines(offered) {
		name, about, described := strings.Cut(strings.TrimSpace(line), "\t")
		if !described || about == "" || name == "help" || name == "completion" {
			continue
		}
		command := strings.TrimSpace(parent + " " + name)
		help := trestleRun(t, project, 0, append(strings.Fields(command), "--help")...)
		if strings.Contains(help, "trestle "+command+" [command]") {
			maps.Copy(out, commandsBelow(t, command))
		} else {
			out[command] = help
		}
	}
	if len(out) == 0 {
		t.Errorf("trestle %s offers no commands: %s", parent, offered)
	}
	return out
}

// run does a step.
func (s *stack) run(t *testing.T, do step) {
	t.Helper()
	if do.before != nil {
		do.before(t, s)
	}
	args := append(strings.Fields(strings.ReplaceAll(do.line, "OLD_KEY", s.oldKey)), "--env", stackEnvironment)
	if command := do.command(); len(rightsOf(s.needs, command)) > 0 {
		for _, lacks := range do.denied {
			s.deny(t, do, args, lacks)
		}
		args = append(args, "--sasl-user", userOf(command, nil))
	}
	var out, said string
	if do.endless {
		out = s.interrupt(t, do, args)
	} else {
		out, said = runTrestle(t, s.dir, do.status, args)
	}
	answer := out
	if do.status == 2 {
		answer = said
	} else if slices.Contains(args, "--json") {
		if err := eachJSON(out, func(any) {}); err != nil {
			t.Errorf("trestle %s: its answer is no JSON: %v:\n%s", do.line, err, out)
		}
	}
	if do.status == 1 {
		answer += said
	}
	for _, w := range do.says {
		if !strings.Contains(answer, w) {
			t.Errorf("trestle %s: it does not say %q:\n%s", do.line, w, answer)
		}
	}
	if do.check != nil {
		do.check(t, s, out)
	}
}

// deny runs a step as somebody who lacks a right: the command has to name it.
func (s *stack) deny(t *testing.T, do step, args []string, lacks string) {
	t.Helper()
	all := rightsOf(s.needs, do.command())
	at := slices.IndexFunc(all, func(r right) bool { return r.String() == lacks })
	if at < 0 {
		t.Errorf("docs/operations.md does not say that %s needs %s", do.command(), lacks)
		return
	}
	s.tried[do.command()+": "+lacks] = true
	cmd := trestleProcess(t, s.dir, append(slices.Clone(args), "--sasl-user", userOf(do.command(), &all[at])))
	out, _ := cmd.CombinedOutput()
	names, _ := strings.CutSuffix(lacks, " of "+stackAudit)
	if !strings.Contains(string(out), "does an ACL of the cluster allow this user "+names) {
		t.Errorf("trestle %s without %s: exit status %d:\n%s", do.line, lacks, cmd.ProcessState.ExitCode(), out)
	}
}

// refuseWrongPasswords gives the cluster, the registry and the store passwords that are not theirs: each is said as such.
func (s *stack) refuseWrongPasswords(t *testing.T) {
	t.Helper()
	wrong := filepath.Join(s.dir, "wrong")
	writeFile(t, wrong, "wrong\n")
	for line, says := range map[string]string{
		"topics list --sasl-password-file ":                                          "are user and password",
		"check --against registry:" + stepTopic + "-value --registry-password-file ": "401 Unauthorized",
		"trace session " + stepSession + " --store-password-file ":                   "password authentication failed",
	} {
		said := trestleFails(t, s.dir, 2, append(strings.Fields(line), wrong, "--env", stackEnvironment)...)
		if !strings.Contains(said, says) || strings.Contains(said, stackPassword) {
			t.Errorf("trestle %s with a wrong password: %s", line, said)
		}
	}
}

// untried returns what was not run without one of the rights that it needs.
func (s *stack) untried() []string {
	var out []string
	for _, n := range s.needs {
		for _, r := range n.rights {
			implied := slices.ContainsFunc(less(n.rights, right{}), func(other right) bool {
				return other.kind == r.kind && (r.operation == "Describe" && len(less([]right{other}, other)) > 0 || r.operation == "DescribeConfigs" && other.operation == "AlterConfigs")
			})
			tried := slices.ContainsFunc(n.commands, func(command string) bool {
				return s.tried[command+": "+r.String()] || lacking[command+": "+r.String()] != ""
			})
			if !implied && !tried {
				out = append(out, strings.Join(n.commands, ", ")+": "+r.String())
			}
		}
	}
	return out
}

// interrupt runs a command that goes on until then, and interrupts it once it has said all that it should.
func (s *stack) interrupt(t *testing.T, do step, args []string) string {
	t.Helper()
	cmd := trestleProcess(t, s.dir, args)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	chunk := make([]byte, 4096)
	for lacks := true; lacks && err == nil; {
		var n int
		n, err = stdout.Read(chunk)
		out = append(out, chunk[:n]...)
		lacks = slices.ContainsFunc(do.says, func(w string) bool { return !strings.Contains(string(out), w) }) || !bytes.HasSuffix(out, []byte("\n"))
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	rest, _ := io.ReadAll(stdout)
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != do.status {
		t.Fatalf("trestle %s: exit status %d, want %d\n%s%s%s", strings.Join(args, " "), got, do.status, out, rest, &stderr)
	}
	return string(out) + string(rest)
}

// eachJSON calls visit for the JSON documents of a text, one behind the other.
func eachJSON(text string, visit func(any)) error {
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	for {
		var v any
		switch err := in.Decode(&v); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		visit(v)
	}
}
