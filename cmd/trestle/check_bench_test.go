package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCheck compares a corpus with a changed copy, from sources to verdict, in a process of its own, beside buf
// breaking on the same. Wall time and the largest resident memory are reported of both.
func BenchmarkCheck(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "trestle")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	buf := peer(b)
	for _, messages := range []int{100, 1000, 5000} {
		old, new := b.TempDir(), b.TempDir()
		corpus(b, old, messages, "string note = 9;")
		corpus(b, new, messages, "int64 note = 9;")
		tools := []struct {
			name string
			args []string
			code int
		}{
			{"trestle", []string{bin, "check", new, "--against", old}, 1},
			{"buf", []string{buf, "breaking", new, "--against", old, "--config", `{"version":"v2","breaking":{"use":["WIRE_JSON"]}}`}, 100},
		}
		for _, tool := range tools {
			b.Run(fmt.Sprintf("%s/%d", tool.name, messages), func(b *testing.B) {
				var all usage
				for b.Loop() {
					all.add(measured(b, tool.args, tool.code))
				}
				b.ReportMetric(milliseconds(all.wall)/float64(b.N), "ms/check")
				b.ReportMetric(float64(all.memory)/1024, "MiB")
			})
		}
	}
}

// peer returns the command that runs buf, where it can be had.
func peer(b *testing.B) string {
	b.Helper()
	buf, err := filepath.Abs("../../tools/dev/buf")
	if err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command(buf, "--version").CombinedOutput(); err != nil {
		b.Skipf("buf: %v\n%s", err, out)
	}
	return buf
}

// usage is what processes took: time, that of the processor, and the largest resident memory in KiB.
type usage struct {
	wall, processor time.Duration
	memory          int64
}

func (u *usage) add(other usage) {
	u.wall += other.wall
	u.processor += other.processor
	u.memory = max(u.memory, other.memory)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measured runs a command, and returns what it took with all that it ran itself.
func measured(b *testing.B, args []string, code int) usage {
	b.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		b.Fatalf("%s: %v, want exit status %d\n%.2000s", strings.Join(args[:2], " "), err, code, out.String())
	}
	u := usage{wall: took, processor: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.memory = r.Maxrss
	}
	return u
}

// corpus writes packages of 20 messages, each package importing the one before it; one message in a hundred has the
// given field for another.
func corpus(b *testing.B, dir string, messages int, changed string) {
	b.Helper()
	for f := range messages / 20 {
		var s strings.Builder
		fmt.Fprintf(&s, "syntax = \"proto3\";\npackage big.p%d.v1;\n", f)
		if f > 0 {
			fmt.Fprintf(&s, "import \"big/p%d/v1/a.proto\";\n", f-1)
		}
		for m := range 20 {
			fmt.Fprintf(&s, "// M%d is a message.\nmessage M%d {\n", m, m)
			for n := 1; n <= 8; n++ {
				fmt.Fprintf(&s, "  // Field %d.\n  string field_%d = %d;\n", n, n, n)
			}
			if m == 0 && f%5 == 0 {
				s.WriteString("  " + changed + "\n")
			} else {
				s.WriteString("  string note = 9;\n")
			}
			if f > 0 {
				fmt.Fprintf(&s, "  big.p%d.v1.M%d other = 10;\n", f-1, m)
			}
			s.WriteString("}\n")
		}
		name := filepath.Join(dir, "big", fmt.Sprintf("p%d", f), "v1", "a.proto")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(s.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
