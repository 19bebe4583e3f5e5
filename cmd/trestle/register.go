package main

import (
	"cmp"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/spf13/cobra"
)

func newRegister(p *folder) *cobra.Command {
	var c connections
	var dryRun, asJSON bool
	var level string
	cmd := &cobra.Command{
		Use:   "register",
		Short: "Put the schemas into a Schema Registry, references first",
		Long: `Register writes a version of each subject whose schema differs from the newest one: <topic>-value for a topic with one
event type, <topic>-<event type> for one with several. A schema that breaks any stored version, by Trestle's own check or
by the registry's level, is refused before anything is written. A second run writes nothing.

The registry's own compatibility level is left as it is unless --compatibility or the environment in trestle.yaml names
one. Apicurio can't judge JSON Schema 2020-12 and refuses every later version at any level but NONE: leave it at NONE
there, Trestle's own check stands either way.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			env.Compatibility = cmp.Or(level, env.Compatibility)
			act := ops.Register
			if dryRun {
				act = ops.PlanSubjects
			}
			plan, err := act(cmd.Context(), project, env)
			if plan != nil {
				if asJSON {
					err = errors.Join(printJSON(cmd, plan), err)
				} else {
					printRegisterPlan(cmd, plan)
				}
			}
			var incompatible *registry.IncompatibleError
			if errors.As(err, &incompatible) {
				return no("%d subjects refuse their schema; nothing was written", len(incompatible.Subjects))
			}
			return err
		},
	}
	c.addRegistry(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be written; write nothing")
	addJSON(cmd, &asJSON, "print the plan as JSON")
	cmd.Flags().StringVar(&level, "compatibility", "", "set this compatibility level for the subjects (BACKWARD, FULL_TRANSITIVE, …)")
	return cmd
}

func printRegisterPlan(cmd *cobra.Command, plan *registry.Plan) {
	if plan.Empty() {
		fmt.Fprintf(cmd.OutOrStdout(), "%d subjects, all as declared\n", len(plan.Subjects))
		return
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	for _, s := range plan.Subjects {
		if s.Action == registry.None {
			continue
		}
		version := ""
		if s.Version > 0 {
			version = fmt.Sprintf("version %d, id %d", s.Version, s.ID)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Action, s.Subject, s.Type, version)
	}
	w.Flush()
	for _, s := range plan.Refused() {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", s.Subject, s.Reason)
	}
}
