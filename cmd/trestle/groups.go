package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newGroups(p *folder) *cobra.Command {
	return newParent("groups", "See what consumer groups have read, and move them",
		newGroupsList(p), newGroupsDescribe(p), newGroupsSeek(p), newGroupsDelete(p))
}

// inProject makes the body of a command that answers by one function of the project and its environment, as JSON or as text.
func inProject[A any](p *folder, c *connections, asJSON *bool,
	answer func(*cobra.Command, *ops.Project, ops.Environment, []string) (A, error), text func(*cobra.Command, A) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		project, env, err := c.enter(p)
		if err != nil {
			return err
		}
		a, err := answer(cmd, project, env, args)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd, a)
		}
		return text(cmd, a)
	}
}

func newGroupsList(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	type answer struct {
		Groups []ops.ListedGroup `json:"groups"`
	}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the cluster's consumer groups, and those that the schemas declare",
		Args:  cobra.NoArgs,
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, _ []string) (answer, error) {
			list, err := ops.ListGroups(cmd.Context(), project, env)
			return answer{list}, err
		}, func(cmd *cobra.Command, a answer) error {
			if len(a.Groups) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "no groups: nobody has read in one yet")
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "GROUP\tSTATE\tMEMBERS\tDECLARED")
			for _, g := range a.Groups {
				fmt.Fprintf(w, "%s\t%s\t%d\t%v\n", g.Group, g.State, g.Members, g.Declared)
			}
			return w.Flush()
		}),
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the groups as JSON")
	return cmd
}

func newGroupsDescribe(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "describe GROUP",
		Short: "Show a group's members, and how far it is behind, in records and in time",
		Args:  cobra.ExactArgs(1),
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, args []string) (*ops.DescribedGroup, error) {
			return ops.DescribeGroup(cmd.Context(), project, env, args[0])
		}, showGroup),
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the group as JSON")
	return cmd
}

func showGroup(cmd *cobra.Command, g *ops.DescribedGroup) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s  %s  %d members  lag %d\n", g.Group, g.State, len(g.Members), g.Lag)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TOPIC\tPARTITION\tCOMMITTED\tEND\tLAG\tBEHIND\tMEMBER")
	for _, p := range g.Partitions {
		behind := "-"
		if p.LagMS > 0 {
			behind = (time.Duration(p.LagMS) * time.Millisecond).Round(time.Millisecond).String()
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%s\t%s\n", p.Topic, p.Partition, offsetText(p.Committed), offsetText(p.End), p.Lag, behind, p.Member)
	}
	return w.Flush()
}

// offsetText shows an offset; -1 is none.
func offsetText(offset int64) string {
	if offset < 0 {
		return "-"
	}
	return fmt.Sprint(offset)
}

func newGroupsSeek(p *folder) *cobra.Command {
	var c connections
	var o ops.SeekOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "seek GROUP",
		Short: "Have a group begin elsewhere: at the start, the end, a time, an offset, or some offsets on or back",
		Long: `Seek has a group begin elsewhere. The group must have no members: they would go on from where they are. What it would begin at lies within
what the log has. --dry-run shows the change and makes none.`,
		Args: cobra.ExactArgs(1),
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, args []string) (*ops.SoughtGroup, error) {
			return ops.SeekGroup(cmd.Context(), project, env, args[0], o)
		}, func(cmd *cobra.Command, g *ops.SoughtGroup) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "TOPIC\tPARTITION\tFROM\tTO")
			for _, p := range g.Partitions {
				fmt.Fprintf(w, "%s\t%d\t%s\t%d\n", p.Topic, p.Partition, offsetText(p.From), p.To)
			}
			if !g.Done {
				fmt.Fprintln(w, "nothing was changed: a dry run")
			}
			return w.Flush()
		}),
	}
	c.addBrokers(cmd)
	cmd.Flags().StringVar(&o.To, "to", "", "start, end, an RFC 3339 time, an offset, or +N or -N offsets")
	cmd.Flags().StringArrayVar(&o.Topics, "topic", nil, "a topic to move; may be repeated (default: all that the group has read)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "show the change and make none")
	addJSON(cmd, &asJSON, "print the change as JSON")
	return cmd
}

func newGroupsDelete(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	type answer struct {
		Group string `json:"group"`
	}
	cmd := &cobra.Command{
		Use:   "delete GROUP",
		Short: "Delete a group without members, and what it has committed",
		Args:  cobra.ExactArgs(1),
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, args []string) (answer, error) {
			group, err := ops.DeleteGroup(cmd.Context(), project, env, args[0])
			return answer{group}, err
		}, func(cmd *cobra.Command, a answer) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is deleted\n", a.Group)
			return err
		}),
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print what is deleted as JSON")
	return cmd
}
