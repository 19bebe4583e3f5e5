package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
)

// Client talks to one Schema Registry. It is safe for concurrent use.
type Client struct {
	sr   *sr.Client
	http *http.Client
	url  string
	same func(a, b Stored) bool
	gate func(context.Context, Stored, []Stored) error
	// context is what the registry puts before the names of subjects; empty: nothing.
	context string
	// level is that which subjects are to have; empty: theirs.
	level   string
	between kafka.Backoff // spaces the attempts to read what was written
}

// Option configures a [Client].
type Option func(*config)

type config struct {
	sr          []sr.ClientOpt
	same        func(a, b Stored) bool
	gate        func(context.Context, Stored, []Stored) error
	level       string
	normal      bool
	credentials *Credentials
	tls         *secure.TLS
	http        *http.Client // nil: one of the package's own
	between     kafka.Backoff
}

// WithHTTPClient replaces the HTTP client, whose default gives up on a request after 30 s, and with it what [WithTLS] says. Whichever it is, a request
// whose failure may pass (429, 500, 502 to 504, a connection or an answer that breaks off) is made up to four times in that time, spaced by what the
// registry asks for, or else by up to 1 s.
func WithHTTPClient(h *http.Client) Option {
	return func(c *config) { c.http = h }
}

// WithSame replaces the test of whether two schemas of one type are the same, for a registry that rewrites what it
// stores. The default compares JSON as values and everything else as text. What the schemas refer to is compared beside it.
func WithSame(same func(a, b Stored) bool) Option {
	return func(c *config) { c.same = same }
}

// WithGate adds a check that a new schema passes before [Client.Plan] lets it in, beside the registry's own: it gets
// the new schema and every stored version, oldest first, and returns why the schema is refused.
func WithGate(gate func(ctx context.Context, next Stored, versions []Stored) error) Option {
	return func(c *config) { c.gate = gate }
}

// WithCompatibility has [Client.Plan] and [Client.Apply] bring subjects to a compatibility level, at which the registry itself judges: BACKWARD,
// FULL_TRANSITIVE and so on. Default, and with an empty one: the level is left as it is. New fails where there is none of that name.
func WithCompatibility(level string) Option {
	return func(c *config) { c.level = level }
}

// WithNormalization has the registry bring schemas into a form of its own before it compares and stores them, where it knows how to. Default: they are
// stored as they are.
func WithNormalization() Option {
	return func(c *config) { c.normal = true }
}

// New returns a client of the registry at an address, under which /subjects is found; one that ends in /contexts/.NAME leads into a context. A user and a password that stand in it are those of
// [WithCredentials], where that is not given; errors do not repeat them. It contacts nothing, and fails when the address is none, when credentials or
// certificates are incomplete or can't be read, or when an option is not valid.
func New(address string, opts ...Option) (*Client, error) {
	if !strings.Contains(address, "://") {
		return nil, fmt.Errorf("registry %q: not an address such as http://127.0.0.1:8081", address)
	}
	c := config{between: kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: time.Second}, same: func(a, b Stored) bool { return sameText(a.Type, a.Schema, b.Schema) }}
	for _, o := range opts {
		o(&c)
	}
	if c.level != "" {
		level, err := parseLevel(c.level)
		if err != nil {
			return nil, err
		}
		c.level = level.String()
	}
	url, access, err := c.access(address)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", withoutUser(address), err)
	}
	if c.normal {
		access = append(access, sr.DefaultParams(sr.Normalize))
	}
	client, err := sr.NewClient(slices.Concat([]sr.ClientOpt{sr.URLs(url), sr.UserAgent("trestle")}, access, c.sr)...)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", url, err)
	}
	return &Client{sr: client, http: c.http, url: url, context: contextOf(url), same: c.same, gate: c.gate, level: c.level, between: c.between}, nil
}

// withoutUser is an address for people, without what stands in front of its host.
func withoutUser(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + "://" + rest
}

// Stored is a schema with everything it refers to, as a registry holds it.
type Stored struct {
	Subject    string
	Version    int // 0 for one that is not registered yet
	ID         int
	Type       SchemaType
	Schema     string
	References []Reference
	// Texts holds the schemas of all references, direct and not, by the name they are referred to by.
	Texts map[string]string
}

// Latest returns a subject's newest version; [ErrNotFound] when it has none.
func (c *Client) Latest(ctx context.Context, subject string) (Stored, error) {
	return c.stored(ctx, subject, -1)
}

// Version returns one version of a subject, [ErrNotFound] when there is none.
func (c *Client) Version(ctx context.Context, subject string, version int) (Stored, error) {
	return c.stored(ctx, subject, version)
}

// Versions returns all versions of a subject, oldest first; none for an unknown subject.
func (c *Client) Versions(ctx context.Context, subject string) ([]Stored, error) {
	numbers, err := c.numbers(ctx, subject)
	if err != nil {
		if isNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("versions of subject %s at %s: %w", subject, c.url, err)
	}
	out := make([]Stored, 0, len(numbers))
	for _, n := range numbers {
		s, err := c.stored(ctx, subject, n)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// ErrNotFound says that the registry has no such subject or version.
var ErrNotFound = errors.New("not in the registry")

func (c *Client) stored(ctx context.Context, subject string, version int) (Stored, error) {
	found, err := c.fetch(ctx, subject, version)
	if err != nil {
		if isNotFound(err) {
			return Stored{}, fmt.Errorf("subject %s at %s: %w", subject, c.url, ErrNotFound)
		}
		return Stored{}, fmt.Errorf("subject %s at %s: %w", subject, c.url, err)
	}
	return c.withTexts(ctx, found, c.fetch)
}

// withTexts returns a schema with what it refers to, which get fetches.
func (c *Client) withTexts(ctx context.Context, found sr.SubjectSchema, get getVersion) (Stored, error) {
	s := fromSR(found)
	s.Texts = map[string]string{}
	if err := texts(ctx, found.References, s.Texts, get); err != nil {
		return Stored{}, fmt.Errorf("references of subject %s at %s: %w", s.Subject, c.url, err)
	}
	return s, nil
}

type getVersion func(ctx context.Context, subject string, version int) (sr.SubjectSchema, error)

func texts(ctx context.Context, refs []sr.SchemaReference, into map[string]string, get getVersion) error {
	for _, r := range refs {
		if _, ok := into[r.Name]; ok {
			continue
		}
		s, err := get(ctx, r.Subject, r.Version)
		if err != nil {
			return fmt.Errorf("%s (subject %s version %d): %w", r.Name, r.Subject, r.Version, err)
		}
		into[r.Name] = s.Schema.Schema
		if err := texts(ctx, s.References, into, get); err != nil {
			return err
		}
	}
	return nil
}

func fromSR(s sr.SubjectSchema) Stored {
	out := Stored{Subject: s.Subject, Version: s.Version, ID: s.ID, Type: typeFromSR(s.Type), Schema: s.Schema.Schema}
	for _, r := range s.References {
		out.References = append(out.References, Reference{Name: r.Name, Subject: r.Subject})
	}
	return out
}

func typeFromSR(t sr.SchemaType) SchemaType { return SchemaType(t.String()) }

func typeToSR(t SchemaType) (sr.SchemaType, error) {
	switch t {
	case JSON:
		return sr.TypeJSON, nil
	case Protobuf:
		return sr.TypeProtobuf, nil
	}
	return 0, fmt.Errorf("schema type %q: only JSON and PROTOBUF are registered", t)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
