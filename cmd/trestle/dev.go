package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newDev(p *folder) *cobra.Command {
	var kafkaPort, registryPort int
	var o ops.StackOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a broker, a Schema Registry and a trace store on this machine, until ctrl-C",
		Long: `Dev runs a Kafka-protocol broker, a Schema Registry that enforces compatibility and a trace store in one process, on the
loopback interface. The registry answers to programs of this machine, and to no web page. Topics and subjects are put in
place as the schemas say, and every event is traced. The state is kept in .trestle and found again at the next start, under
the same addresses. With --env, topics and subjects have the names of an environment; commands that name none have them,
too, while the stack runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, err := p.open()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("kafka-port") {
				o.KafkaPort = &kafkaPort
			}
			if cmd.Flags().Changed("registry-port") {
				o.RegistryPort = &registryPort
			}
			o.Environment = cmp.Or(o.Environment, os.Getenv("TRESTLE_ENV"))
			stack, err := ops.StartStack(project, o)
			if err != nil {
				return err
			}
			err = runStack(cmd, project, stack, asJSON)
			if closeErr := stack.Close(); err == nil {
				err = closeErr
			}
			if err == nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "stopped; the state is kept, and found again at the next start")
			}
			return err
		},
	}
	cmd.Flags().IntVar(&kafkaPort, "kafka-port", ops.KafkaPort, "port of the broker; 0 takes a free one")
	cmd.Flags().IntVar(&registryPort, "registry-port", ops.RegistryPort, "port of the registry; 0 takes a free one")
	cmd.Flags().StringVar(&o.State, "state", "", "folder of the state (default: .trestle in the project)")
	cmd.Flags().StringVar(&o.Environment, "env", "", "environment of trestle.yaml that names the topics (TRESTLE_ENV); its addresses have no effect")
	addJSON(cmd, &asJSON, "print the addresses as one JSON object when everything is up")
	return cmd
}

func runStack(cmd *cobra.Command, p *ops.Project, stack *dev.Stack, asJSON bool) error {
	ctx := cmd.Context()
	env, err := p.StackEnvironment(stack.Addresses)
	if err != nil {
		return err
	}
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
