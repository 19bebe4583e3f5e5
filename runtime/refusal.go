package trestle

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// RefusedError says that brokers answer and don't let the client in: its password is wrong, or one side speaks TLS and
// the other doesn't, or doesn't trust it. Trying again cannot help.
type RefusedError struct{ Err error }

// Error says why.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("brokers don't let this client in: %v", e.Err)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// refusalPatience is for how long brokers must have refused all connections before what waits for them fails: one that
// starts, or whose credentials are just being changed, refuses for a moment.
const refusalPatience = 2 * time.Second

// connections is a hook of a client: it watches whether brokers let it in, and whether it has sent them records. The
// client itself tries again for ever, whatever they say.
type connections struct {
	refused func(*RefusedError) // called for each refusal once patience has ended

	mu        sync.Mutex
	connected bool      // at least once
	since     time.Time // of the first refusal of those in a row; zero: the last attempt was none

	// Of requests with records: those that were sent, in full or in part; of these, how many are neither answered nor given up, and
	// how many were given up, so that nobody knows whether brokers took them.
	produced     atomic.Uint64
	unanswered   atomic.Int64
	doubts       atomic.Uint64
	lastProduced atomic.Int64 // when the last was sent, in Unix nanoseconds
	answered     atomic.Int64 // when the last was answered, since began
	began        time.Time
}

// OnBrokerConnect implements [kgo.HookBrokerConnect].
func (c *connections) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected = c.connected || err == nil
	if !c.isRefusal(err) {
		c.since = time.Time{}
		return
	}
	if c.since.IsZero() {
		c.since = time.Now()
	}
	if time.Since(c.since) >= refusalPatience {
		go c.refused(&RefusedError{err}) // not here: the client holds locks
	}
}

// OnBrokerWrite implements [kgo.HookBrokerWrite].
func (c *connections) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, written int, _, _ time.Duration, _ error) {
	if key == kmsg.Produce.Int16() && written > 0 {
		c.unanswered.Add(1)
		c.lastProduced.Store(time.Now().UnixNano())
		c.produced.Add(1)
	}
}

// OnBrokerE2E implements [kgo.HookBrokerE2E].
func (c *connections) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	if key != kmsg.Produce.Int16() || e.BytesWritten == 0 {
		return
	}
	if e.Err() != nil {
		c.doubts.Add(1)
	} else {
		c.answered.Store(int64(time.Since(c.began)))
	}
	c.unanswered.Add(-1) // after that
}

// quiet says that nothing with records is under way to brokers, nor has been for so long.
func (c *connections) quiet(atLeast time.Duration) bool {
	return c.unanswered.Load() == 0 && time.Since(time.Unix(0, c.lastProduced.Load())) >= atLeast
}

// isRefusal needs mu.
func (c *connections) isRefusal(err error) bool {
	if kafka.Classify(err) == kafka.Fatal && !errors.Is(err, kgo.ErrClientClosed) {
		return true
	}
	if isTLSFault(err) {
		return true
	}
	// A broker that hangs up at once is mostly one that speaks TLS where the client doesn't, or the other way round. It
	// may also be a proxy whose brokers are away: of a cluster that once let the client in, that is more likely.
	_, hungUp := errors.AsType[*kgo.ErrFirstReadEOF](err)
	return hungUp && !c.connected
}

func isTLSFault(err error) bool {
	return isA[*tls.CertificateVerificationError](err) || isA[tls.RecordHeaderError](err) || isA[tls.AlertError](err) ||
		isA[x509.UnknownAuthorityError](err) || isA[x509.HostnameError](err) || isA[x509.CertificateInvalidError](err) ||
		isRemoteAlert(err)
}

// isRemoteAlert says whether the other side ended the handshake, such as for want of a certificate.
func isRemoteAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}
