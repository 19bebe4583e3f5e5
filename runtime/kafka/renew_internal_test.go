package kafka

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/secure"
)

// framed is a request or an answer.
func framed(n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n)...)
}

// TestFrames counts what has passed whole, however it is cut.
func TestFrames(t *testing.T) {
	t.Parallel()
	all := append(append(framed(5), framed(1)...), framed(70_000)...)
	for _, size := range []int{1, 2, 3, 7, 4096, len(all)} {
		var f frames
		for rest := all; len(rest) > 0; {
			n := min(size, len(rest))
			f.pass(rest[:n])
			rest = rest[n:]
		}
		if got := f.whole.Load(); got != 3 || f.isWithin() {
			t.Errorf("in pieces of %d: %d have passed, within one: %v", size, got, f.isWithin())
		}
		f.pass(framed(9)[:6])
		if got := f.whole.Load(); got != 3 || !f.isWithin() {
			t.Errorf("in pieces of %d, and a part: %d have passed, within one: %v", size, got, f.isWithin())
		}
	}
}

// TestConnectionEndsBetweenRequests holds that a connection of before takes no further request once all have their answers, and does while they have not, for a time.
func TestConnectionEndsBetweenRequests(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer there.Close()
	go func() { _, _ = io.Copy(io.Discard, there) }()
	r := &renewal{looked: time.Now().Add(time.Hour), version: "1"}
	c := &renewedConn{Conn: here, renewal: r, version: "1"}
	write := func() error { _, err := c.Write(framed(10)); return err }
	answer := func() {
		t.Helper()
		go func() { _, _ = there.Write(framed(3)) }()
		if _, err := io.ReadFull(c, make([]byte, 7)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	r.version = "2"
	answer()
	if err := write(); err != nil {
		t.Fatalf("while an answer is under way: %v", err)
	}
	if _, err := c.Write(framed(10)[:6]); err != nil {
		t.Fatal(err)
	}
	answer()
	answer()
	if _, err := c.Write(framed(10)[6:]); err != nil {
		t.Fatalf("within a request: %v", err)
	}
	c.stale = time.Now().Add(-quietWithin)
	if err := write(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("after the time for a quiet moment: %v", err)
	}
	c.stale = time.Time{}
	answer()
	if n, err := c.Write(framed(10)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Fatalf("once all have their answers: %d, %v", n, err)
	}
	r.version = "1"
	if err := write(); err != nil {
		t.Fatalf("of this version: %v", err)
	}
}

// TestLook holds that files which are being written, or are away, are of no new version.
func TestLook(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "login")
	written := 0
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		written++ // whatever the file system's clock can tell
		at := time.Unix(int64(written), 0)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	r := &renewal{sasl: &SASL{Login: secure.Secret{File: path}}, files: []string{"", path}}
	write("a:b")
	first := r.look(true)
	for _, text := range []string{"", "a", "a:", ":b"} {
		write(text)
		if got := r.look(true); got != first {
			t.Errorf("%q is another version", text)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := r.look(true); got != first {
		t.Error("no file is another version")
	}
	write("a:c")
	if got := r.look(false); got != first {
		t.Error("the file is looked at all the time")
	}
	if got := r.look(true); first == "" || got == first {
		t.Error("another login is no other version")
	}
}
