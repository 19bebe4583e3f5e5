package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/store"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Environment is what differs between the places a project runs in: where its cluster, registry and trace store are,
// and what is set otherwise there. A function that needs one of them says so when it is empty.
type Environment struct {
	// Brokers are host:port each.
	Brokers []string `yaml:"brokers"`
	// Registry is the address of a Schema Registry.
	Registry string `yaml:"registry"`
	// Store is a trace store: postgres://… or sqlite:FILE.
	Store string `yaml:"store"`
	// ReplicationFactor of topics that are created; 0 takes the cluster's default.
	ReplicationFactor int16 `yaml:"replication_factor"`
	// Compatibility is the level set for registered subjects (BACKWARD, FULL_TRANSITIVE, …); empty leaves the
	// registry's own.
	Compatibility string `yaml:"compatibility"`
	// Topics overrides a topic's number of partitions.
	Topics map[string]struct {
		Partitions int32 `yaml:"partitions"`
	} `yaml:"topics"`
}

// Lookup returns an environment when something turns out to need one. Naming an environment that trestle.yaml lacks is
// no mistake of a comparison of two folders.
type Lookup func() (Environment, error)

// Addresses say which environment is meant, and what stands before its own addresses. The zero value is the project's
// running development stack.
type Addresses struct {
	// Environment is a name in trestle.yaml.
	Environment string
	// Brokers are separated by commas.
	Brokers, Registry, Store string
	// Variable looks up what stands between these fields and trestle.yaml: TRESTLE_ENV, TRESTLE_BROKERS,
	// TRESTLE_REGISTRY and TRESTLE_STORE. With nil there is nothing between them.
	Variable func(name string) string
}

// Environment returns the environment that addresses mean. Outside of a project they alone count.
func (p *Project) Environment(a Addresses) (Environment, error) {
	variable := a.Variable
	if variable == nil {
		variable = func(string) string { return "" }
	}
	var env Environment
	name := cmp.Or(a.Environment, variable("TRESTLE_ENV"))
	switch {
	case p.missing == nil && name != "":
		var ok bool
		if env, ok = p.Config.Environments[name]; !ok {
			return env, fmt.Errorf("environment %q is not in %s", name, p.Path(ConfigName))
		}
	case p.missing == nil:
		stack, err := dev.ReadAddresses(p.Path(StackDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return env, err
		}
		env.Registry, env.Store = stack.Registry, stack.Store
		if stack.Brokers != "" {
			env.Brokers = strings.Split(stack.Brokers, ",")
		}
	case name != "":
		return env, p.missing
	}
	if s := cmp.Or(a.Brokers, variable("TRESTLE_BROKERS")); s != "" {
		env.Brokers = strings.Split(s, ",")
	}
	env.Registry = cmp.Or(a.Registry, variable("TRESTLE_REGISTRY"), env.Registry)
	env.Store = cmp.Or(a.Store, variable("TRESTLE_STORE"), env.Store)
	if file, ok := strings.CutPrefix(env.Store, "sqlite:"); ok && p.missing == nil && a.Store == "" && !filepath.IsAbs(file) {
		env.Store = "sqlite:" + p.Path(file)
	}
	return env, nil
}

func (e Environment) needBrokers() error {
	if len(e.Brokers) > 0 {
		return nil
	}
	return errors.New("no brokers: give --brokers or TRESTLE_BROKERS, name an environment with --env, or start `trestle dev`")
}

func (e Environment) needRegistry() error {
	if e.Registry != "" {
		return nil
	}
	return errors.New("no registry: give --registry or TRESTLE_REGISTRY, name an environment with --env, or start `trestle dev`")
}

func (e Environment) needStore() error {
	if e.Store != "" {
		return nil
	}
	return errors.New("no trace store: give --store or TRESTLE_STORE, name an environment with --env, or start `trestle dev`")
}

// Connection says how the environment's cluster is reached.
func (e Environment) Connection() kafka.Connection { return kafka.Connection{Brokers: e.Brokers} }

// kafka connects to the environment's cluster.
func (e Environment) kafka() (*kgo.Client, error) {
	if err := e.needBrokers(); err != nil {
		return nil, err
	}
	return e.Connection().Client()
}

// registryClient connects to the environment's registry.
func (e Environment) registryClient(opts ...registry.Option) (*registry.Client, error) {
	if err := e.needRegistry(); err != nil {
		return nil, err
	}
	return registry.New(e.Registry, opts...)
}

// OpenTraces opens the environment's trace store.
func (e Environment) OpenTraces(ctx context.Context) (eventtrace.Store, error) {
	if err := e.needStore(); err != nil {
		return nil, err
	}
	return store.OpenTraces(ctx, e.Store)
}
