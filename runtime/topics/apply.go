package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrChanged says that a topic is not as it was when the plan was made, nor as declared: what the plan says of it does not hold any more.
var ErrChanged = errors.New("it was changed since the plan was made: make a new plan")

// Apply does what the plan says. It refuses to start when a topic is refused, or is another than when the plan was made (ErrChanged), and goes on after a
// failure with the topics that are left; the error then joins all failures, and each topic says what became of it. Applying twice is harmless. It returns
// once every broker shows what was done, so that a producer or a plan that asks any of them right after finds the topics.
func (p *Plan) Apply(ctx context.Context, cl *kgo.Client) error {
	if refused := p.Refused(); len(refused) > 0 {
		var errs []error
		for _, t := range refused {
			errs = append(errs, fmt.Errorf("topic %s: %s is %s, declared %s: %s",
				t.Name, t.Changes[0].Name, t.Changes[0].From, t.Changes[0].To, t.Changes[0].Warning))
		}
		return errors.Join(errs...)
	}
	left, err := p.left(ctx, cl)
	if err != nil {
		return err
	}
	var errs []error
	var done []*Topic
	for _, t := range left {
		if ctx.Err() != nil {
			errs = append(errs, ctx.Err())
			break
		}
		if t.failure = t.apply(ctx, cl); t.failure != nil {
			errs = append(errs, t.failure)
			continue
		}
		done = append(done, t)
	}
	if err := settle(ctx, cl, done); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// left looks at the topics again, right before the first is written, and returns those that there is something to do to.
func (p *Plan) left(ctx context.Context, cl *kgo.Client) ([]*Topic, error) {
	var left []*Topic
	for i := range p.Topics {
		if t := &p.Topics[i]; t.Action != None {
			t.failure = nil
			left = append(left, t)
		}
	}
	existing, err := describe(ctx, cl, namesOf(left))
	if err != nil {
		return nil, err
	}
	var changed []error
	left = slices.DeleteFunc(left, func(t *Topic) bool {
		now := *t
		now.compare(existing)
		if now.Action == None {
			t.Done = true // an apply before this one, or somebody else
			return true
		}
		// What an apply before this one has done of it is not there any more.
		if now.Action != t.Action || slices.ContainsFunc(now.Changes, func(c Change) bool { return !slices.Contains(t.Changes, c) }) {
			changed = append(changed, fmt.Errorf("topic %s: %w", t.Name, ErrChanged))
		}
		t.Changes = now.Changes
		return false
	})
	return left, errors.Join(changed...)
}

// apply brings one topic to its declaration, partitions first: how far it came is in the error.
func (t *Topic) apply(ctx context.Context, cl *kgo.Client) error {
	before := ""
	for _, step := range t.steps() {
		refused, err := submit(ctx, cl, []*Topic{&step.part}, false)
		if err == nil {
			err = refused[t.Name]
		}
		if t.Action == Create && errors.Is(err, kerr.TopicAlreadyExists) {
			err = t.asDeclared(ctx, cl)
		}
		if err != nil {
			return fmt.Errorf("%s topic %s%s: %w%s", t.Action, t.Name, step.what, err, before)
		}
		before = " (its partitions are " + itoa(t.Partitions) + " already)"
	}
	t.Done = true
	return nil
}

// asDeclared says whether a topic that was made meanwhile, by another apply or by somebody else, is what is declared.
func (t *Topic) asDeclared(ctx context.Context, cl *kgo.Client) error {
	existing, err := describe(ctx, cl, []string{t.Name})
	if err != nil {
		return err
	}
	now := *t
	switch now.compare(existing); now.Action {
	case None, Create: // not shown yet is not otherwise: settle waits for it
		return nil
	}
	return fmt.Errorf("somebody else made it, with %s %s: %w", now.Changes[0].Name, now.Changes[0].From, ErrChanged)
}

// step is one request about one topic.
type step struct {
	what string // of the topic; empty: all
	part Topic
}

func (t *Topic) steps() []step {
	isPartitions := func(c Change) bool { return c.Name == PartitionsChange }
	if t.growth() == nil || t.alteration() == nil {
		return []step{{part: *t}}
	}
	partitions, settings := *t, *t
	partitions.Changes = slices.DeleteFunc(slices.Clone(t.Changes), func(c Change) bool { return !isPartitions(c) })
	settings.Changes = slices.DeleteFunc(slices.Clone(t.Changes), isPartitions)
	return []step{{": partitions", partitions}, {": settings", settings}}
}

func namesOf(topics []*Topic) []string {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	return names
}

func withMessage(err error, message string) error {
	if err == nil || message == "" || strings.Contains(err.Error(), message) {
		return err
	}
	return fmt.Errorf("%w: %s", err, message)
}
