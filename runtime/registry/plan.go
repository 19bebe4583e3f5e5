package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// Action is what has to be done to a subject.
type Action string

// The actions of a plan.
const (
	Create  Action = "create"  // the subject is new
	Update  Action = "update"  // it gets a new version
	None    Action = "none"    // its newest version is the declared one
	Refused Action = "refused" // the declared schema is not compatible with what is stored
)

// Plan says what has to be done to each subject, references first.
type Plan struct {
	Subjects []PlannedSubject `json:"subjects"`
}

// PlannedSubject is one subject of a plan, and what has to be done to it. After [Client.Apply] it carries the version and
// id that it has now.
type PlannedSubject struct {
	Subject string     `json:"subject"`
	Type    SchemaType `json:"type"`
	Action  Action     `json:"action"`
	Version int        `json:"version,omitempty"`
	ID      int        `json:"id,omitempty"`
	// Reason says why the schema is refused.
	Reason     string   `json:"reason,omitempty"`
	References []string `json:"references,omitempty"`

	declared Subject
}

// Empty says that every subject is as declared.
func (p *Plan) Empty() bool {
	for _, c := range p.Subjects {
		if c.Action != None {
			return false
		}
	}
	return true
}

// Refused returns the subjects whose schema is refused.
func (p *Plan) Refused() []PlannedSubject {
	var out []PlannedSubject
	for _, c := range p.Subjects {
		if c.Action == Refused {
			out = append(out, c)
		}
	}
	return out
}

// Plan compares the declared subjects with the registry's. It writes nothing. A schema that the registry or the gate
// does not accept is an action, [Refused], not an error.
func (c *Client) Plan(ctx context.Context, subjects []Subject) (*Plan, error) {
	ordered, err := referencesFirst(subjects)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(ordered))
	for _, s := range ordered {
		texts[s.Name] = s.Schema
	}
	changed := map[string]bool{}
	plan := &Plan{Subjects: make([]PlannedSubject, 0, len(ordered))}
	for _, s := range ordered {
		change, err := c.plan(ctx, s, texts, changed)
		if err != nil {
			return nil, err
		}
		changed[s.Name] = change.Action != None
		plan.Subjects = append(plan.Subjects, change)
	}
	return plan, nil
}

func (c *Client) plan(ctx context.Context, s Subject, texts map[string]string, changed map[string]bool) (PlannedSubject, error) {
	change := PlannedSubject{Subject: s.Name, Type: s.Type, declared: s}
	next := Stored{Subject: s.Name, Type: s.Type, Schema: s.Schema, References: s.References, Texts: map[string]string{}}
	refsChanged := false
	for _, r := range s.References {
		change.References = append(change.References, r.Subject)
		refsChanged = refsChanged || changed[r.Subject]
		next.Texts[r.Name] = texts[r.Subject]
	}
	versions, err := c.Versions(ctx, s.Name)
	if err != nil {
		return PlannedSubject{}, err
	}
	if len(versions) == 0 {
		change.Action = Create
		return change, nil
	}
	latest := versions[len(versions)-1]
	if latest.Type == s.Type && !refsChanged && c.same(latest, next) {
		change.Action, change.Version, change.ID = None, latest.Version, latest.ID
		return change, nil
	}
	change.Action = Update
	if latest.Type != s.Type {
		return refuse(change, fmt.Sprintf("the subject holds %s, the declared schema is %s: take a new topic for another encoding", latest.Type, s.Type)), nil
	}
	if c.gate != nil {
		if err := c.gate(ctx, next, versions); err != nil {
			return refuse(change, err.Error()), nil
		}
	}
	return c.askRegistry(ctx, change, refsChanged)
}

// askRegistry lets the registry judge by its own compatibility level. A schema whose references change in the same
// plan can't be judged before they are written: there the gate alone stands, and the registry at the time of writing.
func (c *Client) askRegistry(ctx context.Context, change PlannedSubject, refsChanged bool) (PlannedSubject, error) {
	if refsChanged {
		return change, nil
	}
	schema, err := c.toSR(ctx, change.declared)
	if err != nil {
		return PlannedSubject{}, err
	}
	ctx = sr.WithParams(ctx, sr.Verbose)
	result, err := c.sr.CheckCompatibility(ctx, change.Subject, -1, schema)
	if re, ok := errors.AsType[*sr.ResponseError](err); ok && re.StatusCode >= 500 && c.gate != nil {
		// The registry can't judge this schema, as Apicurio can't JSON Schema drafts after 7: the gate alone stands.
		return change, nil
	}
	if err != nil {
		return PlannedSubject{}, fmt.Errorf("check subject %s at %s: %w", change.Subject, c.url, err)
	}
	if !result.Is {
		reason := strings.Join(result.Messages, "; ")
		if reason == "" {
			reason = "the registry says that it is not compatible with the newest version, and nothing more"
		}
		return refuse(change, reason), nil
	}
	return change, nil
}

func refuse(c PlannedSubject, reason string) PlannedSubject {
	c.Action, c.Reason = Refused, reason
	return c
}

// Apply writes what the plan says, references first, and notes versions and ids in the plan. When any subject is
// refused it writes nothing and returns an [*IncompatibleError].
func (c *Client) Apply(ctx context.Context, p *Plan) error {
	if refused := p.Refused(); len(refused) > 0 {
		return &IncompatibleError{Subjects: refused}
	}
	for i := range p.Subjects {
		change := &p.Subjects[i]
		if change.Action == None {
			continue
		}
		schema, err := c.toSR(ctx, change.declared)
		if err != nil {
			return err
		}
		id, err := c.sr.RegisterSchema(ctx, change.Subject, schema, -1, -1)
		if err != nil {
			var re *sr.ResponseError
			if errors.As(err, &re) && re.StatusCode == http.StatusConflict {
				return &IncompatibleError{Subjects: []PlannedSubject{refuse(*change, re.Message)}}
			}
			return fmt.Errorf("register subject %s at %s: %w", change.Subject, c.url, err)
		}
		latest, err := c.sr.SchemaByVersion(ctx, change.Subject, -1)
		if err != nil {
			return fmt.Errorf("read subject %s back from %s: %w", change.Subject, c.url, err)
		}
		change.ID, change.Version = id, latest.Version
	}
	return nil
}

// CheckLevel says what is wrong with the name of a compatibility level; an empty one is none.
func CheckLevel(level string) error {
	if level == "" {
		return nil
	}
	_, err := parseLevel(level)
	return err
}

func parseLevel(level string) (sr.CompatibilityLevel, error) {
	var l sr.CompatibilityLevel
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return l, fmt.Errorf("compatibility level %q: %w", level, err)
	}
	return l, nil
}

// Subjects returns the names of all subjects, sorted.
func (c *Client) Subjects(ctx context.Context) ([]string, error) {
	names, err := c.sr.Subjects(ctx)
	if err != nil {
		return nil, fmt.Errorf("list subjects at %s: %w", c.url, err)
	}
	slices.Sort(names)
	return names, nil
}

// SetCompatibility sets the level at which the registry itself judges, for all subjects of the plan: BACKWARD,
// FULL_TRANSITIVE and so on.
func (c *Client) SetCompatibility(ctx context.Context, p *Plan, level string) error {
	l, err := parseLevel(level)
	if err != nil {
		return err
	}
	for _, change := range p.Subjects {
		for _, r := range c.sr.SetCompatibility(ctx, sr.SetCompatibility{Level: l}, change.Subject) {
			if r.Err != nil {
				return fmt.Errorf("set compatibility of subject %s at %s: %w", change.Subject, c.url, r.Err)
			}
		}
	}
	return nil
}

// toSR resolves the references to the newest versions that the registry has of them.
func (c *Client) toSR(ctx context.Context, s Subject) (sr.Schema, error) {
	t, err := typeToSR(s.Type)
	if err != nil {
		return sr.Schema{}, fmt.Errorf("subject %s: %w", s.Name, err)
	}
	out := sr.Schema{Schema: s.Schema, Type: t}
	for _, r := range s.References {
		ref, err := c.sr.SchemaByVersion(ctx, r.Subject, -1)
		if err != nil {
			return sr.Schema{}, fmt.Errorf("subject %s: reference %s (subject %s) at %s: %w", s.Name, r.Name, r.Subject, c.url, err)
		}
		out.References = append(out.References, sr.SchemaReference{Name: r.Name, Subject: r.Subject, Version: ref.Version})
	}
	return out, nil
}

// IncompatibleError says which subjects refused a schema, and why.
type IncompatibleError struct{ Subjects []PlannedSubject }

// Error names every refused subject with the reason.
func (e *IncompatibleError) Error() string {
	parts := make([]string, len(e.Subjects))
	for i, c := range e.Subjects {
		parts[i] = "subject " + c.Subject + ": " + c.Reason
	}
	return "not compatible: " + strings.Join(parts, "; ")
}
