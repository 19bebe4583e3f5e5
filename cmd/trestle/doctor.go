package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newDoctor(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with a project and all that it is connected to; exit 1 if anything fails",
		Long: `Doctor looks at the schemas, how old secrets and certificates are, the brokers and whether they can be reached where they say they are, partitions, topics, groups and their lag, dead letters, the
registry and its subjects, this machine's clock, and the store. It changes nothing, and says what to do.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			checks := []ops.DoctorCheck{}
			healthy, err := ops.Doctor(cmd.Context(), project, env, func(check ops.DoctorCheck) {
				checks = append(checks, check)
				if asJSON {
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%-5s %s: %s\n", check.Status, check.Name, check.Detail)
				if check.Advice != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "      → %s\n", check.Advice)
				}
			})
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, map[string]any{"checks": checks}); err != nil {
					return err
				}
			}
			if !healthy {
				return errNo
			}
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	c.addStore(cmd)
	addJSON(cmd, &asJSON, "print the findings as JSON")
	return cmd
}
