package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
	if status := <-exit; status != exitInterrupted {
		t.Errorf("exit status %d, want %d", status, exitInterrupted)
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
