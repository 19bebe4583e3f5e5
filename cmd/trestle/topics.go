package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func newTopics(p *project) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Compare the cluster's topics with the schemas, and bring them there",
	}
	cmd.AddCommand(newTopicsPlan(p), newTopicsApply(p), newTopicsList(p))
	return cmd
}

func newTopicsPlan(p *project) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what `topics apply` would do; change nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, _, err := planTopics(cmd.Context(), p, &c)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, plan); err != nil {
					return err
				}
			} else {
				printTopicsPlan(cmd, plan)
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

func newTopicsApply(p *project) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create and update topics as the schemas declare them; never delete one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, env, err := planTopics(cmd.Context(), p, &c)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, plan)
			} else {
				printTopicsPlan(cmd, plan)
			}
			if err != nil {
				return err
			}
			if len(plan.Refused()) > 0 {
				return no("nothing was changed: a topic is refused")
			}
			cl, err := env.kafka()
			if err != nil {
				return err
			}
			defer cl.Close()
			return plan.Apply(cmd.Context(), cl)
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print what is done as JSON")
	return cmd
}

func planTopics(ctx context.Context, p *project, c *connections) (*topics.Plan, environment, error) {
	set, err := p.load(ctx)
	if err != nil {
		return nil, environment{}, err
	}
	env, err := c.resolve(p)
	if err != nil {
		return nil, env, err
	}
	cl, err := env.kafka()
	if err != nil {
		return nil, env, err
	}
	defer cl.Close()
	plan, err := topics.NewPlan(ctx, cl, topicSpecs(set, env))
	return plan, env, err
}

// topicSpecs turns declared topics into what the cluster is asked for, the environment's overrides applied.
func topicSpecs(set *schema.Set, env environment) []topics.Spec {
	out := make([]topics.Spec, 0, len(set.Topics))
	for _, t := range set.Topics {
		s := topics.Spec{
			Name:              t.Name,
			Partitions:        t.Settings.Partitions,
			ReplicationFactor: env.ReplicationFactor,
			Config: map[string]string{
				"retention.ms":     retentionMS(t.Settings),
				"cleanup.policy":   t.Settings.CleanupPolicy,
				"compression.type": t.Settings.CompressionType,
			},
		}
		if n := t.Settings.MaxMessageBytes; n > 0 {
			s.Config["max.message.bytes"] = strconv.Itoa(int(n))
		}
		maps.DeleteFunc(s.Config, func(_, v string) bool { return v == "" })
		if o := env.Topics[t.Name]; o.Partitions > 0 {
			s.Partitions = o.Partitions
		}
		out = append(out, s)
	}
	return out
}

func retentionMS(s schema.TopicSettings) string {
	if s.Retention < 0 {
		return "-1"
	}
	return strconv.FormatInt(s.Retention.Milliseconds(), 10)
}

func printTopicsPlan(cmd *cobra.Command, plan *topics.Plan) {
	out := cmd.OutOrStdout()
	if plan.Empty() {
		fmt.Fprintf(out, "%d topics, all as declared\n", len(plan.Topics))
		return
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
	w.Flush()
}

func configText(config map[string]string) string {
	parts := make([]string, 0, len(config))
	for _, k := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, k+"="+config[k])
	}
	return strings.Join(parts, " ")
}

// listedTopic is one line of `topics list`.
type listedTopic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	// Records is the sum of end less start offsets: what can still be read.
	Records  int64 `json:"records"`
	Declared bool  `json:"declared"`
}

func newTopicsList(p *project) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the cluster's topics with their records",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := listTopics(cmd.Context(), p, &c)
			if err != nil {
				return err
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

func listTopics(ctx context.Context, p *project, c *connections) ([]listedTopic, error) {
	env, err := c.resolve(p)
	if err != nil {
		return nil, err
	}
	var set schema.Set
	if p.opened {
		loaded, err := p.load(ctx)
		if err != nil {
			return nil, err
		}
		set = *loaded
	}
	cl, err := env.kafka()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	found, err := adm.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	names := found.Names()
	list := make([]listedTopic, 0, len(names))
	if len(names) == 0 {
		return list, nil
	}
	starts, err := adm.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list start offsets: %w", err)
	}
	ends, err := adm.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	for _, t := range found.Sorted() {
		row := listedTopic{Name: t.Topic, Partitions: len(t.Partitions), Replicas: t.Partitions.NumReplicas(), Declared: set.Topic(t.Topic) != nil}
		for partition := range t.Partitions {
			start, okStart := starts.Lookup(t.Topic, partition)
			end, okEnd := ends.Lookup(t.Topic, partition)
			if okStart && okEnd && start.Err == nil && end.Err == nil {
				row.Records += end.Offset - start.Offset
			}
		}
		list = append(list, row)
	}
	return list, nil
}
