package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
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
there, Trestle's own check stands either way.

Brokers are asked only where trestle.yaml names a topic under audit: what was registered is written down there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c, func(ctx context.Context, project *ops.Project, env ops.Environment) (*ops.Plan, error) {
				env.Compatibility = cmp.Or(level, env.Compatibility)
				return ops.PlanSubjects(ctx, project, env)
			})
			if err != nil {
				return err
			}
			if !dryRun {
				err = applyPlan(cmd, plan, allowances{})
			}
			err = errors.Join(showSubjectsPlan(cmd, plan, asJSON), err)
			if refused := plan.Refused(); len(refused) > 0 {
				return no("%d subjects refuse their schema; nothing was written", len(refused))
			}
			return err
		},
	}
	c.addRegistry(cmd)
	c.addBrokers(cmd) // of the topic that changes are written down on
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be written; write nothing")
	addJSON(cmd, &asJSON, "print the plan as JSON")
	cmd.Flags().StringVar(&level, "compatibility", "", "set this compatibility level for the subjects (BACKWARD, FULL_TRANSITIVE, …)")
	return cmd
}

func showSubjectsPlan(cmd *cobra.Command, whole *ops.Plan, asJSON bool) error {
	plan := whole.Subjects()
	if asJSON {
		return printJSON(cmd, plan)
	}
	out := cmd.OutOrStdout()
	if plan.Empty() {
		fmt.Fprintf(out, "%d subjects, all as declared\n", len(plan.Subjects))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, s := range plan.Subjects {
		if s.Action == registry.None {
			continue
		}
		var what []string
		if s.Registry != "" {
			what = append(what, "at "+s.Registry)
		}
		if s.Version > 0 {
			what = append(what, fmt.Sprintf("version %d, id %d", s.Version, s.ID))
		}
		if c := s.Compatibility; c != (registry.LevelChange{}) {
			what = append(what, changeText(ops.FieldChange{Name: "compatibility", From: c.From, To: c.To}))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Action, s.Subject, s.Type, strings.Join(what, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range plan.Refused() {
		fmt.Fprintf(out, "%s: %s\n", s.Subject, s.Reason)
	}
	showUndeclared(cmd, "subjects", whole.Undeclared.Subjects)
	return nil
}
