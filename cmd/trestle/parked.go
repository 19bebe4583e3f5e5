package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newParked(p *folder) *cobra.Command {
	return newParent("parked", "Dead letters that their topics refused, so that consumers parked them in the store",
		newParkedList(p), newParkedPublish(p))
}

func newParkedList(p *folder) *cobra.Command {
	var c connections
	var o ops.ParkedOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the parked dead letters, and why their topics refused them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			shown := 0
			err = ops.ListParked(cmd.Context(), project, env, o, func(l ops.Parked) error {
				shown++
				if asJSON {
					return showLine(cmd, l)
				}
				key := "(no key)"
				if l.Key != nil {
					key = *l.Key
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s[%d]@%d  %s  %s\n  %s\n", l.ParkedAt.Format("2006-01-02 15:04:05.000"), l.Topic,
					l.SourceTopic, l.Partition, l.Offset, l.Group, key, l.Refusal)
				return err
			})
			if err == nil && shown == 0 && !asJSON {
				fmt.Fprintln(cmd.ErrOrStderr(), "no parked dead letters: their topics have taken all of them")
			}
			return err
		},
	}
	c.addStore(cmd)
	addParkedFilter(cmd, &o)
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	return cmd
}

func newParkedPublish(p *folder) *cobra.Command {
	var c connections
	var o ops.ParkedOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Publish the parked dead letters to their topics, which take them by now",
		Long: `Publish brings parked dead letters to their topics, in the order of the records that they are about, and removes each from the
store once it is acknowledged. What a topic still refuses stays parked. Interrupted and run again it goes on with what is
left; a letter stands on its topic twice only where the process, or the store, died after the acknowledgement and before the
removal.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, env, err := c.enter(p)
			if err != nil {
				return err
			}
			done, err := ops.PublishParked(cmd.Context(), env, o)
			if asJSON {
				if failed := printJSON(cmd, map[string]any{"topics": done}); err == nil {
					err = failed
				}
			}
			left := 0
			for _, d := range done {
				left += d.Left
				if !asJSON {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %d published, %d left\n", d.Topic, d.Published, d.Left)
				}
				if d.Error != "" {
					fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %s\n", d.Error)
				}
			}
			switch {
			case err != nil:
				return err
			case left > 0:
				return fmt.Errorf("%d dead letters are still parked", left)
			}
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	addParkedFilter(cmd, &o)
	addJSON(cmd, &asJSON, "print what was published as JSON")
	return cmd
}

func addParkedFilter(cmd *cobra.Command, o *ops.ParkedOptions) {
	cmd.Flags().StringVar(&o.Topic, "topic", "", "dead-letter topic (default: all)")
	cmd.Flags().StringVar(&o.Group, "group", "", "consumer group that parked them (default: all)")
}
