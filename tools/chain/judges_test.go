package chain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/omninode/trestle/tools/chain/judge"
)

// peer is a process that answers a line with a line.
type peer struct {
	name   string
	in     io.Writer
	out    *bufio.Scanner
	errors bytes.Buffer
}

func startPeer(t *testing.T, name string, cmd *exec.Cmd) *peer {
	t.Helper()
	p := &peer{name: name}
	cmd.Stderr = &p.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v:\n%s", name, err, p.errors.String())
		}
	})
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, 256<<20)
	return p
}

func (p *peer) ask(t *testing.T, question, into any) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("ask %s: %v\n%s", p.name, err, p.errors.String())
	}
	if !p.out.Scan() {
		t.Fatalf("%s did not answer %.2000s: %v\n%s", p.name, line, p.out.Err(), p.errors.String())
	}
	if err := json.Unmarshal(p.out.Bytes(), into); err != nil {
		t.Fatalf("%s answered %.2000s: %v", p.name, p.out.Text(), err)
	}
}

func (p *peer) answers(t *testing.T, q judge.Question) []judge.Answer {
	t.Helper()
	var r judge.Reply
	p.ask(t, q, &r)
	if len(r.Answers) != len(q.JSON)+len(q.Binary) {
		t.Fatalf("%s has %d answers to %d values", p.name, len(r.Answers), len(q.JSON)+len(q.Binary))
	}
	return r.Answers
}

// startGenerated starts the program of the project's generated Go.
func startGenerated(t *testing.T, p *project) *peer {
	t.Helper()
	return startPeer(t, "generated Go", exec.Command(filepath.Join(p.dir, "judge.exe")))
}

// startPython starts a Python that has the project's generated package.
func startPython(t *testing.T, python string, p *project) *peer {
	t.Helper()
	cmd := exec.Command(python, filepath.Join("testdata", "generated.py"), "chain_events")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+filepath.Join(p.dir, "python"))
	return startPeer(t, "generated Python", cmd)
}
