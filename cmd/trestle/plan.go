package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newPlan(p *folder) *cobra.Command {
	var c connections
	var asJSON, check bool
	var output string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what `apply` would do to the registry and the cluster; change nothing",
		Long: `Plan reads all that the registry and the cluster have, and has them judge all that would be written: schemas by every registered version, topics by the
brokers' own limits and this user's rights. What is there and not declared is named, and left as it is.

It exits with 0 whatever there is to do; with --check, 1 unless all is as declared; and 1 where something is refused. --output writes the plan into a file
that ` + "`apply`" + ` takes: it does that plan or, where anything has changed since, nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c)
			if err != nil {
				return err
			}
			if output != "" {
				if err := ops.SavePlan(output, plan); err != nil {
					return err
				}
			}
			if asJSON {
				err = printJSON(cmd, plan)
			} else {
				err = showPlan(cmd, plan)
			}
			if err == nil && (len(plan.Refused()) > 0 || check && !plan.Empty()) {
				err = errNo
			}
			return err
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "exit 1 unless all is as declared")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the plan into this file, for apply")
	addJSON(cmd, &asJSON, "print the plan as JSON")
	return cmd
}

func newApply(p *folder) *cobra.Command {
	var c connections
	var asJSON, repartition, cut bool
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Bring the registry and the cluster to what the schemas say",
		Long: `Apply does what ` + "`plan`" + ` says: subjects with what they refer to first, then topics. It begins only once all of it is found to be possible, and where
something fails a second run does the rest. It deletes nothing.

PLAN is a file that ` + "`plan --output`" + ` has written: where the schemas, the registry or the cluster are others than then, nothing is done.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := makePlan(cmd, p, &c)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				saved, err := ops.ReadPlan(args[0])
				if err != nil {
					return err
				}
				if saved.State != plan.State {
					return no("nothing was changed: %s was made from another state of the schemas, the registry or the cluster: make a new plan", args[0])
				}
			}
			if asJSON {
				err = printJSON(cmd, plan)
			} else {
				err = showPlan(cmd, plan)
			}
			if err != nil {
				return err
			}
			var allowed []string
			if repartition {
				allowed = append(allowed, ops.AllowRepartition)
			}
			if cut {
				allowed = append(allowed, ops.AllowRetentionCut)
			}
			if err = plan.Apply(cmd.Context(), allowed); errors.Is(err, ops.ErrRefused) {
				return no("%v", err)
			}
			return err
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	cmd.Flags().BoolVar(&repartition, strings.TrimPrefix(ops.AllowRepartition, "--"), false, "give topics with keys more partitions: keys move, and lose their order at that point")
	cmd.Flags().BoolVar(&cut, strings.TrimPrefix(ops.AllowRetentionCut, "--"), false, "keep records for a shorter time: those that are older are deleted")
	addJSON(cmd, &asJSON, "print what is done as JSON")
	return cmd
}

func makePlan(cmd *cobra.Command, p *folder, c *connections) (*ops.Plan, error) {
	project, env, err := c.enter(p)
	if err != nil {
		return nil, err
	}
	stop := showProgress(cmd, func() string { return "comparing the schemas with the registry and the cluster" })
	defer stop()
	return ops.MakePlan(cmd.Context(), project, env)
}

// undeclaredShown is how many undeclared names are shown to people; JSON has all.
const undeclaredShown = 10

func showPlan(cmd *cobra.Command, plan *ops.Plan) error {
	out := cmd.OutOrStdout()
	count := map[string]int{}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, c := range plan.Changes {
		count[c.Kind]++
		if c.Action == "none" {
			continue
		}
		var differences []string
		for _, d := range c.Changes {
			switch {
			case d.From == "" && d.To == "":
			case d.From == "":
				differences = append(differences, d.Name+"="+d.To)
			default:
				differences = append(differences, d.Name+" "+d.From+" → "+d.To)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Action, c.Kind, c.Name, strings.Join(differences, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range plan.Changes {
		if c.Reason == "" || c.Action == "none" {
			continue
		}
		needs := ""
		if c.Needs != "" {
			needs = " (needs " + c.Needs + ")"
		}
		fmt.Fprintf(out, "%s %s: %s%s\n", c.Kind, c.Name, c.Reason, needs)
	}
	if plan.Empty() {
		fmt.Fprintf(out, "%d subjects and %d topics, all as declared\n", count["subject"], count["topic"])
	}
	showUndeclared(cmd, "topics", plan.Undeclared.Topics)
	showUndeclared(cmd, "subjects", plan.Undeclared.Subjects)
	return nil
}

func showUndeclared(cmd *cobra.Command, what string, names []string) {
	if len(names) == 0 {
		return
	}
	more := ""
	if len(names) > undeclaredShown {
		more = fmt.Sprintf(" and %d more", len(names)-undeclaredShown)
		names = names[:undeclaredShown]
	}
	fmt.Fprintf(cmd.OutOrStdout(), "undeclared %s, left as they are: %s%s\n", what, strings.Join(names, ", "), more)
}
