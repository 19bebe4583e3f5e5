package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// Action is what has to be done to a subject.
type Action string

// The actions of a plan.
const (
	Create  Action = "create"  // the subject is new
	Update  Action = "update"  // it gets a new version, another compatibility level, or both
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
	Subject string `json:"subject"`
	// Registry is the address of the subject's, where a program has plans for several; the package leaves it empty.
	Registry string     `json:"registry,omitempty"`
	Type     SchemaType `json:"type"`
	Action   Action     `json:"action"`
	Version  int        `json:"version,omitempty"`
	ID       int        `json:"id,omitempty"`
	// Digest is that of the declared schema; empty: it is not known.
	Digest string `json:"digest,omitempty"`
	// Newest is the version that was the newest when the plan was made; 0: there was none.
	Newest int `json:"newest,omitempty"`
	// Compatibility is how the level is to change; its zero value: not.
	Compatibility LevelChange `json:"compatibility,omitzero"`
	// Reason says why the schema is refused.
	Reason     string   `json:"reason,omitempty"`
	References []string `json:"references,omitempty"`
	// Done says, after [Client.Apply], that the subject is as declared where something had to be done.
	Done bool `json:"done,omitempty"`

	declared Subject
	schema   bool // that is, the schema too, and not only the level
}

// LevelChange is how a subject's compatibility level is to change.
type LevelChange struct {
	From string `json:"from"` // empty: it has none yet
	To   string `json:"to"`
}

// Empty says that every subject is as declared.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Subjects, func(s PlannedSubject) bool { return s.Action != None })
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
//
// It asks once for each subject's newest version, and once for its level where [WithCompatibility] names one. Of a subject whose schema changes it also
// reads the older versions and what they refer to, and asks the registry whether it takes the new one.
func (c *Client) Plan(ctx context.Context, subjects []Subject) (*Plan, error) {
	ordered, err := referencesFirst(subjects)
	if err != nil {
		return nil, err
	}
	p := planner{Client: c, declared: map[string]Subject{}, planned: map[string]PlannedSubject{}, versions: map[subjectVersion]sr.SubjectSchema{}}
	for _, s := range ordered {
		p.declared[s.Name] = s
	}
	plan := &Plan{Subjects: make([]PlannedSubject, 0, len(ordered))}
	for _, s := range ordered {
		change, err := p.plan(ctx, s)
		if err != nil {
			return nil, err
		}
		p.planned[s.Name] = change
		plan.Subjects = append(plan.Subjects, change)
	}
	return plan, nil
}

// planner makes one plan. What it has read it does not read again.
type planner struct {
	*Client
	declared map[string]Subject
	planned  map[string]PlannedSubject
	versions map[subjectVersion]sr.SubjectSchema
	global   string // level of the registry; empty: not asked yet
}

type subjectVersion struct {
	subject string
	version int
}

const newest = -1

func (p *planner) plan(ctx context.Context, s Subject) (PlannedSubject, error) {
	change := PlannedSubject{Subject: s.Name, Type: s.Type, Digest: s.Digest, declared: s, schema: true}
	for _, r := range s.References {
		change.References = append(change.References, r.Subject)
	}
	latest, err := p.version(ctx, s.Name, newest)
	if isNotFound(err) {
		change.Action = Create
		change.Compatibility.To = p.level
		return change, nil
	}
	if err != nil {
		return PlannedSubject{}, fmt.Errorf("newest version of subject %s at %s: %w", s.Name, p.url, err)
	}
	change.Action, change.Newest = Update, latest.Version
	if p.level != "" {
		level, err := p.levelOf(ctx, s.Name)
		if err != nil {
			return PlannedSubject{}, err
		}
		if level != p.level {
			change.Compatibility = LevelChange{level, p.level}
		}
	}
	next := Stored{Subject: s.Name, Type: s.Type, Schema: s.Schema, References: s.References}
	if p.holds(latest, next) || p.rewritten(ctx, s, latest) {
		change.schema, change.Version, change.ID = false, latest.Version, latest.ID
		if change.Compatibility == (LevelChange{}) {
			change.Action = None
		}
		return change, nil
	}
	if found := typeFromSR(latest.Type); found != s.Type {
		return refuse(change, fmt.Sprintf("the subject holds %s, the declared schema is %s: take a new topic for another encoding", found, s.Type)), nil
	}
	return p.judge(ctx, change, next, latest)
}

// judge says whether a subject can get its declared schema.
func (p *planner) judge(ctx context.Context, change PlannedSubject, next Stored, latest sr.SubjectSchema) (PlannedSubject, error) {
	older, err := p.older(ctx, latest)
	if err != nil {
		return PlannedSubject{}, err
	}
	for _, v := range older {
		if p.holds(v, next) {
			return refuse(change, fmt.Sprintf("version %d holds this very schema, and registering it again does not make it the newest: change it, if only in a description", v.Version)), nil
		}
	}
	if p.gate != nil {
		var versions []Stored
		for _, v := range append(older, latest) {
			s, err := p.withTexts(ctx, v, p.version)
			if err != nil {
				return PlannedSubject{}, err
			}
			versions = append(versions, s)
		}
		if next.Texts, err = p.declaredTexts(ctx, change.declared); err != nil {
			return PlannedSubject{}, err
		}
		if err := p.gate(ctx, next, versions); err != nil {
			return refuse(change, err.Error()), nil
		}
	}
	return p.askRegistry(ctx, change)
}

// older returns a subject's versions before the newest, oldest first.
func (p *planner) older(ctx context.Context, latest sr.SubjectSchema) ([]sr.SubjectSchema, error) {
	if latest.Version == 1 {
		return nil, nil
	}
	numbers, err := p.numbers(ctx, latest.Subject)
	if err != nil {
		return nil, fmt.Errorf("versions of subject %s at %s: %w", latest.Subject, p.url, err)
	}
	var out []sr.SubjectSchema
	for _, n := range numbers {
		if n == latest.Version {
			continue
		}
		v, err := p.version(ctx, latest.Subject, n)
		if err != nil {
			return nil, fmt.Errorf("version %d of subject %s at %s: %w", n, latest.Subject, p.url, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// version reads a version of a subject, once.
func (p *planner) version(ctx context.Context, subject string, version int) (sr.SubjectSchema, error) {
	if s, ok := p.versions[subjectVersion{subject, version}]; ok {
		return s, nil
	}
	s, err := p.fetch(ctx, subject, version)
	if err == nil {
		p.versions[subjectVersion{subject, version}] = s
		p.versions[subjectVersion{subject, s.Version}] = s
	}
	return s, err
}

// holds says whether a version is the declared schema and refers to what that refers to, in the versions that are declared now.
func (p *planner) holds(v sr.SubjectSchema, next Stored) bool {
	if typeFromSR(v.Type) != next.Type || len(v.References) != len(next.References) || !p.same(fromSR(v), next) {
		return false
	}
	return !slices.ContainsFunc(v.References, func(r sr.SchemaReference) bool {
		if !slices.Contains(next.References, Reference{Name: r.Name, Subject: r.Subject}) {
			return true
		}
		target, ours := p.planned[r.Subject]
		return ours && (target.schema || target.Version != r.Version)
	})
}

// declaredTexts returns what a declared schema refers to, directly or not; subjects that are not declared as the registry has them.
func (p *planner) declaredTexts(ctx context.Context, s Subject) (map[string]string, error) {
	out := map[string]string{}
	var add func(refs []Reference) error
	add = func(refs []Reference) error {
		for _, r := range refs {
			if _, ok := out[r.Name]; ok {
				continue
			}
			if target, ours := p.declared[r.Subject]; ours {
				out[r.Name] = target.Schema
				if err := add(target.References); err != nil {
					return err
				}
				continue
			}
			if err := texts(ctx, []sr.SchemaReference{{Name: r.Name, Subject: r.Subject, Version: newest}}, out, p.version); err != nil {
				return err
			}
		}
		return nil
	}
	if err := add(s.References); err != nil {
		return nil, fmt.Errorf("references of subject %s at %s: %w", s.Name, p.url, err)
	}
	return out, nil
}

// askRegistry lets the registry judge by its own compatibility level. A schema whose references change in the same
// plan can't be judged before they are written, nor one whose level does: there the gate alone stands, and the registry at
// the time of writing.
func (p *planner) askRegistry(ctx context.Context, change PlannedSubject) (PlannedSubject, error) {
	if change.Compatibility != (LevelChange{}) {
		return change, nil
	}
	for _, r := range change.declared.References {
		if target, ours := p.planned[r.Subject]; ours && target.schema {
			return change, nil
		}
	}
	schema, err := p.toSR(ctx, change.declared, p.version)
	if err != nil {
		return PlannedSubject{}, err
	}
	compatible, messages, err := p.compare(ctx, change.Subject, schema)
	if re, ok := errors.AsType[*sr.ResponseError](err); ok && isHelpless(re.StatusCode, re.ErrorCode) && p.gate != nil {
		// The gate alone stands.
		return change, nil
	}
	if err != nil {
		return PlannedSubject{}, fmt.Errorf("check subject %s at %s: %w", change.Subject, p.url, err)
	}
	if !compatible {
		reason := reasonOf(strings.Join(messages, "; "))
		if reason == "" {
			reason = "the registry says that it is not compatible with the newest version, and nothing more"
		}
		return refuse(change, reason), nil
	}
	return change, nil
}

// levelOf is the level at which the registry judges a subject; one that has none of its own has the registry's, which is asked for once.
func (p *planner) levelOf(ctx context.Context, subject string) (string, error) {
	level, err := p.ownLevel(ctx, subject)
	if level == "" && err == nil {
		if p.global == "" {
			p.global, err = p.globalLevel(ctx)
		}
		level = p.global
	}
	if err != nil {
		return "", fmt.Errorf("compatibility level of subject %s at %s: %w", subject, p.url, err)
	}
	return level, nil
}

func refuse(c PlannedSubject, reason string) PlannedSubject {
	c.Action, c.Reason = Refused, reason
	return c
}

func parseLevel(level string) (sr.CompatibilityLevel, error) {
	var l sr.CompatibilityLevel
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return l, fmt.Errorf("compatibility level %q: %w", level, err)
	}
	return l, nil
}

// Subjects returns the names of all subjects of the context, sorted.
func (c *Client) Subjects(ctx context.Context) ([]string, error) {
	names, err := c.sr.Subjects(ctx)
	if err != nil {
		return nil, fmt.Errorf("list subjects at %s: %w", c.url, c.explained(err))
	}
	isQualified := func(name string) bool { return strings.HasPrefix(name, ":.") }
	bare := c.context == "" || !slices.ContainsFunc(names, isQualified)
	own := names[:0]
	for _, name := range names {
		if local, ours := strings.CutPrefix(name, c.context); !isQualified(name) && bare || isQualified(name) && c.context != "" && ours {
			own = append(own, local)
		}
	}
	slices.Sort(own)
	return own, nil
}

// toSR resolves the references to the newest versions that the registry has of them.
func (c *Client) toSR(ctx context.Context, s Subject, get getVersion) (sr.Schema, error) {
	t, err := typeToSR(s.Type)
	if err != nil {
		return sr.Schema{}, fmt.Errorf("subject %s: %w", s.Name, err)
	}
	out := sr.Schema{Schema: s.Schema, Type: t}
	for _, r := range s.References {
		ref, err := get(ctx, r.Subject, newest)
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
