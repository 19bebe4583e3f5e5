package registry

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Checker judges a schema before it is stored.
type Checker interface {
	// Check returns what makes next incompatible with versions (oldest first, empty for a new subject) at the level,
	// such as FULL_TRANSITIVE; nothing when it is compatible. An error means that next is not a valid schema. Texts of
	// both carry what their references hold.
	Check(ctx context.Context, level string, versions []Candidate, next Candidate) ([]string, error)
}

// Candidate is a schema with the texts of everything that it refers to, by reference name.
type Candidate struct {
	Subject, Type, Schema string
	Texts                 map[string]string
}

// checks runs a checker for a bounded time. One that does not end by then goes on for itself; there are never more at once than slots.
type checks struct {
	checker Checker
	limit   time.Duration
	slots   chan struct{}
}

func newChecks(checker Checker, limit time.Duration) *checks {
	return &checks{checker, limit, make(chan struct{}, 4+runtime.GOMAXPROCS(0))}
}

// run judges next by what it is based on.
func (c *checks) run(ctx context.Context, next *Schema, on basis) ([]string, error) {
	for _, old := range on.candidates {
		if old.Type != next.Type {
			return []string{fmt.Sprintf("the subject holds %s, the new schema is %s", old.Type, next.Type)}, nil
		}
	}
	messages, err := bounded(ctx, c, func(ctx context.Context) ([]string, error) {
		messages, err := c.checker.Check(ctx, on.level, on.candidates, on.next)
		if err != nil {
			err = fail(invalidSchema, "not a valid %s schema: %v", next.Type, err)
		}
		return messages, err
	})
	if errors.Is(err, errLate) {
		err = fail(50002, "it can't be told within %s whether the schema is compatible with subject %q at level %s", c.limit, next.Subject, on.level)
	}
	return messages, err
}

var errLate = errors.New("the schema could not be read in time")

// bounded does work with a schema, and goes on without it once that takes too long, with errLate.
func bounded[T any](ctx context.Context, c *checks, work func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	var none T
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return none, errLate
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			<-c.slots
			if broken := recover(); broken != nil {
				done <- result{none, fail(50001, "the check of the schema broke: %v", broken)}
			}
		}()
		value, err := work(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		if ctx.Err() != nil {
			return none, errLate
		}
		return r.value, r.err
	case <-ctx.Done():
		return none, errLate
	}
}

// basis is what a schema is judged by: as long as it is the same, so is the verdict.
type basis struct {
	level      string
	next       Candidate
	candidates []Candidate // oldest first
	schemas    []*Schema   // all that went into it
}

func (b basis) equal(o basis) bool { return b.level == o.level && slices.Equal(b.schemas, o.schemas) }

// basisOf is what next is judged by: against the version that is asked for, or else against those of its subject that the level looks at.
func (s *state) basisOf(next, asked *Schema) (basis, error) {
	b := basis{level: s.levelOf(next.Subject)}
	var versions []*Schema
	switch {
	case b.level == "NONE":
	case asked != nil:
		versions = []*Schema{asked}
	case strings.HasSuffix(b.level, "_TRANSITIVE"):
		versions = s.versions(next.Subject, false)
	default:
		if newest := s.find(next.Subject, latest, false); newest != nil {
			versions = []*Schema{newest}
		}
	}
	candidate := func(v *Schema, deleted bool) (Candidate, error) {
		c := Candidate{Subject: v.Subject, Type: v.Type, Schema: v.Schema, Texts: map[string]string{}}
		return c, s.resolve(v.References, deleted, c.Texts, &b.schemas)
	}
	var err error
	if b.next, err = candidate(next, false); err != nil {
		return basis{}, err
	}
	for _, v := range versions {
		old, err := candidate(v, true)
		if err != nil {
			return basis{}, err
		}
		b.candidates, b.schemas = append(b.candidates, old), append(b.schemas, v)
	}
	return b, nil
}

// resolve takes the texts of references, direct and not, and notes the schemas they are of.
func (s *state) resolve(refs []Reference, deleted bool, into map[string]string, found *[]*Schema) error {
	for _, r := range refs {
		if _, ok := into[r.Name]; ok {
			continue
		}
		v := s.find(r.Subject, r.Version, deleted)
		if v == nil {
			return fail(invalidSchema, "reference %q: version %d of subject %q is not registered", r.Name, r.Version, r.Subject)
		}
		into[r.Name] = v.Schema
		*found = append(*found, v)
		if err := s.resolve(v.References, true, into, found); err != nil {
			return err
		}
	}
	return nil
}

var levels = []string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}

func checkLevel(level string) error {
	if slices.Contains(levels, level) {
		return nil
	}
	return fail(42203, "compatibility level %q: one of %s", level, strings.Join(levels, ", "))
}
