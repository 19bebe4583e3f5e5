package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/spf13/cobra"
)

func newTopics(p *folder) *cobra.Command {
	return newParent("topics", "Compare the cluster's topics with the schemas, bring them there, and look after them",
		newTopicsPlan(p), newTopicsApply(p), newTopicsList(p), newTopicsDescribe(p), newTopicsOffsets(p), newTopicsDelete(p))
}

func newTopicsPlan(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what `topics apply` would do; change nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c, ops.PlanTopics)
			if err != nil {
				return err
			}
			if err := showTopicsPlan(cmd, plan, asJSON); err != nil {
				return err
			}
			if len(plan.Refused()) > 0 {
				return errNo
			}
			return nil
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the plan as JSON")
	return cmd
}

func newTopicsApply(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var allow allowances
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create and update topics as the schemas declare them; never delete one",
		Long: `Topics apply does what ` + "`topics plan`" + ` says, and nothing where a topic is refused. Where something is lost with it, it asks for a flag as ` + "`apply`" + ` does,
which does the same for topics and subjects together.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c, ops.PlanTopics)
			if err != nil {
				return err
			}
			return apply(cmd, plan, allow, asJSON, showTopicsPlan)
		},
	}
	c.addBrokers(cmd)
	allow.add(cmd)
	addJSON(cmd, &asJSON, "print what was done as JSON")
	return cmd
}

func showTopicsPlan(cmd *cobra.Command, whole *ops.Plan, asJSON bool) error {
	plan := whole.Topics()
	if asJSON {
		return printJSON(cmd, plan)
	}
	out := cmd.OutOrStdout()
	if plan.Empty() {
		fmt.Fprintf(out, "%d topics, all as declared\n", len(plan.Topics))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, t := range plan.Topics {
		switch t.Action {
		case topics.None:
		case topics.Create:
			fmt.Fprintf(w, "create\t%s\t%d partitions\t%s\n", t.Name, t.Partitions, configText(t.Config))
		default:
			for _, c := range t.Changes {
				text := fmt.Sprintf("%s %s → %s", c.Name, c.From, c.To)
				if c.Warning != "" {
					text += ": " + c.Warning
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t\n", t.Action, t.Name, text)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, t := range plan.Topics {
		if needs := ops.Needs(t); needs != "" {
			fmt.Fprintf(out, "topic %s needs %s\n", t.Name, needs)
		}
	}
	showUndeclared(cmd, "topics", whole.Undeclared.Topics)
	return nil
}

func configText(config map[string]string) string {
	parts := make([]string, 0, len(config))
	for _, k := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, k+"="+config[k])
	}
	return strings.Join(parts, " ")
}

// noneSeen is why a cluster shows no topic.
const noneSeen = "`trestle topics apply` makes those that the schemas declare; does an ACL of the cluster allow this user Describe on the topics that are there?"

func newTopicsList(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the cluster's topics with their records",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			list, err := ops.ListTopics(cmd.Context(), project, env)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "no topics: "+noneSeen)
			}
			if asJSON {
				return printJSON(cmd, map[string]any{"topics": list})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "TOPIC\tPARTITIONS\tREPLICAS\tRECORDS\tDECLARED")
			for _, t := range list {
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%v\n", t.Name, t.Partitions, t.Replicas, t.Records, t.Declared)
			}
			return w.Flush()
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the topics as JSON")
	return cmd
}
