package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/event"
)

// SchemaIDs finds the id of the schema an event is written with: the newest version of its subject. It asks the
// registry once a subject and remembers the answer for five minutes; when the registry is away it goes on with what
// it knows. It is safe for concurrent use, and what event.WithSchemaIDs takes.
type SchemaIDs struct {
	client *Client
	now    func() time.Time

	mu    sync.Mutex
	known map[string]knownID
}

type knownID struct {
	id    int
	asked time.Time
}

const rememberFor = 5 * time.Minute

// NewSchemaIDs returns ids from the client's registry.
func NewSchemaIDs(c *Client) *SchemaIDs {
	return &SchemaIDs{client: c, now: time.Now, known: map[string]knownID{}}
}

// SchemaID returns the id for an event type. It fails when the subject is not registered, or the registry is away and
// never answered.
func (s *SchemaIDs) SchemaID(ctx context.Context, info *event.EventInfo) (int, error) {
	if info.Topic == nil {
		return 0, fmt.Errorf("event type %s has no topic, and so no subject", info.Type)
	}
	subject := SubjectName(info.Topic, info.Type)
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.known[subject]
	if ok && s.now().Sub(known.asked) < rememberFor {
		return known.id, nil
	}
	latest, err := s.client.sr.SchemaByVersion(ctx, subject, -1)
	switch {
	case err == nil:
		s.known[subject] = knownID{latest.ID, s.now()}
		return latest.ID, nil
	case ok && !isNotFound(err):
		s.known[subject] = knownID{known.id, s.now()} // so that not every event waits for a registry that is away
		return known.id, nil
	case isNotFound(err):
		return 0, fmt.Errorf("subject %s is not registered at %s: run trestle register?", subject, s.client.url)
	}
	return 0, fmt.Errorf("schema id of subject %s at %s: %w", subject, s.client.url, err)
}
