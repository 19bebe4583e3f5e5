package trestletest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// links are the connections to a cluster's brokers, where what its network does is decided.
type links struct {
	mu     sync.Mutex
	opened int32 // listeners so far: brokers listen in the order of their ids
	all    map[*link]bool
	cut    map[int32]bool // brokers that can't be reached
	lose   int            // acknowledgements that are to be lost
	held   chan struct{}  // acknowledgements wait until it is closed; nil: they don't
}

func (l *links) listener(listen func(network, address string) (net.Listener, error)) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		inner, err := listen(network, address)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		broker := l.opened
		l.opened++
		return &linkListener{inner, l, broker}, nil
	}
}

type linkListener struct {
	net.Listener
	links  *links
	broker int32
}

// Accept returns the next connection; one that is cut is closed already.
func (l *linkListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.links.add(conn, l.broker), nil
}

func (l *links) add(conn net.Conn, broker int32) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[*link]bool{}
	}
	one := &link{Conn: conn, links: l, broker: broker}
	l.all[one] = true
	if l.cut[broker] {
		conn.Close()
	}
	return one
}

// setCut cuts brokers off, or all of them.
func (l *links) setCut(brokers ...int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut == nil {
		l.cut = map[int32]bool{}
	}
	if len(brokers) == 0 {
		for id := range l.opened {
			brokers = append(brokers, id)
		}
	}
	for _, id := range brokers {
		l.cut[id] = true
	}
	for one := range l.all {
		if slices.Contains(brokers, one.broker) {
			one.Conn.Close()
		}
	}
}

// heal ends what is wrong.
func (l *links) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.lose = nil, 0
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

func (l *links) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

func (l *links) loseNext(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose += n
}

// acknowledging is asked before an acknowledgement goes out, and says whether it is lost.
func (l *links) acknowledging() (lost bool) {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held != nil {
		<-held
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose == 0 {
		return false
	}
	l.lose--
	return true
}

// link is a connection as its broker has it. It knows requests with records from others.
type link struct {
	net.Conn
	links  *links
	broker int32

	mu       sync.Mutex
	requests frames
	writes   map[uint32]bool // correlation ids of requests with records that have no answer yet
}

// Read notes which requests come in.
func (c *link) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests.pass(b[:n], func(head [8]byte) {
		if binary.BigEndian.Uint16(head[:]) == uint16(kmsg.Produce) {
			if c.writes == nil {
				c.writes = map[uint32]bool{}
			}
			c.writes[binary.BigEndian.Uint32(head[4:])] = true
		}
	})
	return n, err
}

// Write passes a response on, unless it is lost.
func (c *link) Write(b []byte) (int, error) {
	if c.isAcknowledgement(b) && c.links.acknowledging() {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// isAcknowledgement says that a response, which is written at once, is to a request with records.
func (c *link) isAcknowledgement(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	id := binary.BigEndian.Uint32(b[4:])
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.writes[id]
	delete(c.writes, id)
	return found
}

// Close closes the connection.
func (c *link) Close() error {
	c.links.mu.Lock()
	delete(c.links.all, c)
	c.links.mu.Unlock()
	return c.Conn.Close()
}

// frames finds where messages begin in a stream of them, each behind its size in four bytes.
type frames struct {
	head [12]byte // size, and the first eight bytes
	n    int      // of head that are there
	left int      // of the message behind head
}

// pass takes the next bytes of the stream, and has a function called with the first eight bytes of each message.
func (f *frames) pass(b []byte, begins func([8]byte)) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left -= n
			b = b[n:]
			continue
		}
		n := copy(f.head[f.n:], b)
		f.n += n
		b = b[n:]
		if f.n == len(f.head) {
			begins([8]byte(f.head[4:]))
			f.left = max(int(binary.BigEndian.Uint32(f.head[:]))-8, 0)
			f.n = 0
		}
	}
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// asNetwork has connections in memory break as those of a network do, so that clients know what has happened.
func asNetwork(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		return pipe{conn}, nil
	}
}

type pipe struct{ net.Conn }

func (p pipe) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	return n, broken("read", err)
}

func (p pipe) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	return n, broken("write", err)
}

func broken(op string, err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return &net.OpError{Op: op, Net: "tcp", Err: net.ErrClosed}
	}
	return err
}
