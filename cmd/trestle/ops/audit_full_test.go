//go:build unix

package ops

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A write that fails halfway, as on a full disk, is cut back to the last whole line, so that the next one goes on there.
func TestAuditOnFullDisk(t *testing.T) {
	const variable, limit = "TRESTLE_TEST_AUDIT", 2000
	log := &auditLog{journals: []journal{&auditFile{os.Getenv(variable)}}}
	if os.Getenv(variable) != "" { // the child, whose files can't grow
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			t.Fatal(err)
		}
		if err := log.add(t.Context(), change{what: "groups seek", before: strings.Repeat("x", limit)}); err == nil {
			t.Fatal("it was written")
		} else if !strings.Contains(err.Error(), "1 changes were made, and could not be written down in") || strings.Contains(err.Error(), "cut") {
			t.Fatal(err)
		}
		return
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	log.journals = []journal{&auditFile{file}}
	if err := log.add(t.Context(), change{what: "groups delete"}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestAuditOnFullDisk$", "-test.v")
	child.Env = append(os.Environ(), variable+"="+file)
	if out, err := child.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestAuditOnFullDisk")) {
		t.Fatalf("%v\n%s", err, out)
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(after, before) {
		t.Errorf("%v: the file had %d bytes, and has %d", err, len(before), len(after))
	}
}
