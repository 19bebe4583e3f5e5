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
	a, flags := &c.addresses.Access, cmd.Flags()
	flags.BoolVar(&a.TLS, "tls", false, "encrypt connections to the brokers (TRESTLE_TLS)")
	flags.StringVar(&a.TLSCA, "tls-ca", "", "file of the authorities to trust instead of the system's (TRESTLE_TLS_CA)")
	flags.StringVar(&a.TLSCert, "tls-cert", "", "file of the certificate to show (TRESTLE_TLS_CERT)")
	flags.StringVar(&a.TLSKey, "tls-key", "", "file of its key (TRESTLE_TLS_KEY)")
	flags.StringVar(&a.TLSServerName, "tls-server-name", "", "name that the brokers' certificates are for (TRESTLE_TLS_SERVER_NAME)")
	flags.StringVar(&a.SASLMechanism, "sasl", "", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM (TRESTLE_SASL_MECHANISM)")
	flags.StringVar(&a.SASLUser, "sasl-user", "", "user of the brokers (TRESTLE_SASL_USER)")
	flags.StringVar(&a.SASLPasswordFile, "sasl-password-file", "", "file with the user's password (TRESTLE_SASL_PASSWORD_FILE; TRESTLE_SASL_PASSWORD has itself)")
	flags.StringVar(&a.SASLTokenFile, "sasl-token-file", "", "file with a token (TRESTLE_SASL_TOKEN_FILE; TRESTLE_SASL_TOKEN has itself)")
	c.addEnv(cmd)
}

func (c *connections) addRegistry(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addresses.Registry, "registry", "", "Schema Registry address (TRESTLE_REGISTRY)")
	a, flags := &c.addresses.Access, cmd.Flags()
	flags.StringVar(&a.RegistryUser, "registry-user", "", "user of the registry (TRESTLE_REGISTRY_USER)")
	flags.StringVar(&a.RegistryPasswordFile, "registry-password-file", "", "file with the user's password (TRESTLE_REGISTRY_PASSWORD_FILE; TRESTLE_REGISTRY_PASSWORD has itself)")
	flags.StringVar(&a.RegistryTokenFile, "registry-token-file", "", "file with a token (TRESTLE_REGISTRY_TOKEN_FILE; TRESTLE_REGISTRY_TOKEN has itself)")
	flags.StringVar(&a.RegistryCA, "registry-ca", "", "file of the authorities to trust instead of the system's (TRESTLE_REGISTRY_CA)")
	flags.StringVar(&a.RegistryCert, "registry-cert", "", "file of the certificate to show (TRESTLE_REGISTRY_CERT)")
	flags.StringVar(&a.RegistryKey, "registry-key", "", "file of its key (TRESTLE_REGISTRY_KEY)")
	c.addEnv(cmd)
}

func (c *connections) addStore(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addresses.Store, "store", "", "trace store: postgres://… or sqlite:FILE (TRESTLE_STORE)")
	cmd.Flags().StringVar(&c.addresses.Access.StorePasswordFile, "store-password-file", "", "file with the password of a PostgreSQL user (TRESTLE_STORE_PASSWORD_FILE; TRESTLE_STORE_PASSWORD has itself)")
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

// enter is where a command begins that needs an environment, and may do without a project.
func (c *connections) enter(p *folder) (*ops.Project, ops.Environment, error) {
	project := p.project()
	env, err := c.resolve(project)
	return project, env, err
}

// lookup resolves once something needs an environment.
func (c *connections) lookup(p *ops.Project) ops.Lookup {
	return func() (ops.Environment, error) { return c.resolve(p) }
}
