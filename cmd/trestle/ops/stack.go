package ops

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
)

// StackDir is where the development stack keeps its state, in the project's folder.
const StackDir = ".trestle"

// The ports of a stack's first start in a folder; it keeps those that it got.
const (
	KafkaPort    = 9092
	RegistryPort = 8081
)

// StackOptions say where a development stack runs.
type StackOptions struct {
	// State is the folder that keeps its state; empty: [StackDir] in the project.
	State string
	// KafkaPort and RegistryPort are to listen on; 0 takes a free one, and one that is taken is an error. With nil they
	// are those of the last start, else the usual ones, else free ones.
	KafkaPort, RegistryPort *int
	// Environment is one of trestle.yaml, whose names and numbers of partitions topics get; empty: none.
	Environment string
}

// StartStack starts the project's development stack. Its registry refuses schemas that break stored ones.
func StartStack(p *Project, o StackOptions) (*dev.Stack, error) {
	if p.missing != nil {
		return nil, p.missing
	}
	dir := o.State
	if dir == "" {
		dir = p.Path(StackDir)
	}
	if _, err := p.stackEnvironment(dev.Addresses{Environment: o.Environment}); err != nil {
		return nil, err
	}
	kafka, registry := dev.LastPorts(dir)
	return dev.Start(dev.Options{
		Dir: dir, KafkaPort: port(o.KafkaPort, kafka, KafkaPort), RegistryPort: port(o.RegistryPort, registry, RegistryPort), Checker: gate.Checker{},
		Environment: o.Environment,
	})
}

func port(asked *int, last, usual int) int {
	if asked != nil {
		return *asked
	}
	return dev.FreePort(cmp.Or(last, usual))
}

// StackEnvironment is the environment of the project's development stack.
func (p *Project) StackEnvironment(a dev.Addresses) (Environment, error) {
	return p.stackEnvironment(a)
}

func (p *Project) stackEnvironment(a dev.Addresses) (Environment, error) {
	env := StackEnvironment(a)
	env.own, env.Encryption = p.ownTopics(), p.stackEncryption()
	if a.Environment == "" {
		return env, nil
	}
	named, ok := p.Config.Environments[a.Environment]
	if !ok {
		return env, fmt.Errorf("environment %q is not in %s", a.Environment, p.Path(ConfigName))
	}
	env.Prefix, env.Topics, env.Groups, env.name = named.Prefix, maps.Clone(named.Topics), named.Groups, a.Environment
	if !named.Encryption.isEmpty() {
		env.Encryption = named.Encryption.placed(p)
	}
	for logical, t := range env.Topics {
		t.ReplicationFactor = 0 // the stack has one broker
		env.Topics[logical] = t
	}
	return env, nil
}

// StackEnvironment is the environment of a development stack of no project.
func StackEnvironment(a dev.Addresses) Environment {
	return Environment{Brokers: []string{a.Brokers}, Registry: a.Registry, Store: a.Store, ReplicationFactor: 1}
}

// Prepared counts what [Prepare] has put in place.
type Prepared struct{ Topics, Subjects int }

// Prepare brings the topics and subjects of an environment to what the schemas say, whatever is lost with it: it is for a development stack.
func Prepare(ctx context.Context, p *Project, env Environment) (Prepared, error) {
	plan, err := MakePlan(ctx, p, env)
	if err != nil {
		return Prepared{}, err
	}
	if env.Encryption.isEmpty() {
		set, err := p.load(ctx)
		if err == nil {
			err = p.makeStackKEK(set)
		}
		if err != nil {
			return Prepared{}, err
		}
	}
	if err := plan.Apply(ctx, []string{AllowRepartition, AllowRetentionCut}); err != nil {
		return Prepared{}, err
	}
	return Prepared{Topics: len(plan.topics.Topics), Subjects: len(plan.Subjects().Subjects)}, nil
}
