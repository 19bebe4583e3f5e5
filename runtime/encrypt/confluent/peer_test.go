package confluent_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/encrypt/confluent"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// record writes what Confluent's client has encrypted to testdata/vectors.json.
var record = flag.Bool("record", false, "record testdata/vectors.json anew, with Confluent's client")

// peer is a process with Confluent's client for Python.
type peer struct {
	in   io.Writer
	out  *bufio.Scanner
	kill func()
}

func startPeer(t *testing.T, s *server) *peer {
	t.Helper()
	_, set := noteFiles(t)
	raw, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "note.binpb")
	if err := os.WriteFile(image, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, services.PythonConfluent(t), "testdata/peer.py", s.url, secret, image)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
	cmd.Stderr = os.Stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill()
		_ = cmd.Wait()
	})
	return &peer{in, bufio.NewScanner(out), kill}
}

// task is what a peer is asked.
type task struct {
	Do       string            `json:"do"`
	Topic    string            `json:"topic"`
	Protobuf bool              `json:"protobuf"`
	InHeader bool              `json:"in_header"`
	Event    json.RawMessage   `json:"event,omitempty"`
	Value    []byte            `json:"value,omitempty"`
	Headers  map[string][]byte `json:"headers,omitempty"`
}

// ask has the peer do a task, and reads its answer. The error is the client's.
func (p *peer) ask(t *testing.T, task task, answer any) error {
	t.Helper()
	line := marshal(t, task)
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, p.kill)
	answered := p.out.Scan()
	if !late.Stop() || !answered {
		t.Fatalf("Confluent's client gave no answer to %s: %v", line, p.out.Err())
	}
	var said struct {
		Answer json.RawMessage
		Error  string
	}
	if err := json.Unmarshal(p.out.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	if said.Error != "" {
		return errors.New(said.Error)
	}
	return json.Unmarshal(said.Answer, answer)
}

// write has the peer encrypt an event.
func (p *peer) write(t *testing.T, e *example, inHeader bool) (*event.Record, error) {
	t.Helper()
	var wrote struct {
		Value   []byte
		Headers map[string][]byte
	}
	err := p.ask(t, task{Do: "write", Topic: e.name, Protobuf: e.protobuf, InHeader: inHeader, Event: json.RawMessage(e.event)}, &wrote)
	rec := &event.Record{Topic: e.name, Value: wrote.Value}
	for name, value := range wrote.Headers {
		rec.Headers = append(rec.Headers, event.Header{Key: name, Value: value})
	}
	return rec, err
}

// read has the peer decrypt a record.
func (p *peer) read(t *testing.T, e *example, rec *event.Record) (any, error) {
	t.Helper()
	headers := map[string][]byte{}
	for _, h := range rec.Headers {
		headers[h.Key] = h.Value
	}
	var got any
	err := p.ask(t, task{Do: "read", Topic: e.name, Protobuf: e.protobuf, Value: rec.Value, Headers: headers}, &got)
	return got, err
}

// checkSealed fails if what is to be encrypted stands in a record.
func (e *example) checkSealed(t *testing.T, rec *event.Record) {
	t.Helper()
	for _, plain := range e.sealed {
		if bytes.Contains(rec.Value, []byte(plain)) {
			t.Errorf("%q stands in the record in clear: %q", plain, rec.Value)
		}
	}
}

// TestConfluentClientRotates has keys expire: each reads what the other has encrypted with the old one and with the new one, whoever made that.
func TestConfluentClientRotates(t *testing.T) {
	for _, first := range []string{"client", "cipher"} {
		t.Run(first+" makes the second key", func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			e := exampleOf(t, "expiry")
			id := e.declare(t, s)
			encrypted := func(p *peer, c *confluent.Cipher, by string) *event.Record {
				t.Helper()
				if by == "client" {
					rec, err := p.write(t, e, false)
					if err != nil {
						t.Fatal(err)
					}
					return rec
				}
				rec, err := c.Encrypt(t.Context(), e.record(t, id, false))
				if err != nil {
					t.Fatal(err)
				}
				return &rec
			}
			old := startPeer(t, s)
			records := []*event.Record{encrypted(old, newCipher(t, s), "client"), encrypted(old, newCipher(t, s), "cipher")}
			s.set(func() { s.state.DEKs[0].Made -= (25 * time.Hour).Milliseconds() })
			p, c := startPeer(t, s), newCipher(t, s)
			records = append(records, encrypted(p, c, first), encrypted(p, c, "client"), encrypted(p, c, "cipher"))
			for i, rec := range records {
				version := byte(1)
				if i > 1 {
					version = 2
				}
				if raw := sealedParts(e, rec.Value)[0].raw; !bytes.Equal(raw[:5], []byte{0, 0, 0, 0, version}) {
					t.Errorf("value %d begins with % x", i, raw[:5])
				}
				got, err := c.Decrypt(t.Context(), rec)
				if err != nil || !cmp.Equal(parsed(t, e.event), e.json(t, &got)) {
					t.Errorf("the cipher reads value %d as %q: %v", i, got.Value, err)
				}
				if read, err := p.read(t, e, rec); err != nil || !cmp.Equal(parsed(t, e.event), read) {
					t.Errorf("Confluent's client reads value %d as %v: %v", i, read, err)
				}
			}
			if len(s.state.DEKs) != 2 {
				t.Errorf("there are %d keys", len(s.state.DEKs))
			}
		})
	}
}

// vectors are what Confluent's client has encrypted, with the registry that it did so with.
type vectors struct {
	State   state           `json:"registry"`
	Records []recordedEvent `json:"records"`
}

type recordedEvent struct {
	Example  string            `json:"example"`
	InHeader bool              `json:"in_header"`
	Value    []byte            `json:"value"`
	Headers  map[string][]byte `json:"headers,omitempty"`
}

// TestConfluentClient has Confluent's client read what a cipher has encrypted, and the cipher what that client has: each with keys that the other made, and with its own.
func TestConfluentClient(t *testing.T) {
	for _, first := range []string{"client", "cipher"} {
		t.Run(first+" makes the keys", func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			p, c := startPeer(t, s), newCipher(t, s)
			var recorded vectors
			for _, e := range examples() {
				id := e.declare(t, s)
				for _, inHeader := range []bool{false, true} {
					name := fmt.Sprintf("%s, in a header: %t", e.name, inHeader)
					theirs := func() {
						rec, err := p.write(t, &e, inHeader)
						if err != nil {
							t.Fatalf("%s: Confluent's client does not encrypt: %v", name, err)
						}
						e.checkSealed(t, rec)
						got, err := c.Decrypt(t.Context(), rec)
						if err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						if diff := cmp.Diff(parsed(t, e.event), e.json(t, &got)); diff != "" {
							t.Errorf("%s: Confluent's client wrote, and the cipher read (-wrote +read):\n%s", name, diff)
						}
						headers := map[string][]byte{}
						for _, h := range rec.Headers {
							headers[h.Key] = h.Value
						}
						recorded.Records = append(recorded.Records, recordedEvent{e.name, inHeader, rec.Value, headers})
					}
					ours := func() {
						rec, err := c.Encrypt(t.Context(), e.record(t, id, inHeader))
						if err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						e.checkSealed(t, &rec)
						got, err := p.read(t, &e, &rec)
						if err != nil {
							t.Fatalf("%s: Confluent's client does not decrypt: %v", name, err)
						}
						if diff := cmp.Diff(parsed(t, e.event), got); diff != "" {
							t.Errorf("%s: the cipher wrote, and Confluent's client read (-wrote +read):\n%s", name, diff)
						}
					}
					if first == "client" {
						theirs()
						ours()
					} else {
						ours()
						theirs()
					}
				}
			}
			if *record && first == "client" && !t.Failed() {
				s.set(func() { recorded.State = s.state })
				text, err := json.MarshalIndent(recorded, "", "\t")
				if err == nil {
					err = os.WriteFile("testdata/vectors.json", append(text, '\n'), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
