package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newCluster(p *folder) *cobra.Command {
	return newParent("cluster", "See what a cluster is made of, and how it fares", newClusterInfo(p), newClusterHealth(p))
}

func newClusterInfo(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Show the brokers, the controller, and a guess at the version",
		Args:  cobra.NoArgs,
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, _ *ops.Project, env ops.Environment, _ []string) (*ops.ClusterInfo, error) {
			return ops.DescribeCluster(cmd.Context(), env)
		}, func(cmd *cobra.Command, info *ops.ClusterInfo) error {
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "cluster %s  %s\n", info.ID, info.Version)
			w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "BROKER\tADDRESS\tRACK\t")
			for _, b := range info.Brokers {
				role := ""
				if b.ID == info.Controller {
					role = "controller"
				}
				fmt.Fprintf(w, "%d\t%s:%d\t%s\t%s\n", b.ID, b.Host, b.Port, b.Rack, role)
			}
			return w.Flush()
		}),
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the cluster as JSON")
	return cmd
}

func newClusterHealth(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var healthy bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Show the partitions that lack replicas or a leader; exit 1 if there are any",
		Args:  cobra.NoArgs,
	}
	run := inProject(p, &c, &asJSON, func(cmd *cobra.Command, _ *ops.Project, env ops.Environment, _ []string) (*ops.ClusterHealth, error) {
		health, err := ops.CheckCluster(cmd.Context(), env)
		healthy = err == nil && health.Healthy
		if err == nil && health.Partitions == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "no partitions: "+noneSeen)
		}
		return health, err
	}, func(cmd *cobra.Command, health *ops.ClusterHealth) error {
		out := cmd.OutOrStdout()
		if health.Healthy {
			_, err := fmt.Fprintln(out, "healthy: every partition has a leader and all its replicas")
			return err
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "TOPIC\tPARTITION\tSTATE\tREPLICAS\tIN SYNC")
		for _, p := range health.Offline {
			fmt.Fprintf(w, "%s\t%d\tno leader\t%v\t%v\n", p.Topic, p.Partition, p.Replicas, p.InSync)
		}
		for _, p := range health.UnderReplicated {
			fmt.Fprintf(w, "%s\t%d\tunder-replicated\t%v\t%v\n", p.Topic, p.Partition, p.Replicas, p.InSync)
		}
		return w.Flush()
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return err
		}
		if !healthy {
			return errNo
		}
		return nil
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the health as JSON")
	return cmd
}
