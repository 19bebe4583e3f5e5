package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/secure"
)

// checkTimeout bounds a check.
const checkTimeout = 8 * time.Second

// Check asks brokers, one after the other, until one lets the client in, for 8 s at most. Its error says what stands in the way and, where that is
// known, what to do about it.
func (c Connection) Check(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	c.Logger = nil
	client, err := c.Client(kgo.RequestTimeoutOverhead(checkTimeout/2), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Ping(asking)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if _, seen := Unreachable(client); errors.Is(err, context.DeadlineExceeded) && seen != nil {
		err = errors.Join(err, seen)
	}
	return fmt.Errorf("brokers %s: %w%s", strings.Join(c.Brokers, ","), plainly(err), c.obstacle(err))
}

// plainly leaves out of an error what the client says in front of each.
func plainly(err error) error {
	if handshake, ok := errors.AsType[*secure.HandshakeError](err); ok {
		return handshake
	}
	if credentials, ok := errors.AsType[*CredentialsError](err); ok {
		return credentials
	}
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok {
		return errors.New("the broker closed the connection as soon as it was asked something")
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	return err
}

// obstacle is the end of a message about a cluster that does not let the client in: what to do, as a question.
func (c Connection) obstacle(err error) string {
	overTLS := c.TLS != nil || c.Dial != nil && !c.plain
	_, first := errors.AsType[*kgo.ErrFirstReadEOF](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case isA[*secure.HandshakeError](err), isA[*CredentialsError](err):
		return "" // they say it themselves
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return ": are user and password, or the token, those that the cluster knows?"
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return ": does the cluster take another SASL mechanism?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": is `trestle dev` running, or the cluster at another address?"
	case first && overTLS && len(c.SASL) == 0:
		return ": does the cluster ask for a user and a password (SASL), or for a client's certificate?"
	case first && !overTLS:
		return ": does that port want TLS, or a user and a password (SASL), or is it no Kafka broker?"
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		if !overTLS && c.speaksHTTP() {
			return ": what listens there speaks HTTP: is it a registry?"
		}
		return ": what listens there does not answer as a Kafka broker does"
	}
	return cmp.Or(secure.CertificateAdvice(err), Advice(err))
}

// speaksHTTP asks the first broker for a page.
func (c Connection) speaksHTTP() bool {
	const patience = 2 * time.Second
	conn, err := net.DialTimeout("tcp", c.Brokers[0], patience)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, 5)
	if _, err := io.WriteString(conn, "HEAD / HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "HTTP/"
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
