package secure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// TLS says how connections are encrypted, and whom they trust. The zero value trusts the system's authorities and shows no certificate.
type TLS struct {
	// CA is a file of certificates (PEM) of the authorities that are trusted, instead of the system's.
	CA string
	// Cert and Key are files (PEM) of the certificate that the client shows, with those between it and its authority, and of its key.
	Cert, Key string
	// ServerName is the name that the server's certificate has to be for; empty: the host that is dialled.
	ServerName string
}

// Dialer opens connections by TLS. It reads its files again when they have changed, so that new certificates need no restart; where they can't be
// read then, as they are being written, it goes on with what it has. It may be used from any goroutine.
type Dialer struct {
	tls TLS

	mu    sync.Mutex
	files map[string]stamp
	from  *tls.Config // made of the files as they were
}

// stamp tells apart what a file held before and after it was written.
type stamp struct {
	changed time.Time
	size    int64
}

// stampOf is that of no file where the path is empty.
func stampOf(path string) (stamp, error) {
	if path == "" {
		return stamp{}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

// Dialer returns one. It fails when a file can't be read, is no PEM, or certificate and key don't belong together.
func (t TLS) Dialer() (*Dialer, error) {
	d := &Dialer{tls: t}
	_, err := d.config()
	return d, err
}

// config returns what the files say now.
func (d *Dialer) config() (*tls.Config, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	files, err := d.stamps()
	if err == nil && d.from != nil && equal(files, d.files) {
		return d.from, nil
	}
	var config *tls.Config
	if err == nil {
		config, err = d.tls.config()
	}
	if err != nil {
		return d.from, err
	}
	d.from, d.files = config, files
	return config, nil
}

func (d *Dialer) stamps() (map[string]stamp, error) {
	all := map[string]stamp{}
	for _, file := range []string{d.tls.CA, d.tls.Cert, d.tls.Key} {
		one, err := stampOf(file)
		if err != nil {
			return nil, err
		}
		all[file] = one
	}
	return all, nil
}

func equal(a, b map[string]stamp) bool {
	for file, one := range a {
		if b[file] != one {
			return false
		}
	}
	return len(a) == len(b)
}

func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authorities: %s has no certificate in PEM form", t.CA)
		}
	}
	switch {
	case t.Cert == "" && t.Key == "":
		return config, nil
	case t.Cert == "" || t.Key == "":
		return nil, errors.New("a client's certificate and its key come together: one of them is not given")
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("client certificate %s with key %s: %w", t.Cert, t.Key, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// dialTimeout bounds connecting and the handshake, each.
const dialTimeout = 10 * time.Second

// DialContext connects to a host and port, and shakes hands.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	config, err := d.config()
	if config == nil {
		return nil, err
	}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		config = config.Clone()
		config.ServerName = host
	}
	plain, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, config)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, &HandshakeError{Address: address, Err: err}
	}
	return conn, nil
}

// HandshakeError says that a connection by TLS did not come about, and why.
type HandshakeError struct {
	Address string
	Err     error
}

// Error says what to do, too, where that is known.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("TLS with %s: %v%s", e.Address, e.Err, e.advice())
}

// Unwrap returns what crypto/tls said.
func (e *HandshakeError) Unwrap() error { return e.Err }

// CertificateAdvice is the end of a message about an error by which a server says no to a client's certificate, or to there being none; empty for
// others. It may come with the first answer that is read, after the handshake.
func CertificateAdvice(err error) string {
	alert, ok := errors.AsType[*net.OpError](err) // crypto/tls has no other type for them
	if ok && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate") {
		return ": does the server ask for a client's certificate (cert, key), of an authority that it trusts?"
	}
	return ""
}

func (e *HandshakeError) advice() string {
	if _, plain := errors.AsType[tls.RecordHeaderError](e.Err); plain || errors.Is(e.Err, io.EOF) {
		return ": what listens there does not speak TLS: is it a plain port?"
	}
	if asked := CertificateAdvice(e.Err); asked != "" {
		return asked
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](e.Err); unknown {
		return ": give the file of the authority that signed it (ca)"
	}
	if _, other := errors.AsType[x509.HostnameError](e.Err); other {
		return ": connect by one of its names, or say which one to expect (server_name)"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err); ok && invalid.Reason == x509.Expired {
		return ": has the server's certificate expired, or is this machine's clock wrong?"
	}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return fmt.Sprintf(": nothing answered within %v: is it a plain port?", dialTimeout)
	}
	return ""
}
