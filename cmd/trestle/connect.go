package main

import (
	"os"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

// folder is the flag --dir: a project's folder; empty: the nearest one upwards.
type folder string

// open opens the project for a command that can do nothing without one.
func (f *folder) open() (*ops.Project, error) { return ops.Open(string(*f)) }

// project opens the project for a command that may do without one.
func (f *folder) project() *ops.Project { return ops.At(string(*f)) }

// connections are the flags that say where to connect: flags over environment variables over trestle.yaml over a
// running development stack.
type connections struct {
	addresses ops.Addresses
}

func (c *connections) addBrokers(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addresses.Brokers, "brokers", "", "Kafka brokers, host:port, comma-separated (TRESTLE_BROKERS)")
	c.addEnv(cmd)
}

func (c *connections) addRegistry(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addresses.Registry, "registry", "", "Schema Registry address (TRESTLE_REGISTRY)")
	c.addEnv(cmd)
}

func (c *connections) addStore(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addresses.Store, "store", "", "trace store: postgres://… or sqlite:FILE (TRESTLE_STORE)")
	c.addEnv(cmd)
}

func (c *connections) addEnv(cmd *cobra.Command) {
	if cmd.Flags().Lookup("env") == nil {
		cmd.Flags().StringVar(&c.addresses.Environment, "env", "", "environment of trestle.yaml (TRESTLE_ENV)")
	}
}

// resolve returns the environment that the flags, the variables and the project together mean.
func (c *connections) resolve(p *ops.Project) (ops.Environment, error) {
	addresses := c.addresses
	addresses.Variable = os.Getenv
	return p.Environment(addresses)
}

// lookup resolves once something needs an environment.
func (c *connections) lookup(p *ops.Project) ops.Lookup {
	return func() (ops.Environment, error) { return c.resolve(p) }
}
