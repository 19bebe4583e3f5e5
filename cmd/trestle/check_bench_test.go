//go:build unix

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

// BenchmarkCheck compares a corpus with a changed copy, from sources to verdict, in a process of its own, in turns with
// buf breaking on the same files. It reports what both took, and the ratios: that of the time is to stay below 0.3, that of
// the memory below a half.
func BenchmarkCheck(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "trestle")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	buf := peer(b)
	for _, rules := range []bool{false, true} {
		for _, messages := range []int{100, 1000, 5000} {
			name := fmt.Sprintf("plain/%d", messages)
			if rules {
				name = fmt.Sprintf("rules/%d", messages)
			}
			b.Run(name, func(b *testing.B) {
				old, new := b.TempDir(), b.TempDir()
				corpus(b, old, messages, rules, "string note = 9;")
				corpus(b, new, messages, rules, "int64 note = 9;")
				var own, other usage
				rounds := 0
				for b.Loop() {
					for range 3 {
						own.add(measured(b, []string{bin, "check", new, "--against", old}, 1))
						other.add(measured(b, []string{buf, "breaking", new, "--against", old, "--config", `{"version":"v2","breaking":{"use":["WIRE_JSON"]}}`}, 100))
						rounds++
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(milliseconds(own.wall)/float64(rounds), "ms/check")
				b.ReportMetric(float64(own.memory)/1024, "MiB")
				b.ReportMetric(own.wall.Seconds()/other.wall.Seconds(), "of-buf-wall")
				b.ReportMetric(own.processor.Seconds()/other.processor.Seconds(), "of-buf-processor")
				b.ReportMetric(float64(own.memory)/float64(other.memory), "of-buf-memory")
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
	// The script takes time of its own.
	if found, _ := filepath.Glob("../../.cache/buf-*/buf"); len(found) == 1 {
		if buf, err = filepath.Abs(found[0]); err != nil {
			b.Fatal(err)
		}
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
// given field for another. With rules, half of the fields have some.
func corpus(b *testing.B, dir string, messages int, rules bool, changed string) {
	b.Helper()
	write := func(name, text string) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if rules {
		// buf finds no file that is not there.
		text, err := os.ReadFile("../../.cache/include/protovalidate/buf/validate/validate.proto")
		if err != nil {
			b.Fatal(err)
		}
		write("buf/validate/validate.proto", string(text))
	}
	for f := range messages / 20 {
		var s strings.Builder
		fmt.Fprintf(&s, "syntax = \"proto3\";\npackage big.p%d.v1;\n", f)
		if f > 0 {
			fmt.Fprintf(&s, "import \"big/p%d/v1/a.proto\";\n", f-1)
		}
		if rules {
			s.WriteString("import \"buf/validate/validate.proto\";\n")
		}
		for m := range 20 {
			fmt.Fprintf(&s, "// M%d is a message.\nmessage M%d {\n", m, m)
			for n := 1; n <= 8; n++ {
				rule := ""
				if rules && n%2 == 0 {
					rule = " [(buf.validate.field).string = {min_len: 1, max_len: 100}]"
				}
				fmt.Fprintf(&s, "  // Field %d.\n  string field_%d = %d%s;\n", n, n, n, rule)
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
		write(fmt.Sprintf("big/p%d/v1/a.proto", f), s.String())
	}
}
