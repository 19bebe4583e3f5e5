package kafka

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/runtime/secure"
)

const (
	// lookEvery is how often files are looked at.
	lookEvery = time.Second
	// quietWithin is for how long a connection of before is let wait for a moment without an answer under way. Behind it the connection ends all the same, and the
	// client asks again.
	quietWithin = 10 * time.Second
	// dialTimeout bounds connecting.
	dialTimeout = 10 * time.Second
)

// renewed has connections end that were made with files which have been written anew since. Brokers go by what they were shown when a connection began, for as long as
// that lasts, unless they have connections.max.reauth.ms and the client has a password.
func (c Connection) renewed(t *secure.TLS, s *SASL) Connection {
	r := &renewal{tls: t, sasl: s}
	if t != nil {
		r.files = append(r.files, t.CA, t.Cert, t.Key)
	}
	if s != nil {
		r.files = append(r.files, s.Password.File, s.Login.File)
	}
	if strings.Join(r.files, "") == "" {
		return c
	}
	dial := c.Dial
	switch {
	case dial != nil:
	case c.TLS != nil:
		dial = (&tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: c.TLS}).DialContext
	default:
		dial, c.plain = (&net.Dialer{Timeout: dialTimeout}).DialContext, true
	}
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		version := r.look(true) // before they are read: what is written meanwhile is another version
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &renewedConn{Conn: conn, renewal: r, version: version}, nil
	}
	return c
}

// renewal knows the version of a connection's files.
type renewal struct {
	tls   *secure.TLS
	sasl  *SASL
	files []string

	mu      sync.Mutex
	looked  time.Time
	version string
}

// look says which version the files are of that can be used: not one that is being written.
func (r *renewal) look(now bool) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !now && time.Since(r.looked) < lookEvery {
		return r.version
	}
	r.looked = time.Now()
	if version, err := r.stamps(); err == nil && version != r.version && r.areUsable() {
		r.version = version
	}
	return r.version
}

func (r *renewal) stamps() (string, error) {
	var version strings.Builder
	for _, file := range r.files {
		if file == "" {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&version, "%d %d\n", info.ModTime().UnixNano(), info.Size())
	}
	return version.String(), nil
}

func (r *renewal) areUsable() bool {
	if r.tls != nil {
		if _, err := r.tls.Dialer(); err != nil {
			return false
		}
	}
	if r.sasl == nil {
		return true
	}
	for _, secret := range []secure.Secret{r.sasl.Password, r.sasl.Login} {
		if secret.File == "" {
			continue
		}
		text, err := secret.Read(context.Background())
		if err != nil {
			return false
		}
		if user, password, both := strings.Cut(text, ":"); secret.File == r.sasl.Login.File && (!both || user == "" || password == "") {
			return false
		}
	}
	return true
}

// renewedConn is a connection that ends, between a request and the next, once the files it was made with have been written anew.
type renewedConn struct {
	net.Conn
	renewal *renewal
	version string

	sent, answered frames
	stale          time.Time // when it was first seen that it is of before; zero: it is not
}

// Write sends a request, or refuses to, with nothing sent, where the connection is to end: the client then sends it by a new one. It is called by one goroutine at a time.
func (c *renewedConn) Write(p []byte) (int, error) {
	if c.isOver() {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(p)
	c.sent.pass(p[:n])
	return n, err
}

// Read receives answers. It is called by one goroutine at a time.
func (c *renewedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.answered.pass(p[:n])
	return n, err
}

func (c *renewedConn) isOver() bool {
	if c.renewal.look(false) == c.version || c.sent.isWithin() {
		return false
	}
	if c.stale.IsZero() {
		c.stale = time.Now()
	}
	return c.sent.whole.Load() == c.answered.whole.Load() || time.Since(c.stale) > quietWithin
}

// frames counts the requests, or the answers, that pass: each is behind its length, in four bytes.
type frames struct {
	whole atomic.Int64 // those that have passed
	head  [4]byte
	have  int // of head
	left  int // of the one that passes
}

func (f *frames) isWithin() bool { return f.have > 0 }

func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		if f.have < len(f.head) {
			n := copy(f.head[f.have:], p)
			f.have, p = f.have+n, p[n:]
			if f.have < len(f.head) {
				return
			}
			f.left = int(binary.BigEndian.Uint32(f.head[:]))
		}
		n := min(f.left, len(p))
		f.left, p = f.left-n, p[n:]
		if f.left == 0 {
			f.have = 0
			f.whole.Add(1)
		}
	}
}
