package integration_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// python is a running Python program of testdata.
type python struct {
	t      testing.TB
	name   string
	lines  chan said
	errors bytes.Buffer
	end    chan error // what the process ended with
}

// said is a line that a Python program wrote about what it does.
type said struct {
	Ready  bool        `json:"ready"`
	Wrote  *saidEvent  `json:"wrote"`
	Read   *saidEvent  `json:"read"`
	Answer *saidAnswer `json:"answer"`
	Storm  *saidStorm  `json:"storm"`
}

type saidEvent struct {
	EventType     string `json:"event_type"`
	CorrelationID string `json:"correlation_id"`
	Topic         string `json:"topic"`
	Value         string `json:"value"`      // the record's value
	Understood    string `json:"understood"` // what the model holds, written by pydantic
}

// startPython starts a program of testdata with some lines on its standard input. It is killed when the test ends.
func startPython(t testing.TB, stdin string, program string, args ...string) *python {
	t.Helper()
	interpreter := services.Python(t)
	ctx, kill := context.WithCancel(context.Background())
	p := &python{t: t, name: strings.Join(append([]string{program}, args...), " "), lines: make(chan said, 100_000), end: make(chan error, 1)}
	cmd := exec.CommandContext(ctx, interpreter, append([]string{"testdata/" + program}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore::DeprecationWarning")
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stderr = &p.errors
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(p.lines)
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 16<<20)
		for scanner.Scan() {
			var line said
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				t.Errorf("%s wrote %q: %v", p.name, scanner.Text(), err)
				break
			}
			p.lines <- line
		}
		if err := scanner.Err(); err != nil {
			t.Errorf("read what %s writes: %v", p.name, err)
		}
		p.end <- cmd.Wait()
	}()
	t.Cleanup(func() {
		kill()
		<-ended
	})
	return p
}

// ready waits until the program says that it reads its topics.
func (p *python) ready() {
	p.t.Helper()
	line, ok := p.next()
	if !ok {
		p.wait()
		p.t.Fatalf("%s ended before it was ready", p.name)
	}
	if !line.Ready {
		p.t.Fatalf("%s began with %+v, want that it is ready", p.name, line)
	}
}

// next returns the next line that the program writes, false at its end.
func (p *python) next() (said, bool) {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		return line, ok
	case <-within(p.t, patience).Done():
		p.t.Fatalf("%s: no line in %v", p.name, patience)
		return said{}, false
	}
}

// rest returns all lines up to the program's end.
func (p *python) rest() []said {
	p.t.Helper()
	var lines []said
	for line, ok := p.next(); ok; line, ok = p.next() {
		lines = append(lines, line)
	}
	p.wait()
	return lines
}

// wait waits for the program's end, which must be a success.
func (p *python) wait() {
	p.t.Helper()
	select {
	case err := <-p.end:
		if err != nil {
			p.t.Fatalf("%s: %v\n%s", p.name, err, p.errors.String())
		}
	case <-within(p.t, patience).Done():
		p.t.Fatalf("%s has not ended after %v", p.name, patience)
	}
}
