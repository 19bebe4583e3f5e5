package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/spf13/cobra"
)

// The ports of a stack's first start in a folder; it keeps those that it got.
const (
	defaultKafkaPort    = 9092
	defaultRegistryPort = 8081
)

func newDev(p *folder) *cobra.Command {
	var kafkaPort, registryPort int
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a broker, a Schema Registry and a trace store on this machine, until ctrl-C",
		Long: `Dev runs a Kafka-protocol broker, a Schema Registry that enforces compatibility and a trace store in one process, on the
loopback interface. Topics and subjects are put in place as the schemas say, and every event is traced. The state is kept
in .trestle and found again at the next start, under the same addresses.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, err := p.open()
			if err != nil {
				return err
			}
			if dir == "" {
				dir = project.Path(ops.StackDir)
			}
			o := dev.Options{Dir: dir, KafkaPort: kafkaPort, RegistryPort: registryPort, Checker: gate.Checker{}}
			stack, err := startStack(o, cmd.Flags().Changed("kafka-port"), cmd.Flags().Changed("registry-port"))
			if err != nil {
				return err
			}
			err = runStack(cmd, project, stack, asJSON)
			if closeErr := stack.Close(); err == nil {
				err = closeErr
			}
			return err
		},
	}
	cmd.Flags().IntVar(&kafkaPort, "kafka-port", defaultKafkaPort, "port of the broker; 0 takes a free one")
	cmd.Flags().IntVar(&registryPort, "registry-port", defaultRegistryPort, "port of the registry; 0 takes a free one")
	cmd.Flags().StringVar(&dir, "state", "", "folder of the state (default: .trestle in the project)")
	addJSON(cmd, &asJSON, "print the addresses as one JSON object when everything is up")
	return cmd
}

// startStack starts on the ports of the last start, else on the usual ones, else on free ones. A port that was asked
// for is taken or the start fails.
func startStack(o dev.Options, kafkaGiven, registryGiven bool) (*dev.Stack, error) {
	kafka, registry := dev.LastPorts(o.Dir)
	if !kafkaGiven {
		if kafka != 0 {
			o.KafkaPort = kafka
		}
		o.KafkaPort = dev.FreePort(o.KafkaPort)
	}
	if !registryGiven {
		if registry != 0 {
			o.RegistryPort = registry
		}
		o.RegistryPort = dev.FreePort(o.RegistryPort)
	}
	return dev.Start(o)
}

func runStack(cmd *cobra.Command, p *ops.Project, stack *dev.Stack, asJSON bool) error {
	ctx := cmd.Context()
	env := ops.StackEnvironment(stack.Addresses)
	prepared, err := ops.Prepare(ctx, p, env)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d topics and %d subjects in place\n", prepared.Topics, prepared.Subjects)
	tracer, err := ops.NewTracer(ctx, p, env, ops.TracerOptions{Log: logger(cmd)})
	if err != nil {
		return err
	}
	defer tracer.Close()
	if asJSON {
		if err := showLine(cmd, stack.Addresses); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "brokers   %s\nregistry  %s\nstore     %s\n", stack.Brokers, stack.Registry, stack.Store)
		fmt.Fprintln(cmd.ErrOrStderr(), "running; ctrl-C to stop")
	}
	return tracer.Run(ctx)
}
