package ops

import (
	"context"
	"errors"
	"slices"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/registry"
)

// PlanSubjects says what [Register] would write; it writes nothing. A schema that breaks a stored version, by Trestle's
// own check or by the registry's level, is refused: then the error is a *[registry.IncompatibleError], and the plan is
// returned with it.
func PlanSubjects(ctx context.Context, p *Project, env Environment) (*registry.Plan, error) {
	_, plan, err := planSubjects(ctx, p, env)
	return plan, err
}

// Register writes a version of each subject whose schema differs from the newest one, references first, and sets the
// environment's compatibility level where it names one. Where [PlanSubjects] refuses a schema nothing is written. The plan
// is returned with an error that comes after it.
func Register(ctx context.Context, p *Project, env Environment) (*registry.Plan, error) {
	client, plan, err := planSubjects(ctx, p, env)
	if err != nil {
		return plan, err
	}
	return plan, registerIn(ctx, env, client, plan, "register", "")
}

// registerIn writes what a plan says, and has that written down.
func registerIn(ctx context.Context, env Environment, client *registry.Client, plan *registry.Plan, what, state string) error {
	if err := env.audit.begin(); err != nil {
		return err
	}
	was := slices.Clone(plan.Subjects)
	err := registerAs(ctx, client, plan, env.Compatibility)
	var changes []change
	for i, s := range plan.Subjects {
		if was[i].Action == registry.None || s.ID == 0 { // nothing was to be done, or it did not come to that
			continue
		}
		c := change{what: what, target: "subject " + s.Subject, after: map[string]int{"version": s.Version, "id": s.ID}, plan: state}
		if was[i].Action == registry.Update {
			c.before = map[string]int{"version": s.Version - 1}
		}
		changes = append(changes, c)
	}
	return errors.Join(err, env.audit.add(changes...))
}

// registerAs writes what a plan says, at a compatibility level: that of subjects which are there is set before they get their schema, and of new ones
// after. An empty level leaves the registry's own.
func registerAs(ctx context.Context, client *registry.Client, plan *registry.Plan, level string) error {
	if level == "" {
		return client.Apply(ctx, plan)
	}
	isNew := func(s registry.PlannedSubject) bool { return s.Action == registry.Create }
	there := &registry.Plan{Subjects: slices.DeleteFunc(slices.Clone(plan.Subjects), isNew)}
	if err := client.SetCompatibility(ctx, there, level); err != nil {
		return err
	}
	created := &registry.Plan{Subjects: slices.DeleteFunc(slices.Clone(plan.Subjects), func(s registry.PlannedSubject) bool { return !isNew(s) })}
	if err := client.Apply(ctx, plan); err != nil {
		return err
	}
	return client.SetCompatibility(ctx, created, level)
}

func planSubjects(ctx context.Context, p *Project, env Environment) (*registry.Client, *registry.Plan, error) {
	if err := registry.CheckLevel(env.Compatibility); err != nil {
		return nil, nil, err
	}
	client, err := env.registryClient(ctx, registry.WithGate(gate.Registration))
	if err != nil {
		return nil, nil, err
	}
	set, err := p.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	declared, err := subjectsIn(set, env)
	if err != nil {
		return nil, nil, err
	}
	plan, err := client.Plan(ctx, declared)
	if err != nil {
		return nil, nil, err
	}
	if refused := plan.Refused(); len(refused) > 0 {
		return nil, plan, &registry.IncompatibleError{Subjects: refused}
	}
	return client, plan, nil
}
