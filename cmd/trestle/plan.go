package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/spf13/cobra"
)

func newPlan(p *folder) *cobra.Command {
	var c connections
	var asJSON, check bool
	var output, like string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what `apply` would do to the registry and the cluster; change nothing",
		Long: `Plan reads all that the registry and the cluster have, and has them judge all that would be written: schemas by every registered version, topics by the
brokers' own limits and this user's rights. What is there and not declared is named, and left as it is. Where trestle.yaml names principals, the ACLs of
services are part of it, see ` + "`acl plan`" + `; where it says how users are made, the users that services lack, see ` + "`users plan`" + `.

It exits with 0 whatever there is to do; with --check, 1 unless all is as declared; and 1 where something is refused. --output writes the plan into a file
that ` + "`apply`" + ` takes: it does that plan or, where anything has changed since, nothing.

With --like it compares the environment with another one of trestle.yaml instead, each as it is: topics, their partitions, replicas and settings, subjects,
their newest versions and levels, by the names that the schemas have. Of an environment with several registries each is compared with the first of the other. Flags and TRESTLE_ variables are about the environment of --env alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if like != "" {
				return compareEnvironments(cmd, p, &c, like, asJSON, check)
			}
			plan, err := makePlan(cmd, p, &c, ops.MakePlan)
			if err != nil {
				return err
			}
			if output != "" {
				if err := ops.SavePlan(output, plan); err != nil {
					return err
				}
			}
			err = showPlan(cmd, plan, asJSON)
			if err == nil && (len(plan.Refused()) > 0 || check && !plan.Empty()) {
				err = errNo
			}
			return err
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "exit 1 unless all is as declared, or, with --like, alike")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the plan into this file, for apply")
	cmd.Flags().StringVar(&like, "like", "", "say what differs from this environment of trestle.yaml instead")
	cmd.MarkFlagsMutuallyExclusive("like", "output")
	addJSON(cmd, &asJSON, "print the plan as JSON")
	return cmd
}

func newApply(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var allow allowances
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Bring the registry and the cluster to what the schemas say",
		Long: `Apply does what ` + "`plan`" + ` says: subjects with what they refer to first, then topics, then ACLs, then users. It begins only once all of it is found to be possible, and where
something fails it says what was done and what is left: a second run does the rest. It deletes nothing but, with --remove-undeclared, ACLs of services that
nobody declares.

PLAN is a file that ` + "`plan --output`" + ` has written: where the schemas, the registry or the cluster are others than then, nothing is done.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := makePlan(cmd, p, &c, ops.MakePlan)
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
			return apply(cmd, plan, allow, asJSON, showPlan)
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	allow.add(cmd)
	allow.addRemove(cmd)
	addJSON(cmd, &asJSON, "print what was done as JSON")
	return cmd
}

// allowances are the flags of whoever knows what is lost.
type allowances struct{ repartition, cut, remove bool }

func (a *allowances) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.repartition, strings.TrimPrefix(ops.AllowRepartition, "--"), false, "give topics with keys more partitions: keys move, and lose their order at that point")
	cmd.Flags().BoolVar(&a.cut, strings.TrimPrefix(ops.AllowRetentionCut, "--"), false, "keep fewer records, for a shorter time or by another cleanup: the others are deleted")
}

func (a *allowances) addRemove(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.remove, strings.TrimPrefix(ops.RemoveUndeclared, "--"), false, "delete ACLs of the services' principals that nobody declares")
}

func (a *allowances) flags() []string {
	var out []string
	if a.repartition {
		out = append(out, ops.AllowRepartition)
	}
	if a.cut {
		out = append(out, ops.AllowRetentionCut)
	}
	if a.remove {
		out = append(out, ops.RemoveUndeclared)
	}
	return out
}

// apply shows a plan and applies it: people see beforehand what is to be done, programs afterwards what was.
func apply(cmd *cobra.Command, plan *ops.Plan, allow allowances, asJSON bool, show func(*cobra.Command, *ops.Plan, bool) error) error {
	if !asJSON {
		if err := show(cmd, plan, false); err != nil {
			return err
		}
	}
	err := applyPlan(cmd, plan, allow)
	if asJSON {
		err = errors.Join(show(cmd, plan, true), err)
	}
	return err
}

func applyPlan(cmd *cobra.Command, plan *ops.Plan, allow allowances) error {
	err := plan.Apply(cmd.Context(), allow.flags())
	if _, incompatible := errors.AsType[*registry.IncompatibleError](err); incompatible || errors.Is(err, ops.ErrRefused) {
		return no("%v", err)
	}
	return err
}

type planning func(context.Context, *ops.Project, ops.Environment) (*ops.Plan, error)

func makePlan(cmd *cobra.Command, p *folder, c *connections, plan planning) (*ops.Plan, error) {
	project, env, err := c.enter(p)
	if err != nil {
		return nil, err
	}
	stop := showProgress(cmd, func() string { return "comparing the schemas with what is there" })
	defer stop()
	return plan(cmd.Context(), project, env)
}

// undeclaredShown is how many undeclared names are shown to people; JSON has all.
const undeclaredShown = 10

func changeText(d ops.FieldChange) string {
	if d.From == "" {
		return d.Name + "=" + d.To
	}
	return d.Name + " " + d.From + " → " + d.To
}

func showPlan(cmd *cobra.Command, plan *ops.Plan, asJSON bool) error {
	if asJSON {
		return printJSON(cmd, plan)
	}
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
			if d.From != "" || d.To != "" {
				differences = append(differences, changeText(d))
			}
		}
		if c.Kind == "acl" {
			differences = append(differences, c.Reason+needsText(c))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Action, c.Kind, c.Title(), strings.Join(differences, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range plan.Changes {
		if c.Reason != "" && c.Action != "none" && c.Kind != "acl" {
			fmt.Fprintf(out, "%s %s: %s%s\n", c.Kind, c.Title(), c.Reason, needsText(c))
		}
	}
	if plan.Empty() {
		fmt.Fprintf(out, "%s, all as declared\n", countText(count))
	}
	showUndeclared(cmd, "topics", plan.Undeclared.Topics)
	showUndeclared(cmd, "subjects", plan.Undeclared.Subjects)
	showUndeclared(cmd, "ACLs of others", plan.Undeclared.ACLs)
	return nil
}

func needsText(c ops.PlannedChange) string {
	if c.Needs == "" {
		return ""
	}
	return " (needs " + c.Needs + ")"
}

// countText says how many there are of each kind: of subjects and topics, and of what else a plan is about.
func countText(count map[string]int) string {
	var parts []string
	for _, kind := range []struct{ name, plural string }{{"subject", "subjects"}, {"topic", "topics"}, {"acl", "ACLs"}, {"user", "users"}} {
		if count[kind.name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[kind.name], kind.plural))
		}
	}
	switch n := len(parts) - 1; {
	case n > 0:
		return strings.Join(parts[:n], ", ") + " and " + parts[n]
	case n == 0:
		return parts[0]
	}
	return "nothing"
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
