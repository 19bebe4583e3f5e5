package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatchSeesEveryChange ticks by hand: a change counts once it has settled, and each counts once.
func TestWatchSeesEveryChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	save := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &project{dir: dir}
	save(configName, "")
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ticks, calls, ended := make(chan time.Time), 0, make(chan error)
	go func() {
		ended <- watchSchemas(ctx, p, ticks, func() error { calls++; return p.open() })
	}()
	tick := func(n int) {
		for range n {
			ticks <- time.Time{} // taken when the one before has been dealt with
		}
	}
	steps := []struct {
		name   string
		change func()
		want   int // calls so far, after the change has settled
	}{
		{"nothing", func() {}, 1},
		{"the folder appears", func() { save("schemas/a/v1/a.proto", "a") }, 2},
		{"a file is saved", func() { save("schemas/a/v1/a.proto", "ab") }, 3},
		{"a file is added", func() { save("schemas/a/v1/b.json", "{}") }, 4},
		{"what is no schema", func() { save("schemas/a/v1/.b.json.swp", "x"); save("schemas/.git/c.json", "x") }, 4},
		{"a file is deleted", func() { os.Remove(filepath.Join(dir, "schemas/a/v1/b.json")) }, 5},
		{"the configuration names another folder", func() { save(configName, "schemas: events") }, 7}, // its files too
		{"a file of the other folder", func() { save("events/a.proto", "a") }, 8},
		{"a file of the one before", func() { save("schemas/a/v1/a.proto", "abc") }, 8},
	}
	for _, step := range steps {
		step.change()
		tick(6)
		if calls != step.want {
			t.Errorf("%s: %d calls, want %d", step.name, calls, step.want)
		}
	}
	save("events/a.proto", "being written")
	tick(1)
	save("events/a.proto", "being written, still")
	tick(1)
	if before := 8; calls != before {
		t.Errorf("a file that is being written: %d calls, want %d", calls, before)
	}
	tick(2)
	if calls != 9 {
		t.Errorf("once written: %d calls, want 9", calls)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchEndsWithAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("standard output is gone")
	p := &project{dir: t.TempDir()}
	if err := watchSchemas(t.Context(), p, nil, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// TestGenerateWatch saves a schema with a mistake and then mends it, while the command runs; it ends as by ctrl-C.
func TestGenerateWatch(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	trestleOutput(t, "", "init", dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, []string{"-C", dir, "generate", "--watch"}, strings.NewReader(""), outW, errW)
		outW.Close()
		errW.Close()
	}()
	stdout, stderr := lines(outR), lines(errR)

	until(t, stdout, "create gen/shop/v1/order.trestle.go")
	until(t, stderr, "watching ")
	path := filepath.Join(dir, "schemas/shop/v1/order.proto")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, by string) {
		t.Helper()
		changed := strings.Replace(string(text), old, by, 1)
		if changed == string(text) {
			t.Fatalf("no %q in %s", old, path)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace("int64 quantity", "nonsense quantity")
	until(t, stderr, "order.proto:43:")
	until(t, stderr, "watching ")
	replace("int64 quantity", "int32 quantity")
	until(t, stderr, "order.proto:43:") // the rule is one of int64
	until(t, stderr, "watching ")
	replace("  int64 price_cents", "  // A remark.\n  string remark = 4;\n  int64 price_cents")
	until(t, stdout, "update gen/shop/v1/order.trestle.go")
	until(t, stderr, "watching ")
	cancel()
	if status := <-exit; status != exitFine {
		t.Errorf("exit status %d, want %d", status, exitFine)
	}
}

// lines passes on what is written, a line at a time.
func lines(r io.Reader) <-chan string {
	out := make(chan string, 1000)
	go func() {
		defer close(out)
		for scan := bufio.NewScanner(r); scan.Scan(); {
			out <- scan.Text()
		}
	}()
	return out
}

// until reads up to the line that has text in it.
func until(t *testing.T, lines <-chan string, text string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	var seen []string
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("ended without %q:\n%s", text, strings.Join(seen, "\n"))
			}
			if strings.Contains(line, text) {
				return
			}
			seen = append(seen, line)
		case <-deadline:
			t.Fatalf("no %q:\n%s", text, strings.Join(seen, "\n"))
		}
	}
}

func TestCheckAndWatchExcludeEachOther(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	if status := run(t.Context(), []string{"generate", "--check", "--watch"}, strings.NewReader(""), io.Discard, &stderr); status != exitFailed {
		t.Errorf("exit status %d, want %d: %s", status, exitFailed, &stderr)
	}
}
