package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/omninode/trestle/runtime/kafka"
)

// ErrChanged says that a subject is not as it was when the plan was made, nor as declared: what the plan says of it does not hold any more.
var ErrChanged = errors.New("it was changed since the plan was made: make a new plan")

// Apply writes what the plan says, references first, and notes versions and ids in the plan. A subject that is there gets its compatibility level before
// its schema, a new one after it. When any subject is refused it writes nothing and returns an [*IncompatibleError]. It ends with the first failure, such
// as ErrChanged, and a new plan does what is left.
func (c *Client) Apply(ctx context.Context, p *Plan) error {
	if refused := p.Refused(); len(refused) > 0 {
		return &IncompatibleError{Subjects: refused}
	}
	registered := map[string]int{} // versions, by subject
	get := func(ctx context.Context, subject string, version int) (sr.SubjectSchema, error) {
		if known, ok := registered[subject]; ok && version == newest {
			return sr.SubjectSchema{Version: known}, nil // a node of the registry may not know it yet
		}
		return c.fetch(ctx, subject, version)
	}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		if s.Action == None || s.Done {
			continue
		}
		if err := c.apply(ctx, s, get); err != nil {
			return err
		}
		s.Done, registered[s.Subject] = true, s.Version
	}
	return nil
}

func (c *Client) apply(ctx context.Context, s *PlannedSubject, get getVersion) error {
	level := ""
	setLevel := func() error {
		if s.Compatibility.To == "" {
			return nil
		}
		if err := c.setLevel(ctx, s.Subject, s.Compatibility.To); err != nil {
			return err
		}
		level = " (its compatibility level is " + s.Compatibility.To + " already)"
		return nil
	}
	var said contract
	if s.schema {
		var err error
		if said, err = c.unchanged(ctx, s); err != nil {
			return fmt.Errorf("subject %s at %s: %w", s.Subject, c.url, err)
		}
	}
	if s.Action == Update {
		if err := setLevel(); err != nil {
			return err
		}
	}
	if s.schema {
		if err := c.register(ctx, s, said, get); err != nil {
			return fmt.Errorf("register %w%s", err, level)
		}
	}
	if s.Action == Create {
		if err := setLevel(); err != nil {
			return fmt.Errorf("%w (it has its schema already)", err)
		}
	}
	return nil
}

// unchanged says whether a subject's newest version is that of the plan, and returns its contract; where somebody else has registered the very schema
// meanwhile, no harm is done.
func (c *Client) unchanged(ctx context.Context, s *PlannedSubject) (contract, error) {
	latest, said, err := c.newestVersion(ctx, s.Subject)
	if err != nil && !isNotFound(err) {
		return said, err
	}
	if latest.Version != s.Newest && !(typeFromSR(latest.Type) == s.Type && c.same(fromSR(latest), Stored{Type: s.Type, Schema: s.declared.Schema})) {
		return said, fmt.Errorf("its newest version was %d and is %d: %w", s.Newest, latest.Version, ErrChanged)
	}
	return said, nil
}

func (c *Client) register(ctx context.Context, s *PlannedSubject, said contract, get getVersion) error {
	schema, err := c.toSR(ctx, s.declared, get)
	if err != nil {
		return err
	}
	id, err := c.post(ctx, s.Subject, schema, said)
	if re, ok := errors.AsType[*sr.ResponseError](err); ok && re.StatusCode == http.StatusConflict {
		return &IncompatibleError{Subjects: []PlannedSubject{refuse(*s, reasonOf(re.Message))}}
	}
	if err != nil {
		return fmt.Errorf("subject %s at %s: %w", s.Subject, c.url, err)
	}
	latest, err := c.readBack(ctx, s.Subject, id)
	if err != nil {
		return fmt.Errorf("subject %s at %s: it was taken, and can't be read back: %w", s.Subject, c.url, err)
	}
	if latest.ID != id {
		return fmt.Errorf("subject %s at %s: its schema was taken with id %d, and the newest version has %d: %w", s.Subject, c.url, id, latest.ID, ErrChanged)
	}
	s.ID, s.Version = id, latest.Version
	return nil
}

// readBack reads a subject's newest version, which should have an id. A registry's nodes follow the one that writes, so that one may not know it at once.
func (c *Client) readBack(ctx context.Context, subject string, id int) (sr.SubjectSchema, error) {
	for attempt := 1; ; attempt++ {
		latest, err := c.fetch(ctx, subject, newest)
		behind := isNotFound(err) || err == nil && latest.ID != id
		if !behind || attempt == maxAttempts || kafka.Sleep(ctx, c.between.After(attempt)) != nil {
			return latest, err
		}
	}
}

func (c *Client) setLevel(ctx context.Context, subject, level string) error {
	if err := c.setOwnLevel(ctx, subject, level); err != nil {
		return fmt.Errorf("set compatibility of subject %s at %s: %w", subject, c.url, err)
	}
	return nil
}
