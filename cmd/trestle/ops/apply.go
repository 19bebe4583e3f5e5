package ops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/topics"
)

// ErrRefused says that a plan has something that can't be done, or needs a flag; nothing of it was done.
var ErrRefused = errors.New("nothing was changed")

// UnfinishedError says that applying a plan has failed, and how far it came.
type UnfinishedError struct {
	// Done is what was done. Left is what was not, or of which that is not known: a request that got no answer may have been heeded.
	Done, Left []PlannedChange
	Err        error
}

// leftShown is how many names an error has of each kind; the plan has all.
const leftShown = 10

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%v; done: %s; not done, as far as is known: %s; a new plan does the rest", e.Err, namesText(e.Done), namesText(e.Left))
}

// Unwrap returns what failed.
func (e *UnfinishedError) Unwrap() error { return e.Err }

func namesText(changes []PlannedChange) string {
	if len(changes) == 0 {
		return "nothing"
	}
	var names []string
	for _, c := range changes[:min(len(changes), leftShown)] {
		names = append(names, c.Kind+" "+c.Title())
	}
	text := strings.Join(names, ", ")
	if more := len(changes) - leftShown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Apply does what the plan says. Where something of it is refused, or needs a flag that is not among the allowed ones, it does nothing, and the error is an
// ErrRefused that says why; only ACLs that nobody declares are left without their flag, and the rest is done. It begins with the subjects, goes on with the topics
// and the ACLs and ends with the users, and does not come to the next where one of them fails. What fails later is an *UnfinishedError;
// a new plan does what is left. Whatever comes of it, the plan's changes say what was done.
func (p *Plan) Apply(ctx context.Context, allowed []string) error {
	if refused := p.Refused(); len(refused) > 0 {
		return fmt.Errorf("%w: %s %s is refused: %s", ErrRefused, refused[0].Kind, refused[0].Title(), refused[0].Reason)
	}
	remove := slices.Contains(allowed, RemoveUndeclared)
	idle := true
	for _, c := range p.Changes {
		if c.Needs == RemoveUndeclared && !remove {
			continue // it is left as it is
		}
		idle = idle && c.Action == string(topics.None)
		var lacking []string
		for _, flag := range strings.Fields(c.Needs) {
			if !slices.Contains(allowed, flag) {
				lacking = append(lacking, flag)
			}
		}
		if len(lacking) > 0 {
			return fmt.Errorf("%w: %s %s: %s: say so with %s", ErrRefused, c.Kind, c.Name, c.Reason, strings.Join(lacking, " "))
		}
	}
	if idle {
		return nil
	}
	if err := p.makeAuditTopic(ctx); err != nil {
		return err
	}
	if err := p.env.audit.begin(ctx); err != nil {
		return err
	}
	err := p.applySubjects(ctx)
	if err == nil {
		err = p.applyTopics(ctx)
	}
	if err == nil {
		err = p.applyRights(ctx, remove)
	}
	if err == nil {
		err = p.applyUsers(ctx)
	}
	p.note()
	if err == nil {
		return nil
	}
	unfinished := &UnfinishedError{Err: err}
	for _, c := range p.Changes {
		switch {
		case c.Done:
			unfinished.Done = append(unfinished.Done, c)
		case c.Action != string(topics.None) && (remove || c.Needs != RemoveUndeclared):
			unfinished.Left = append(unfinished.Left, c)
		}
	}
	return unfinished
}

// note has the plan's changes say what was done.
func (p *Plan) note() {
	done := map[[3]string]bool{}
	for _, r := range p.registries {
		for _, s := range r.subjects.Subjects {
			done[[3]string{"subject", s.Subject, s.Registry}] = s.Done
		}
	}
	if p.topics != nil {
		for _, t := range p.topics.Topics {
			done[[3]string{"topic", t.Name}] = t.Done
		}
	}
	if p.rights != nil {
		for _, b := range p.rights.Bindings {
			done[[3]string{"acl", b.String()}] = b.Done
		}
	}
	for _, u := range p.users {
		done[[3]string{"user", u.name}] = u.done
	}
	for i, c := range p.Changes {
		p.Changes[i].Done = done[[3]string{c.Kind, c.Name, c.Registry}]
	}
}

// applySubjects brings one registry after the other to the plan, and ends with the first that fails.
func (p *Plan) applySubjects(ctx context.Context) error {
	for _, r := range p.registries {
		if err := p.applyRegistry(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) applyRegistry(ctx context.Context, r plannedRegistry) error {
	err := r.client.Apply(ctx, r.subjects)
	var changes []change
	for _, s := range r.subjects.Subjects {
		if !s.Done {
			continue
		}
		c := change{what: p.command, target: "subject " + plannedSubject(s).Title(), after: subjectState(s.Version, s.ID, s.Compatibility.To), plan: p.State}
		if s.Action == registry.Update {
			c.before = subjectState(s.Newest, 0, s.Compatibility.From)
		}
		changes = append(changes, c)
	}
	return errors.Join(err, p.env.audit.add(ctx, changes...))
}

// subjectState is what is written down of a subject.
func subjectState(version, id int, level string) map[string]any {
	state := map[string]any{"version": version}
	if id > 0 {
		state["id"] = id
	}
	if level != "" {
		state["compatibility"] = level
	}
	return state
}

func (p *Plan) applyTopics(ctx context.Context) error {
	if p.topics == nil || p.topics.Empty() {
		return nil
	}
	cl, err := p.env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	err = p.topics.Apply(ctx, cl)
	var changes []change
	for _, t := range p.topics.Topics {
		if t.Done || t.Failure() != nil {
			changes = append(changes, p.topicChange(t))
		}
	}
	return errors.Join(err, p.env.audit.add(ctx, changes...))
}

// topicChange is what was done to a topic; with an error it may not have been.
func (p *Plan) topicChange(t topics.Topic) change {
	before, after := map[string]string{}, map[string]string{}
	for _, c := range t.Changes {
		before[c.Name], after[c.Name] = c.From, c.To
	}
	out := change{what: p.command, target: "topic " + t.Name, before: before, after: after, plan: p.State}
	if t.Action == topics.Create {
		after["partitions"] = fmt.Sprint(t.Partitions)
		maps.Copy(after, t.Config)
		out.before = nil
	}
	if err := t.Failure(); err != nil {
		after["error"] = err.Error()
	}
	return out
}
