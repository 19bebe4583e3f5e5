package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/trestletest"
)

// secretCommands are what is searched, wherever it is said, with TYPE for each type of events, TOPIC for its topic and LETTERS for
// the topic of its dead letters. Those with --reveal are to show what is sensitive, which says that there is something to be found.
var secretCommands = []string{
	"validate TYPE valid-TYPE.jsonl", "validate TYPE wrong-TYPE.jsonl", "validate TYPE wrong-TYPE.jsonl --json", "validate TYPE broken-TYPE.json", "validate TYPE whole-TYPE.jsonl --json",
	"publish TYPE -f wrong-TYPE.jsonl", "publish TYPE -f wrong-TYPE.jsonl --json", "publish TYPE -f broken-TYPE.json",
	"topics describe TOPIC --json", "topics offsets TOPIC",
	"peek TOPIC -n 10000", "peek TOPIC -n 10000 --json", "peek TOPIC --from start -n 10000 --json", "peek LETTERS -n 10000 --headers", "peek LETTERS -n 10000 --headers --json", "peek LETTERS -n 10000 --json", "peek TOPIC -n 10000 --json --reveal",
	"tail TOPIC --from start", "tail TOPIC --from start --json", "tail LETTERS --from start --json", "tail LETTERS --from start --headers",
	"dlq list --topic LETTERS", "dlq list --topic LETTERS --json", "dlq list --per-cause 1 --json", "dlq list --topic LETTERS --json --reveal",
	"dlq show LETTERS/0/0", "dlq show LETTERS/0/0 --json", "dlq show LETTERS/0/1", "dlq show LETTERS/0/2 --json", "dlq show LETTERS/0/3", "dlq show LETTERS/0/4 --json", "dlq show LETTERS/0/0 --json --reveal",
	"dlq replay --topic LETTERS --dry-run", "dlq replay --topic LETTERS --dry-run --json", `dlq replay --topic LETTERS --dry-run --repair {"id":"b","card":null}`, `dlq replay --topic LETTERS --dry-run --json --repair {"id":"b"}`,
	"dlq edit LETTERS/0/3", "dlq edit LETTERS/0/4", "dlq edit LETTERS/0/5 -f edited-TYPE.json --yes --json", "dlq edit LETTERS/0/6 -f wrong-TYPE.jsonl --yes", "dlq edit LETTERS/0/6 -f broken-TYPE.json --yes",
	"check --records --topic TOPIC", "check --records --topic TOPIC --json", "check --records --topic TOPIC --sample 20 --json",
	"trace type TYPE --json", "trace type TYPE", "trace find --type TYPE --text id --json", "trace type TYPE --json --reveal",
	"dlq replay --topic LETTERS --all-groups --json",
}

// sharedCommands are those that are about no type of events.
var sharedCommands = []string{
	"plan", "groups list --json", "groups describe readers --json", "cluster info --json", "doctor", "doctor --json", "monitor --json", "monitor", "dlq stats", "dlq stats --json",
	"dlq watch --every 200ms --json", "dlq parked list", "dlq parked list --json", "dlq parked list --json --reveal",
	"trace correlation " + servicesCorrelation, "trace correlation " + servicesCorrelation + " --waterfall", "trace correlation " + servicesCorrelation + " --json",
	"trace session " + servicesSession + " --json", "trace session " + servicesSession, "trace stats", "trace stats --json", "trace prune --keep 1h --dry-run --json",
	"lint", "lint --json", "check --against old --json", "changelog old", "docs -o catalog", "generate", "check --records", "check --records --json",
	"dlq purge --dry-run --json", "dlq purge --all --json", "audit list", "audit list --json", "audit verify --json",
}

// TestCanariesInCommands runs commands on a stack with events, records that are none and dead letters of all kinds, and searches what
// they say and write. The records themselves, dead letters as they stand on their topics, and the rows of the trace store hold what is
// sensitive: they are what is meant to hold it, and are not searched.
func TestCanariesInCommands(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		s := newSecretStack(t, c)
		s.say(t, c, "apply")
		for _, e := range secretEvents {
			s.write(t, c, e)
			s.bury(t, c, e)
		}
		s.park(t, c)
		s.say(t, c, "trace run --until-end --json")
		for _, line := range secretCommands {
			for _, e := range secretEvents {
				s.say(t, c, strings.NewReplacer("TYPE", e.eventType, "TOPIC", e.topic, "LETTERS", e.topic+"_dlq").Replace(line))
			}
		}
		for _, line := range sharedCommands {
			s.say(t, c, line)
		}
		for _, folder := range []string{"catalog", "gen"} {
			s.read(t, c, folder)
		}
		s.read(t, c, "audit.jsonl")
		s.read(t, c, ".trestle")
		s.searchAlerts(t, c)
	})
}

// hook is a webhook that hears everything, and answers now and then that it can't.
type hook struct {
	mu               sync.Mutex
	paths, secrets   []string
	bodies           []string
	refused, payload int // posts that were refused; bytes in bodies
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.paths, h.secrets, h.bodies = append(h.paths, r.URL.String()), append(h.secrets, r.Header.Get("Authorization")), append(h.bodies, string(body))
	h.payload += len(body)
	if len(h.bodies)%3 == 1 {
		h.refused++
		http.Error(w, "no: "+string(body), http.StatusForbidden)
	}
}

// searchAlerts searches what a webhook and a topic were told. The webhook is told its own secret, and by its own address.
func (s *secretStack) searchAlerts(t *testing.T, c *canaries) {
	t.Helper()
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	for i, body := range s.hook.bodies {
		c.search(t, "what a webhook is told", body)
		if _, _, found := c.find(s.hook.secrets[i]); !found {
			t.Errorf("the webhook is told %q, which is not its secret", s.hook.secrets[i])
		}
		if _, _, found := c.find(s.hook.paths[i]); !found {
			t.Errorf("the webhook is told at %q, which is not its address", s.hook.paths[i])
		}
	}
	events := 0
	conn := connection.Connection{Brokers: s.brokers}
	for r, err := range connection.Scan(t.Context(), conn, []string{alertsTopic}, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		events++
		text := string(r.Key) + "\n" + string(r.Value)
		for _, h := range r.Headers {
			text += "\n" + h.Key + ": " + string(h.Value)
		}
		c.search(t, "an alert's event", text)
	}
	if len(s.hook.bodies) < 2 || s.hook.refused == 0 || s.hook.payload == 0 || events == 0 {
		t.Errorf("a webhook was told %d times, and refused %d times; %d events were written: too few to say anything", len(s.hook.bodies), s.hook.refused, events)
	}
}

// alertsTopic gets an event for each alert.
const alertsTopic = "alerts"

// secretStack is an embedded stack and a project with the schemas of secretSchemas.
type secretStack struct {
	dir     string
	brokers []string
	store   store.Database
	hook    *hook
}

func newSecretStack(t *testing.T, c *canaries) *secretStack {
	t.Helper()
	started, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { started.Close() })
	s := &secretStack{dir: t.TempDir(), brokers: strings.Split(started.Brokers, ","), hook: &hook{}}
	hooked := httptest.NewServer(s.hook)
	t.Cleanup(hooked.Close)
	for _, folder := range []string{"schemas", "old"} {
		if err := os.CopyFS(filepath.Join(s.dir, folder), os.DirFS(secretSchemas)); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(s.dir, "trestle.yaml"), fmt.Sprintf("go_import: example.org/acme/gen\naudit: {file: audit.jsonl}\nmonitor: {alerts: {topic: "+alertsTopic+", webhook: {url: %q, secret: {file: hook}}}}\nenvironments:\n  %s: {brokers: [%s], registry: %q, store: %q, replication_factor: 1}\n",
		hooked.URL+c.fill("/hooks/@S?token=@S"), stackEnvironment, started.Brokers, started.Registry, started.Store))
	writeFile(t, filepath.Join(s.dir, "hook"), c.fill("@S"))
	if s.store, err = store.Open(t.Context(), started.Store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	return s
}

// write writes files with events, and records to their topic: valid ones by publish, others as they are.
func (s *secretStack) write(t *testing.T, c *canaries, e secretEvent) {
	t.Helper()
	wrong := e.wrong(c)
	c.random.Shuffle(len(wrong), func(i, j int) { wrong[i], wrong[j] = wrong[j], wrong[i] })
	var valid, enveloped, refused []string
	for range 5 {
		valid = append(valid, e.payload(c, ""))
		enveloped = append(enveloped, e.enveloped(e.payload(c, "")))
	}
	broken := ""
	for _, payload := range wrong[:80] {
		if strings.HasPrefix(payload, "{") && strings.HasSuffix(payload, "}") {
			refused = append(refused, payload)
		} else if len(payload) > len(broken) {
			broken = payload
		}
	}
	file := func(name string, lines ...string) {
		writeFile(t, filepath.Join(s.dir, strings.ReplaceAll(name, "TYPE", e.eventType)), strings.Join(lines, "\n")+"\n")
	}
	file("valid-TYPE.jsonl", valid...)
	file("whole-TYPE.jsonl", enveloped...)
	file("wrong-TYPE.jsonl", append(refused, refused[0])...)
	file("broken-TYPE.json", broken)
	file("edited-TYPE.json", e.enveloped(e.payload(c, "")))
	s.say(t, c, "publish "+e.eventType+" -f "+"valid-"+e.eventType+".jsonl --json")
	s.say(t, c, "publish "+e.eventType+" -f "+"whole-"+e.eventType+".jsonl")
	var records []*kgo.Record
	for _, payload := range wrong[:40] {
		records = append(records, connection.ToClient(e.record(c, e.enveloped(payload))))
	}
	s.produce(t, records...)
}

func (s *secretStack) produce(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	client, err := connection.Connection{Brokers: s.brokers}.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// letter is a dead letter of an event, by a handler that says in its error what is sensitive, as those of others may.
func (e secretEvent) letter(c *canaries, r *event.Record, offset int) deadletter.DeadLetter {
	return deadletter.DeadLetter{
		Original:   deadletter.Original{Key: r.Key, Value: r.Value, Headers: r.Headers, Offset: int64(offset)},
		Error:      deadletter.Error{Type: "HandlerError", Message: c.fill("customer @S has no account @N"), StackTrace: c.fill("at pay(@S)"), Timestamp: time.Now()},
		RetryCount: 3, SourceTopic: e.topic, ConsumerGroup: "readers", Timestamp: time.Now(),
	}
}

// foreign is a dead letter of another system, in whose headers its error stands.
func (e secretEvent) foreign(c *canaries, original *event.Record, topic string, telling ...string) *event.Record {
	r := &event.Record{Topic: e.topic + "_dlq", Key: original.Key, Value: original.Value, Headers: append([]event.Header{{Key: topic, Value: []byte(e.topic)}}, original.Headers...)}
	for _, name := range telling {
		r.Headers = append(r.Headers, event.Header{Key: name, Value: []byte(c.fill("no account of @S"))})
	}
	return r
}

// bury writes dead letters: of valid events first, then of others.
func (s *secretStack) bury(t *testing.T, c *canaries, e secretEvent) {
	t.Helper()
	recorder := trestletest.NewRecorder(t, secretSource)
	var originals []*event.Record
	for range 4 {
		if err := recorder.Publisher().Publish(t.Context(), e.valid(t, c)); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range recorder.Sent() {
		originals = append(originals, &sent.Record)
	}
	for _, payload := range e.wrong(c)[:40] {
		originals = append(originals, e.record(c, e.enveloped(payload)))
	}
	letters := []*kgo.Record{
		connection.ToClient(e.foreign(c, originals[0], "__connect.errors.topic", "__connect.errors.exception.message", "__connect.errors.exception.stacktrace")),
		connection.ToClient(e.foreign(c, originals[1], "kafka_dlt-original-topic", "kafka_dlt-exception-message", "kafka_dlt-exception-stacktrace", "springDeserializerExceptionValue")),
		connection.ToClient(e.foreign(c, originals[2], "dead-letter-topic", "dead-letter-reason", "dead-letter-cause", "deserialization-failure-data")),
	}
	for offset, r := range originals {
		d := e.letter(c, r, offset)
		letters = append(letters, connection.ToClient(&event.Record{Topic: e.topic + "_dlq", Key: r.Key, Value: d.AppendJSON(nil), Headers: d.Headers()}))
	}
	s.produce(t, letters...)
}

// park parks a dead letter of each event in the store.
func (s *secretStack) park(t *testing.T, c *canaries) {
	t.Helper()
	for i, e := range secretEvents {
		d := e.letter(c, e.record(c, e.enveloped(e.payload(c, ""))), i)
		if err := s.store.Parking().Park(t.Context(), parking.Letter{
			Place:      parking.Place{Group: "readers", Topic: e.topic, TopicID: uuid.NewString(), Offset: int64(i)},
			DeadLetter: e.topic + "_dlq", Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers(), Refusal: "too large", ParkedAt: time.Now(),
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// say runs a command and searches what it says. One that goes on until it is interrupted is, after a second.
func (s *secretStack) say(t *testing.T, c *canaries, line string) {
	t.Helper()
	args := strings.Fields(line)
	if command, _, _ := strings.Cut(line, " "); command != "validate" && command != "lint" && command != "generate" && command != "changelog" && command != "docs" && !strings.HasPrefix(line, "audit") {
		args = append(args, "--env", stackEnvironment)
	}
	cmd := trestleProcess(t, s.dir, args)
	cmd.Env = append(cmd.Env, "EDITOR=cat") // which shows what there is to edit
	if args[0] == "tail" || strings.HasPrefix(line, "dlq watch") {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		started := exec.CommandContext(ctx, cmd.Path, args...)
		started.Dir, started.Env = cmd.Dir, cmd.Env
		started.Cancel = func() error { return started.Process.Signal(os.Interrupt) }
		cmd = started
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	said := out.String()
	if strings.Contains(said, "unknown flag") || strings.Contains(said, "unknown command") || strings.Contains(said, "Usage:") {
		t.Errorf("trestle %s is no command: %s", line, said)
	}
	if strings.Contains(line, "--reveal") {
		if _, _, found := c.find(said); !found {
			t.Errorf("trestle %s shows nothing: %.1000s", line, said)
		}
		return
	}
	t.Logf("trestle %s: exit status %d, %d bytes: %.120q", line, cmd.ProcessState.ExitCode(), len(said), said)
	c.search(t, "trestle "+line, said)
}

// read searches files that commands have written.
func (s *secretStack) read(t *testing.T, c *canaries, path string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(s.dir, path), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files++
		c.search(t, name, string(text))
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%s: %d files were read: %v", path, files, err)
	}
}
