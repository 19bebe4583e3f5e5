package ops

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Whatever processes write at once, the chain is whole; a line that is changed, gone, put in or moved shows, with its number.
func TestAuditChain(t *testing.T) {
	t.Parallel()
	p, err := projectWith(t, "audit: {file: logs/audit.jsonl}\n")
	if err != nil {
		t.Fatal(err)
	}
	file := p.Path("logs", "audit.jsonl")
	log := p.auditLog(Environment{name: "production"})
	verify := func() (*AuditVerdict, error) { return VerifyAudit(t.Context(), p, Environment{}, "") }
	if verdict, err := verify(); err != nil || !verdict.Valid || verdict.Entries != 0 {
		t.Errorf("before there is one: %+v, %v", verdict, err)
	}
	if err := log.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for i := range 8 {
		writing.Go(func() {
			for j := range 5 {
				err := log.add(t.Context(),
					change{what: "groups seek", target: fmt.Sprintf("group g%d", i) + strings.Repeat("x", j*20_000), before: map[string]int{"orders/0": j}, after: map[string]int{"orders/0": j + 1}},
					change{what: "topics delete", target: "topic <&>\u2028", before: nil},
				)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if verdict, err := verify(); err != nil || !verdict.Valid || verdict.Entries != 80 {
		t.Fatalf("of 80 entries: %+v, %v", verdict, err)
	}
	var listed []AuditEntry
	if err := ListAudit(t.Context(), p, Environment{}, "", func(e AuditEntry) error { listed = append(listed, e); return nil }); err != nil || len(listed) != 80 {
		t.Fatalf("%d listed, %v", len(listed), err)
	}
	if e := listed[0]; e.Environment != "production" || e.What != "groups seek" || e.Who == "" || e.Time.IsZero() || e.Hash == "" {
		t.Errorf("got %+v", e)
	}

	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	at := func(parts ...[][]byte) []byte {
		var out []byte
		for _, p := range parts {
			out = append(out, bytes.Join(p, nil)...)
		}
		return out
	}
	for name, c := range map[string]struct {
		text []byte
		line int
	}{
		"changed":     {at(lines[:10], [][]byte{bytes.Replace(lines[10], []byte(`"environment":"production"`), []byte(`"environment":"staging"`), 1)}, lines[11:]), 11},
		"gone":        {at(lines[:10], lines[11:]), 11},
		"twice":       {at(lines[:11], lines[10:]), 12},
		"in turn":     {at(lines[:10], [][]byte{lines[11], lines[10]}, lines[12:]), 11},
		"first gone":  {at(lines[1:]), 1},
		"no entry":    {at(lines[:10], [][]byte{[]byte("hello\n")}, lines[10:]), 11},
		"more behind": {at(lines[:10], [][]byte{append(bytes.TrimSuffix(bytes.TrimSuffix(bytes.Clone(lines[10]), []byte("\n")), []byte("}")), []byte(`,"note":1}`+"\n")...)}, lines[11:]), 11},
	} {
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		verdict, err := verify()
		if err != nil || verdict.Valid || verdict.Line != c.line || verdict.Entries != c.line-1 || verdict.Place != fmt.Sprintf("%s:%d", file, c.line) {
			t.Errorf("%s: %+v, %v; want line %d", name, verdict, err, c.line)
		}
	}
}

// A change that can't be written down is not made.
func TestNothingIsChangedUnrecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blocked, damaged := filepath.Join(dir, "file"), filepath.Join(dir, "damaged.jsonl")
	for file, text := range map[string]string{blocked: "", damaged: "{\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{filepath.Join(blocked, "audit.jsonl"): "not a directory", damaged: "its last entry is none"} {
		log := &auditLog{journals: []journal{&auditFile{file}}}
		if err := log.begin(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing was changed") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", file, err)
		}
	}
}

// What a process leaves that ends while it writes does not stop those after it: it becomes an entry of its own, and the chain is whole.
func TestAuditAfterTornLine(t *testing.T) {
	t.Parallel()
	p, err := projectWith(t, "audit: {file: audit.jsonl}\n")
	if err != nil {
		t.Fatal(err)
	}
	log, file := p.auditLog(Environment{}), p.Path("audit.jsonl")
	for _, torn := range []string{`{"time":"20`, "{}", strings.Repeat("x", 5000), "\xff"} {
		if err := log.add(t.Context(), change{what: "groups seek"}); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(torn)
		}
		if err := errors.Join(err, f.Close(), log.begin(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.add(t.Context(), change{what: "groups delete"}); err != nil {
		t.Fatal(err)
	}
	if verdict, err := VerifyAudit(t.Context(), p, Environment{}, ""); err != nil || !verdict.Valid || verdict.Entries != 9 {
		t.Errorf("%+v, %v", verdict, err)
	}
	var what []string
	err = ListAudit(t.Context(), p, Environment{}, "", func(e AuditEntry) error {
		what = append(what, e.What)
		if e.What == "audit repair" && len(what) == 2 && e.Before != `{"time":"20` {
			t.Errorf("of the torn line it has %v", e.Before)
		}
		return nil
	})
	want := []string{"groups seek", "audit repair", "groups seek", "audit repair", "groups seek", "audit repair", "groups seek", "audit repair", "groups delete"}
	if err != nil || !slices.Equal(what, want) {
		t.Errorf("got %q, %v", what, err)
	}
}

// stackWithAudit is a project whose changes are written down on a topic of a stack.
func stackWithAudit(t *testing.T) (*Project, Environment) {
	t.Helper()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	p, err := projectWith(t, "audit: {topic: changes, file: audit.jsonl}\n")
	if err == nil {
		err = os.CopyFS(p.Path("schemas"), os.DirFS("../../../schemas"))
	}
	if err != nil {
		t.Fatal(err)
	}
	env, err := p.Environment(Addresses{Brokers: stack.Brokers})
	if err != nil {
		t.Fatal(err)
	}
	return p, env
}

// Whatever operators write at once, the chain of a topic is whole; one who writes behind the same entry as another shows, with the place.
func TestAuditTopic(t *testing.T) {
	t.Parallel()
	p, env := stackWithAudit(t)
	ctx := t.Context()
	if err := env.audit.begin(ctx); err == nil || !strings.Contains(err.Error(), "topic changes: ") || !strings.Contains(err.Error(), "run trestle topics apply") {
		t.Errorf("without the topic: %v", err)
	}
	plan := &topics.Plan{}
	cl, err := env.kafka(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if plan, err = topics.NewPlan(ctx, cl, env.ownSpecs(&schema.Set{})); err == nil {
		err = (&Plan{env: env, topics: plan, command: "topics apply", Changes: []PlannedChange{{Kind: "topic", Name: "changes", Action: "create"}}}).Apply(ctx, nil)
	}
	if err != nil || len(plan.Topics) != 1 {
		t.Fatalf("%v, %v", plan, err)
	}
	var writing sync.WaitGroup
	for i := range 4 {
		writing.Go(func() {
			log := p.auditLog(env)
			for j := range 3 {
				if err := log.begin(ctx); err != nil {
					t.Error(err)
				}
				if err := log.add(ctx, change{what: "groups seek", target: fmt.Sprint(i, j)}, change{what: "groups delete"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	const entries = 4*3*2 + 1 // that of making the topic
	for _, place := range []string{AuditInFile, AuditInTopic} {
		if verdict, err := VerifyAudit(ctx, p, env, place); err != nil || !verdict.Valid || verdict.Entries != entries {
			t.Errorf("%s: %+v, %v", place, verdict, err)
		}
	}
	var hashes []string
	if err := ListAudit(ctx, p, env, AuditInTopic, func(e AuditEntry) error { hashes = append(hashes, e.Hash); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := DeleteTopic(ctx, p, env, "changes", true); err == nil || !strings.Contains(err.Error(), "changes are written down there") {
		t.Errorf("deleting the topic: %v", err)
	}
	forked := AuditEntry{What: "groups seek"}
	entry, err := forked.seal(hashes[6])
	if err == nil {
		err = cl.ProduceSync(ctx, &kgo.Record{Topic: "changes", Value: entry}).FirstErr()
	}
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := VerifyAudit(ctx, p, env, AuditInTopic)
	if err != nil || verdict.Valid || verdict.Line != entries+1 || verdict.Detail != "the chain forks: like entry 8 it was written behind entry 7" ||
		!strings.HasPrefix(verdict.Place, "changes/0/") {
		t.Errorf("of a fork: %+v, %v", verdict, err)
	}
}
