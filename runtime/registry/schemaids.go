package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/omninode/trestle/runtime/event"
)

// SchemaIDs finds the id of the schema an event is written with: the newest version of its subject. It asks the
// registry once a subject and remembers the answer for five minutes; when the registry is away it goes on with what
// it knows. It is safe for concurrent use, and what trestle.WithSchemaIDs takes.
type SchemaIDs struct {
	client   *Client
	kept     *keptIDs
	strategy SubjectStrategy
	now      func() time.Time

	mu       sync.Mutex
	subjects map[string]*knownID
}

// SchemaIDsOption configures [SchemaIDs].
type SchemaIDsOption func(*SchemaIDs)

// WithKeptIDs keeps all ids that are found in a file, and takes them from there while the registry has not answered yet, so that a program can be started and
// publish while it is away. Programs may share a file, and registries too: ids are kept by the registry's address. Default: none are kept. NewSchemaIDs does
// not fail where the file can't be read, but a later SchemaID that depends on it.
func WithKeptIDs(file string) SchemaIDsOption {
	return func(s *SchemaIDs) { s.kept = &keptIDs{file: file} }
}

// WithSubjectStrategy has ids be those of the subjects that a strategy names, overriding the default of [SubjectName]. Of what is no strategy SchemaID
// fails.
func WithSubjectStrategy(strategy SubjectStrategy) SchemaIDsOption {
	return func(s *SchemaIDs) { s.strategy = strategy }
}

// knownID is what is known of a subject.
type knownID struct {
	asking sync.Mutex // held by who asks the registry

	id    int       // 0: the registry has not told it
	kept  int       // that of a file, in the meantime; 0: none
	again time.Time // when the registry is asked again
	err   error     // why there is neither
}

const (
	rememberFor = 5 * time.Minute
	// askFor bounds a question, for which an event waits, and awayFor how long a registry that is away is not asked again.
	askFor  = 5 * time.Second
	awayFor = 10 * time.Second
)

// NewSchemaIDs returns ids from the client's registry.
func NewSchemaIDs(c *Client, opts ...SchemaIDsOption) *SchemaIDs {
	s := &SchemaIDs{client: c, now: time.Now, subjects: map[string]*knownID{}}
	for _, o := range opts {
		o(s)
	}
	return s
}

// SchemaID returns the id for an event type. It fails when the subject is not registered, and with an [*event.RegistryAwayError] when the registry is away
// and neither it nor the kept ids have told the id. An event waits for the registry for 5 s at most, and none for the next 10 s where it is away.
func (s *SchemaIDs) SchemaID(ctx context.Context, info *event.EventInfo) (int, error) {
	if info.Topic == nil {
		return 0, fmt.Errorf("event type %s has no topic, and so no subject", info.Type)
	}
	if err := s.strategy.Validate(); err != nil {
		return 0, err
	}
	subject := s.strategy.Subject(info)
	s.mu.Lock()
	known := s.subjects[subject]
	if known == nil {
		known = &knownID{}
		s.subjects[subject] = known
	}
	due, warm := known.due(s.now()), known.id != 0
	if due && warm {
		known.again = s.now().Add(rememberFor) // one event asks, and the others go on
	}
	id, err := cmp.Or(known.id, known.kept), known.err
	s.mu.Unlock()
	if !due {
		return id, err
	}
	known.asking.Lock()
	defer known.asking.Unlock()
	if !warm {
		s.mu.Lock()
		due, id, err = known.due(s.now()), cmp.Or(known.id, known.kept), known.err
		s.mu.Unlock()
	}
	if !due {
		return id, err // another event has asked meanwhile
	}
	return s.ask(ctx, subject, known)
}

func (k *knownID) due(now time.Time) bool { return !now.Before(k.again) }

// ask asks the registry, and notes what it says.
func (s *SchemaIDs) ask(ctx context.Context, subject string, known *knownID) (int, error) {
	asking, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	latest, err := s.client.fetch(once(asking), subject, newest)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		known.id, known.err, known.again = latest.ID, nil, s.now().Add(rememberFor)
		s.kept.keep(s.client.url, subject, latest.ID)
		return known.id, nil
	case isNotFound(err):
		known.again = time.Time{}
		return 0, fmt.Errorf("subject %s is not registered at %s: run trestle register?", subject, s.client.url)
	case known.id != 0:
		return known.id, nil
	case !isAway(err):
		return 0, fmt.Errorf("schema id of subject %s at %s: %w", subject, s.client.url, plainly(err))
	}
	known.again, known.err = s.now().Add(awayFor), nil
	kept, keptErr := s.kept.find(s.client.url, subject)
	if known.kept = kept; kept == 0 {
		known.err = &event.RegistryAwayError{Registry: s.client.url, Subject: subject, Err: errors.Join(plainly(err), keptErr)}
	}
	return known.kept, known.err
}

// isAway says whether an error is no answer of the registry, or one that says that it can't answer now.
func isAway(err error) bool {
	if _, ours := errors.AsType[*credentialsError](err); ours {
		return false
	}
	status := 0
	if answer, ok := errors.AsType[*sr.ResponseError](err); ok {
		status = answer.StatusCode
	}
	if answer, ok := errors.AsType[*foreignError](err); ok {
		status = answer.status
	}
	return status < http.StatusBadRequest || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}
