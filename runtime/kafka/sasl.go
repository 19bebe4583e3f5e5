package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/omninode/trestle/runtime/secure"
)

// The mechanisms of [SASL].
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
	// AWSMSKIAM signs with the keys that stand in the environment variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
	AWSMSKIAM = "AWS_MSK_IAM"
)

// SASL says who a client is, in words that a file can hold. Secrets are looked up for each connection, so that new ones need no restart; see
// [Connection.Secured] for connections that are there.
type SASL struct {
	// Mechanism is one of those above.
	Mechanism string
	// User and Password are those of PLAIN and SCRAM.
	User     string
	Password secure.Secret
	// Login has both in one place, as user:password, so that they change together: it stands instead of User and Password. The first colon parts them.
	Login secure.Secret
	// Token is that of OAUTHBEARER, where something else keeps it fresh, in a file, say.
	Token secure.Secret
	// OAuth is where OAUTHBEARER gets its tokens otherwise.
	OAuth *ClientCredentials
}

// ClientCredentials are how a program gets its tokens by itself (RFC 6749, section 4.4).
type ClientCredentials struct {
	TokenURL     string
	ClientID     string
	ClientSecret secure.Secret
	// Scopes that are asked for; none: the server's default.
	Scopes []string
	// TLS is how the server of TokenURL is reached; nil: by the system's authorities.
	TLS *secure.TLS
}

// mechanism returns what authenticates connections. It fails when something is missing, or does not belong to the mechanism.
func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case Plain, ScramSHA256, ScramSHA512:
		return s.password()
	case OAuthBearer:
		return s.bearer()
	case AWSMSKIAM:
		if s.hasPassword() || !s.Token.IsZero() || s.OAuth != nil {
			return nil, fmt.Errorf("%s takes its keys from the environment variables AWS_…, and nothing else", s.Mechanism)
		}
		return aws.ManagedStreamingIAM(awsKeys), nil
	}
	return nil, fmt.Errorf("unknown SASL mechanism %q: there are %s, %s, %s, %s and %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512, OAuthBearer, AWSMSKIAM)
}

func (s SASL) hasPassword() bool { return s.User != "" || !s.Password.IsZero() || !s.Login.IsZero() }

func (s SASL) password() (sasl.Mechanism, error) {
	switch {
	case !s.Token.IsZero() || s.OAuth != nil:
		return nil, fmt.Errorf("%s takes a user and a password, and no token", s.Mechanism)
	case !s.Login.IsZero() && (s.User != "" || !s.Password.IsZero()):
		return nil, fmt.Errorf("%s takes a login, or a user and a password, not both", s.Mechanism)
	case s.Login.IsZero() && s.User == "":
		return nil, fmt.Errorf("%s needs a user", s.Mechanism)
	}
	secret, what := s.Password, "password of user "+s.User
	if !s.Login.IsZero() {
		secret, what = s.Login, "login"
	}
	if err := secret.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	read := secret.Kept()
	who := func(ctx context.Context) (user, password string, err error) {
		text, err := read(ctx)
		user, password = s.User, text
		if err == nil && !s.Login.IsZero() {
			var both bool
			if user, password, both = strings.Cut(text, ":"); !both || user == "" || password == "" {
				err = fmt.Errorf("%v holds no user:password", secret)
			}
		}
		if err != nil {
			err = &CredentialsError{fmt.Errorf("%s: %w", what, err)}
		}
		return user, password, err
	}
	if s.Mechanism == Plain {
		return plain.Plain(func(ctx context.Context) (plain.Auth, error) {
			user, password, err := who(ctx)
			return plain.Auth{User: user, Pass: password}, err
		}), nil
	}
	auth := func(ctx context.Context) (scram.Auth, error) {
		user, password, err := who(ctx)
		return scram.Auth{User: user, Pass: password}, err
	}
	if s.Mechanism == ScramSHA256 {
		return scram.Sha256(auth), nil
	}
	return scram.Sha512(auth), nil
}

func (s SASL) bearer() (sasl.Mechanism, error) {
	switch {
	case s.hasPassword():
		return nil, fmt.Errorf("%s takes a token, and no user or password", s.Mechanism)
	case s.Token.IsZero() == (s.OAuth == nil):
		return nil, fmt.Errorf("%s needs one of: where its token stands, and how to get one", s.Mechanism)
	}
	if s.OAuth != nil {
		token, err := s.OAuth.source()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Mechanism, err)
		}
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			text, err := token(ctx)
			return oauth.Auth{Token: text}, err
		}), nil
	}
	if err := s.Token.Check(); err != nil {
		return nil, fmt.Errorf("%s: token: %w", s.Mechanism, err)
	}
	read := s.Token.Kept()
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		text, err := read(ctx)
		if err != nil {
			err = &CredentialsError{fmt.Errorf("token: %w", err)}
		}
		return oauth.Auth{Token: text}, err
	}), nil
}

// tokenTimeout bounds a request for a token.
const tokenTimeout = 10 * time.Second

// source returns what gets tokens, each used until shortly before its end.
func (c *ClientCredentials) source() (func(context.Context) (string, error), error) {
	if c.TokenURL == "" || c.ClientID == "" {
		return nil, errors.New("client credentials need the address that gives tokens and a client id")
	}
	if err := c.ClientSecret.Check(); err != nil {
		return nil, fmt.Errorf("secret of client %s: %w", c.ClientID, err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if c.TLS != nil {
		dialer, err := c.TLS.Dialer()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.TokenURL, err)
		}
		transport.DialTLSContext = dialer.DialContext
	}
	client := &http.Client{Timeout: tokenTimeout, Transport: transport}
	read := c.ClientSecret.Kept()
	tokens := oauth2.ReuseTokenSource(nil, tokenFunc(func() (*oauth2.Token, error) {
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client)
		secret, err := read(ctx)
		if err != nil {
			return nil, fmt.Errorf("secret of client %s: %w", c.ClientID, err)
		}
		asked := clientcredentials.Config{ClientID: c.ClientID, ClientSecret: secret, TokenURL: c.TokenURL, Scopes: c.Scopes}
		return asked.Token(ctx)
	}))
	return func(context.Context) (string, error) {
		token, err := tokens.Token()
		if err != nil {
			return "", &CredentialsError{fmt.Errorf("get a token from %s: %w", c.TokenURL, err)}
		}
		return token.AccessToken, nil
	}, nil
}

type tokenFunc func() (*oauth2.Token, error)

// Token implements [oauth2.TokenSource].
func (f tokenFunc) Token() (*oauth2.Token, error) { return f() }

func awsKeys(context.Context) (aws.Auth, error) {
	auth := aws.Auth{
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	}
	if missing := cmp.Or(missingIf(auth.AccessKey, "AWS_ACCESS_KEY_ID"), missingIf(auth.SecretKey, "AWS_SECRET_ACCESS_KEY")); missing != "" {
		return auth, &CredentialsError{fmt.Errorf("%s: environment variable %s is not set", AWSMSKIAM, missing)}
	}
	return auth, nil
}

func missingIf(value, name string) string {
	if value == "" {
		return name
	}
	return ""
}

// CredentialsError says that a client could not find out who it is: a secret can't be read, or nobody gives a token.
type CredentialsError struct{ Err error }

// Error implements error.
func (e *CredentialsError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *CredentialsError) Unwrap() error { return e.Err }

// Secured returns the connection with what is said of TLS and of who the client is; nil leaves either as it is. It fails when something
// is missing, files can't be read, or mechanism and secrets don't fit.
//
// Certificates and passwords in files that are written anew are taken up within seconds, without a restart: each connection ends between a request and the
// next, which goes by a new connection. Passwords that stand elsewhere are looked up for new connections alone.
func (c Connection) Secured(t *secure.TLS, s *SASL) (Connection, error) {
	if t != nil {
		dialer, err := t.Dialer()
		if err != nil {
			return c, fmt.Errorf("TLS: %w", err)
		}
		c.Dial = dialer.DialContext
	}
	if s != nil {
		mechanism, err := s.mechanism()
		if err != nil {
			return c, fmt.Errorf("SASL: %w", err)
		}
		c.SASL = []sasl.Mechanism{mechanism}
	}
	return c.renewed(t, s), nil
}
