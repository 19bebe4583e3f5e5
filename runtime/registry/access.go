package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/omninode/trestle/runtime/secure"
)

// Credentials say who a client is: a user and a password, or a token. Secrets are looked up while the client runs, so that new ones need no restart.
type Credentials struct {
	User     string
	Password secure.Secret
	// Token is sent as a bearer's.
	Token secure.Secret
}

// check says what is missing, or too much.
func (c Credentials) check() error {
	switch {
	case !c.Token.IsZero() && (c.User != "" || !c.Password.IsZero()):
		return errors.New("credentials are a user and a password, or a token, not both")
	case !c.Token.IsZero():
		return c.Token.Check()
	case c.User == "":
		return errors.New("credentials need a user, or a token")
	}
	return c.Password.Check()
}

// authorization returns what makes the header of each request.
func (c Credentials) authorization() func(context.Context) (string, error) {
	if !c.Token.IsZero() {
		read := c.Token.Kept()
		return func(ctx context.Context) (string, error) {
			token, err := read(ctx)
			if err != nil {
				return "", fmt.Errorf("token: %w", err)
			}
			return "Bearer " + token, nil
		}
	}
	read := c.Password.Kept()
	return func(ctx context.Context) (string, error) {
		password, err := read(ctx)
		if err != nil {
			return "", fmt.Errorf("password of user %s: %w", c.User, err)
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+password)), nil
	}
}

// WithCredentials sends with every request who the client is.
func WithCredentials(credentials Credentials) Option {
	return func(c *config) { c.credentials = &credentials }
}

// WithTLS has the registry reached as t says: by its own authorities, with a client's certificate.
func WithTLS(t secure.TLS) Option {
	return func(c *config) { c.tls = &t }
}

// access returns the options by which the registry lets the client in, and its address without a user and a password that stood in it.
func (c *config) access(address string) (string, []sr.ClientOpt, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", nil, errors.New("not an address such as http://127.0.0.1:8081") // the error of url.Parse repeats it, with its password
	}
	if parsed.User != nil {
		password, _ := parsed.User.Password()
		if c.credentials == nil && password != "" {
			c.credentials = &Credentials{User: parsed.User.Username(), Password: secure.Value(password)}
		}
		parsed.User = nil
	}
	if c.http == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		if c.tls != nil {
			dialer, err := c.tls.Dialer()
			if err != nil {
				return "", nil, fmt.Errorf("TLS: %w", err)
			}
			own.DialTLSContext = dialer.DialContext
		}
		c.http = &http.Client{Timeout: 30 * time.Second, Transport: own}
	}
	through := *c.http
	through.Transport = &transport{cmp.Or(c.http.Transport, http.DefaultTransport), c.between}
	c.http = &through
	opts := []sr.ClientOpt{sr.HTTPClient(c.http)}
	if c.credentials != nil {
		if err := c.credentials.check(); err != nil {
			return "", nil, err
		}
		authorization := c.credentials.authorization()
		opts = append(opts, sr.PreReq(func(r *http.Request) error {
			header, err := authorization(r.Context())
			if err != nil {
				return &credentialsError{err}
			}
			r.Header.Set("Authorization", header)
			return nil
		}))
	}
	return strings.TrimRight(parsed.String(), "/"), opts, nil
}

// checkTimeout bounds a check.
const checkTimeout = 8 * time.Second

// Check asks the registry whether it lets the client in, for 8 s at most. Its error says what stands in the way and, where that is known, what to do
// about it.
func (c *Client) Check(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	_, err := c.sr.SupportedTypes(asking)
	if err == nil || isNoPath(err) { // one that does not tell its types is one all the same
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("registry %s: %w", c.url, c.explained(err))
}

// isNoPath says whether a server does not have what it was asked for, whatever it is.
func isNoPath(err error) bool {
	answer, answered := errors.AsType[*sr.ResponseError](err)
	foreign, other := errors.AsType[*foreignError](err)
	return answered && answer.StatusCode == http.StatusNotFound || other && foreign.status == http.StatusNotFound
}

// credentialsError says that a client could not find out who it is.
type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }

// plainly leaves out of an error what the client says in front of each.
func plainly(err error) error {
	if said, ok := errors.AsType[*failure](err); ok {
		return said
	}
	if credentials, ok := errors.AsType[*credentialsError](err); ok {
		return credentials
	}
	if isUnreadable(err) {
		return errUnreadable
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("it did not answer in time")
	}
	if of, ok := errors.AsType[*url.Error](err); ok {
		return of.Err
	}
	if answer, ok := errors.AsType[*sr.ResponseError](err); ok {
		return &failure{fmt.Sprintf("it answered %d %s: %s", answer.StatusCode, http.StatusText(answer.StatusCode), brief(answer.Error(), 300)), err}
	}
	return err
}

// Codes of registries that ask for something to be done.
const (
	notPermitted = 42205 // in the mode that a subject has
	noReferences = 44302 // Karapace's, in JSON Schema
)

// obstacle is the end of a message about a request that failed: what to do, as a question.
func obstacle(err error) string {
	status, code, foreign := 0, 0, false
	if answer, ok := errors.AsType[*sr.ResponseError](err); ok {
		status, code = answer.StatusCode, answer.ErrorCode
	}
	if answer, ok := errors.AsType[*foreignError](err); ok {
		status, foreign = answer.status, true
	}
	_, handshake := errors.AsType[*secure.HandshakeError](err)
	switch {
	case handshake:
		return "" // it says it itself
	case status == http.StatusUnauthorized:
		return ": does the registry know that user and password, or token?"
	case status == http.StatusForbidden:
		return ": may that user do that there?"
	case isPassing(status):
		return ": is the registry, and what stands before it, well? Try again later"
	case code == notPermitted:
		return ": who has set its mode, and why? GET /mode/SUBJECT and GET /mode tell it"
	case code == noReferences:
		return ": declare the event with protobuf, or take another registry"
	case isNotFound(err):
		return ""
	case foreign, status == http.StatusNotFound, isUnreadable(err):
		return ": is that a Schema Registry? Is its address whole?"
	case status != 0:
		return "" // its own words
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": is `trestle dev` running, or the registry at another address?"
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "EOF"),
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return ": what listens there does not answer as a registry does: is it a Kafka broker, or the scheme (http, https) another?"
	}
	return secure.CertificateAdvice(err)
}

// Address is the registry's, without a user and a password.
func (c *Client) Address() string { return c.url }

// Clock returns the time of the registry's server, to the second. It says false where that does not tell.
func (c *Client) Clock(ctx context.Context) (time.Time, bool) {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(asking, http.MethodHead, c.url+"/subjects", nil)
	if err != nil {
		return time.Time{}, false
	}
	response, err := c.http.Do(request)
	if err != nil {
		return time.Time{}, false
	}
	response.Body.Close()
	at, err := http.ParseTime(response.Header.Get("Date"))
	return at, err == nil
}
