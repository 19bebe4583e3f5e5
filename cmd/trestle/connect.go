package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// connections are the flags that say where to connect: flags over environment variables over trestle.yaml over a
// running development stack.
type connections struct {
	brokers  string
	registry string
	store    string
	env      string
}

func (c *connections) addBrokers(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.brokers, "brokers", "", "Kafka brokers, host:port, comma-separated (TRESTLE_BROKERS)")
	c.addEnv(cmd)
}

func (c *connections) addRegistry(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.registry, "registry", "", "Schema Registry address (TRESTLE_REGISTRY)")
	c.addEnv(cmd)
}

func (c *connections) addStore(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.store, "store", "", "trace store: postgres://… or sqlite:FILE (TRESTLE_STORE)")
	c.addEnv(cmd)
}

func (c *connections) addEnv(cmd *cobra.Command) {
	if cmd.Flags().Lookup("env") == nil {
		cmd.Flags().StringVar(&c.env, "env", "", "environment of trestle.yaml (TRESTLE_ENV)")
	}
}

// resolve returns the environment that the flags, the variables and the project together mean.
func (c *connections) resolve(p *project) (environment, error) {
	var env environment
	name := cmp.Or(c.env, os.Getenv("TRESTLE_ENV"))
	err := p.open()
	switch {
	case err == nil && name != "":
		var ok bool
		if env, ok = p.config.Environments[name]; !ok {
			return env, fmt.Errorf("environment %q is not in %s", name, p.path(configName))
		}
	case err == nil:
		stack, err := dev.ReadAddresses(p.path(stackDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return env, err
		}
		env.Registry, env.Store = stack.Registry, stack.Store
		if stack.Brokers != "" {
			env.Brokers = strings.Split(stack.Brokers, ",")
		}
	case name != "":
		return env, err
	}
	if s := cmp.Or(c.brokers, os.Getenv("TRESTLE_BROKERS")); s != "" {
		env.Brokers = strings.Split(s, ",")
	}
	env.Registry = cmp.Or(c.registry, os.Getenv("TRESTLE_REGISTRY"), env.Registry)
	env.Store = cmp.Or(c.store, os.Getenv("TRESTLE_STORE"), env.Store)
	if file, ok := strings.CutPrefix(env.Store, "sqlite:"); ok && p.opened && c.store == "" && !filepath.IsAbs(file) {
		env.Store = "sqlite:" + p.path(file)
	}
	return env, nil
}

// stackDir is where the development stack keeps its state, in the project's folder.
const stackDir = ".trestle"

func (e environment) needBrokers() error {
	if len(e.Brokers) > 0 {
		return nil
	}
	return errors.New("no brokers: give --brokers or TRESTLE_BROKERS, name an environment with --env, or start `trestle dev`")
}

func (e environment) needRegistry() error {
	if e.Registry != "" {
		return nil
	}
	return errors.New("no registry: give --registry or TRESTLE_REGISTRY, name an environment with --env, or start `trestle dev`")
}

func (e environment) needStore() error {
	if e.Store != "" {
		return nil
	}
	return errors.New("no trace store: give --store or TRESTLE_STORE, name an environment with --env, or start `trestle dev`")
}

// kafka connects to the environment's brokers.
func (e environment) kafka(opts ...kgo.Opt) (*kgo.Client, error) {
	if err := e.needBrokers(); err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(e.Brokers...), kgo.ClientID("trestle")}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("brokers %s: %w", strings.Join(e.Brokers, ","), err)
	}
	return cl, nil
}

// registryClient connects to the registry that the flags, the variables and the project together mean.
func (c *connections) registryClient(p *project) (*registry.Client, error) {
	env, err := c.resolve(p)
	if err != nil {
		return nil, err
	}
	if err := env.needRegistry(); err != nil {
		return nil, err
	}
	return registry.New(env.Registry)
}
