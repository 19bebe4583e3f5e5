package ops

import (
	"context"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/runtime/topics"
)

// StackEnvironment is the environment of a development stack.
func StackEnvironment(a dev.Addresses) Environment {
	return Environment{Brokers: []string{a.Brokers}, Registry: a.Registry, Store: a.Store, ReplicationFactor: 1}
}

// Prepared counts what [Prepare] has put in place.
type Prepared struct{ Topics, Subjects int }

// Prepare brings the topics and subjects of an environment to what the schemas say.
func Prepare(ctx context.Context, p *Project, env Environment) (Prepared, error) {
	set, err := p.load(ctx)
	if err != nil {
		return Prepared{}, err
	}
	cl, err := env.kafka()
	if err != nil {
		return Prepared{}, err
	}
	defer cl.Close()
	topicPlan, err := topics.NewPlan(ctx, cl, topicSpecs(set, env))
	if err != nil {
		return Prepared{}, err
	}
	if err := topicPlan.Apply(ctx, cl); err != nil {
		return Prepared{}, err
	}
	subjectPlan, err := Register(ctx, p, env)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{Topics: len(topicPlan.Topics), Subjects: len(subjectPlan.Subjects)}, nil
}
