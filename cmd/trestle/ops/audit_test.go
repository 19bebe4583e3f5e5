package ops

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Whatever processes write at once, the chain is whole; a line that is changed, gone, put in or moved shows, with its number.
func TestAuditChain(t *testing.T) {
	t.Parallel()
	p, err := projectWith(t, "audit: {file: logs/audit.jsonl}\n")
	if err != nil {
		t.Fatal(err)
	}
	file := p.Path("logs", "audit.jsonl")
	log := &auditLog{file: file, environment: "production"}
	if verdict, err := VerifyAudit(p); err != nil || !verdict.Valid || verdict.Entries != 0 {
		t.Errorf("before there is one: %+v, %v", verdict, err)
	}
	if err := log.begin(); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for i := range 8 {
		writing.Go(func() {
			for j := range 5 {
				err := log.add(
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
	if verdict, err := VerifyAudit(p); err != nil || !verdict.Valid || verdict.Entries != 80 {
		t.Fatalf("of 80 entries: %+v, %v", verdict, err)
	}
	var listed []AuditEntry
	if err := ListAudit(p, func(e AuditEntry) error { listed = append(listed, e); return nil }); err != nil || len(listed) != 80 {
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
		verdict, err := VerifyAudit(p)
		if err != nil || verdict.Valid || verdict.Line != c.line || verdict.Entries != c.line-1 {
			t.Errorf("%s: %+v, %v; want line %d", name, verdict, err, c.line)
		}
	}
}

// A change that can't be written down is not made.
func TestNothingIsChangedUnrecorded(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(t.TempDir(), "audit.jsonl")
	log := &auditLog{file: torn}
	if err := errors.Join(log.begin(), log.add(change{what: "groups seek"}, change{what: "groups seek"})); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(torn)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, whole[:len(whole)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{filepath.Join(blocked, "audit.jsonl"): "the audit file can't be written", torn: "its last line is no entry"} {
		if err := (&auditLog{file: file}).begin(); err == nil || !strings.Contains(err.Error(), "nothing was changed: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", file, err)
		}
	}
}
