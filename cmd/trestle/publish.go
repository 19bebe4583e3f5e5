package main

import (
	"cmp"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newPublish(p *folder) *cobra.Command {
	var c connections
	var o ops.PublishOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "publish TYPE [-f FILE|-]",
		Short: "Publish events from JSON documents",
		Long: `Publish reads events as validate does and publishes each to its topic. Ids, timestamps, source and defaults that are
missing are filled in; what is there is kept. An event that is invalid is reported and not sent, as is one with fields
that its schema does not name and that it would be sent without; the others are. With a registry the schema's id travels
in a header.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project := p.project()
			types, err := project.EventTypes(cmd.Context())
			if err != nil {
				return err
			}
			info, err := types.Named(args[0])
			if err != nil {
				return err
			}
			env, err := c.resolve(project)
			if err != nil {
				return err
			}
			var counts atomic.Pointer[ops.PublishCounts]
			counts.Store(&ops.PublishCounts{})
			o.Files, o.Input, o.Log = append(o.Files, args[1:]...), cmd.InOrStdin(), logger(cmd)
			o.Each = func(p ops.Published) { showPublished(cmd, p, asJSON) }
			o.Progress = func(c ops.PublishCounts) { counts.Store(&c) }
			stop := showProgress(cmd, func() string {
				c := counts.Load()
				return fmt.Sprintf("%d events published, %d failed", c.Total-c.Failed, c.Failed)
			})
			answer, err := ops.Publish(cmd.Context(), env, info, o)
			stop()
			switch {
			case cmd.Context().Err() != nil:
				fmt.Fprintf(cmd.ErrOrStderr(), "%d published, %d not\n", answer.Total-answer.Failed, answer.Failed)
				return cmp.Or(err, cmd.Context().Err())
			case err != nil:
				return err
			case answer.NotTaken > 0:
				return fmt.Errorf("%d of %d events were not published, %d of them because the cluster did not take them or the registry is away", answer.Failed, answer.Total, answer.NotTaken)
			case answer.Failed > 0:
				return no("%d of %d events were not published", answer.Failed, answer.Total)
			case !asJSON:
				fmt.Fprintf(cmd.ErrOrStderr(), "%d published\n", answer.Total)
			}
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	addJSON(cmd, &asJSON, "print one JSON object for each event")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long an event may wait for the cluster to take it")
	cmd.Flags().StringArrayVarP(&o.Files, "file", "f", nil, "file of events; - or nothing for standard input")
	return cmd
}

func showPublished(cmd *cobra.Command, p ops.Published, asJSON bool) {
	switch {
	case asJSON:
		if err := showLine(cmd, p); err != nil {
			fmt.Fprintln(os.Stderr, "trestle:", err)
		}
	case p.Error != "":
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", p.Document, p.Error)
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "%s[%d]@%d %s\n", p.Topic, p.Partition, p.Offset, p.EventID)
	}
}
