package main

import (
	"fmt"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newTracePrune(p *folder) *cobra.Command {
	var c connections
	var keep time.Duration
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what is older than is to be kept",
		Long: `Prune removes events whose records' times are longer ago than --keep, of all environments that share the store. How far the topics were read stays, so
that nothing of it is read again.

In PostgreSQL, days go whole, once all of a day is older, and what was stored before there were partitions once all of that is; readers and
tracers wait for moments. What has times that nothing was written at, and all in a SQLite file, is removed event by event in small transactions; an event
whose time is more than three days ahead is as old as its row. A SQLite file shrinks if this version or a later one made it; an older one uses the
space again.`,
		Example: `  trestle trace prune --keep 720h --dry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("keep") && keep <= 0 {
				return fmt.Errorf("--keep %v: want a time that events are kept for, such as 720h", keep)
			}
			gone, err := ops.PruneTrace(cmd.Context(), project, env, keep, dryRun)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, gone)
			}
			did := "were"
			if dryRun {
				did = "would be"
			}
			out := cmd.OutOrStdout()
			for _, part := range gone.Partitions {
				fmt.Fprintf(out, "%s until %s: about %d events, %d bytes\n", part.Name, part.Until.Format(time.RFC3339), part.Events, part.Bytes)
			}
			fmt.Fprintf(out, "%d partitions and %d single events from before %s %s removed: %d events, %d bytes\n",
				len(gone.Partitions), gone.Deleted, gone.Before.Format(time.RFC3339), did, gone.Events, gone.Bytes)
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	cmd.Flags().DurationVar(&keep, "keep", 0, "for how long events are kept, such as 720h (default: as the environment says)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	addJSON(cmd, &asJSON, "print what was removed as JSON")
	return cmd
}
