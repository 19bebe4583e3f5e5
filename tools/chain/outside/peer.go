package outside

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"
)

// Peer is a process that answers a line of JSON with a line of JSON. It is for one goroutine at a time.
type Peer struct {
	name   string
	in     io.Writer
	out    *bufio.Scanner
	errors bytes.Buffer
	close  func()
}

// StartPeer starts a process that ends when it is closed or the test ends, and that fails the test by ending badly.
func StartPeer(tb testing.TB, name string, cmd *exec.Cmd) *Peer {
	tb.Helper()
	p := &Peer{name: name}
	cmd.Stderr = &p.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p.close = sync.OnceFunc(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("%s ended with %v:\n%s", name, err, p.errors.String())
		}
	})
	tb.Cleanup(p.close)
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, 256<<20)
	return p
}

// Close ends the process.
func (p *Peer) Close() { p.close() }

// Ask sends a question and waits for the answer.
func (p *Peer) Ask(tb testing.TB, question, into any) {
	tb.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		tb.Fatalf("ask %s: %v\n%s", p.name, err, p.errors.String())
	}
	if !p.out.Scan() {
		tb.Fatalf("%s did not answer %.2000s: %v\n%s", p.name, line, p.out.Err(), p.errors.String())
	}
	if err := json.Unmarshal(p.out.Bytes(), into); err != nil {
		tb.Fatalf("%s answered %.2000s: %v", p.name, p.out.Text(), err)
	}
}
