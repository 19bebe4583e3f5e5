package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newTopicsDescribe(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "describe TOPIC",
		Short: "Show a topic's partitions, settings and events",
		Args:  cobra.ExactArgs(1),
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, args []string) (*ops.DescribedTopic, error) {
			return ops.DescribeTopic(cmd.Context(), project, env, args[0])
		}, showTopic),
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the topic as JSON")
	return cmd
}

func showTopic(cmd *cobra.Command, t *ops.DescribedTopic) error {
	out := cmd.OutOrStdout()
	events := "the schemas have no events for it"
	if len(t.Events) > 0 {
		events = strings.Join(t.Events, ", ")
	}
	fmt.Fprintf(out, "%s  %s\n", t.Name, events)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tLEADER\tREPLICAS\tIN SYNC\tSTART\tEND\tBYTES\tA SECOND")
	for _, p := range t.Partitions {
		fmt.Fprintf(w, "%d\t%s\t%v\t%v\t%s\t%s\t%s\t%.2f\n", p.Partition, offsetText(int64(p.Leader)), p.Replicas, p.InSync,
			offsetText(p.Start), offsetText(p.End), offsetText(p.Bytes), p.Rate)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, name := range t.Set {
		fmt.Fprintf(out, "%s=%s\n", name, t.Config[name])
	}
	return nil
}

func newTopicsOffsets(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var at string
	cmd := &cobra.Command{
		Use:   "offsets TOPIC",
		Short: "Show where a topic's partitions begin and end, and what stands at a time",
		Args:  cobra.ExactArgs(1),
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, args []string) (*ops.TopicOffsets, error) {
			var t time.Time
			if at != "" {
				var err error
				if t, err = time.Parse(time.RFC3339, at); err != nil {
					return nil, fmt.Errorf("--at %q: want a time such as 2025-10-16T12:34:56Z", at)
				}
			}
			return ops.ReadOffsets(cmd.Context(), project, env, args[0], t)
		}, func(cmd *cobra.Command, t *ops.TopicOffsets) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "PARTITION\tSTART\tEND\tAT")
			for _, p := range t.Partitions {
				stands := "-"
				if p.At != nil {
					stands = offsetText(*p.At)
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", p.Partition, offsetText(p.Start), offsetText(p.End), stands)
			}
			return w.Flush()
		}),
	}
	c.addBrokers(cmd)
	cmd.Flags().StringVar(&at, "at", "", "an RFC 3339 time")
	addJSON(cmd, &asJSON, "print the offsets as JSON")
	return cmd
}

func newTopicsDelete(p *folder) *cobra.Command {
	var c connections
	var asJSON, yes bool
	cmd := &cobra.Command{
		Use:   "delete TOPIC",
		Short: "Delete a topic with all that is in it, once --yes says so; without it, say what would be lost",
		Args:  cobra.ExactArgs(1),
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, args []string) (*ops.DeletedTopic, error) {
			d, err := ops.DeleteTopic(cmd.Context(), project, env, args[0], yes)
			if errors.Is(err, ops.ErrNotConfirmed) && asJSON {
				if err := printJSON(cmd, d); err != nil {
					return nil, err
				}
			}
			return d, err
		}, func(cmd *cobra.Command, d *ops.DeletedTopic) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is deleted, with %d records\n", d.Topic, d.Records)
			return err
		}),
	}
	c.addBrokers(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it")
	addJSON(cmd, &asJSON, "print what is deleted as JSON")
	return cmd
}
