package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newPeek(p *folder) *cobra.Command {
	var c connections
	var o ops.PeekOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "peek TOPIC",
		Short: "Show records of a topic: the newest, or from a place on",
		Long: `Peek shows the last records of a topic, over all partitions, oldest first. It joins no consumer group and moves no
offset. --from start shows the first ones, --from OFFSET those from that offset of each partition, --from TIME (RFC 3339)
those from then on, and --from end waits for new ones.

What the project's schemas mark sensitive is shown as "***"; --reveal shows it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project := p.project()
			env, err := c.resolve(project)
			if err != nil {
				return err
			}
			o.Warn = func(err error) {
				fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err)
			}
			return ops.Peek(cmd.Context(), project, env, args[0], o, func(r ops.Peeked) error {
				if asJSON {
					return showLine(cmd, r)
				}
				return showText(cmd.OutOrStdout(), r)
			})
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	cmd.Flags().IntVarP(&o.Count, "count", "n", 10, "how many records")
	addReveal(cmd, &o.Reveal)
	cmd.Flags().StringVar(&o.From, "from", "", "start, end, an offset, or an RFC 3339 time (default: the last -n)")
	return cmd
}

// addReveal gives a command that shows events the flag that shows them whole.
func addReveal(cmd *cobra.Command, reveal *bool) {
	cmd.Flags().BoolVar(reveal, "reveal", false, "show what the schemas mark sensitive, instead of ***")
}

func showText(w io.Writer, r ops.Peeked) error {
	key := "(no key)"
	if r.Key != nil {
		key = *r.Key
	}
	value := string(r.Value)
	switch {
	case r.ValueBase64 != "":
		value = "(not JSON) " + r.ValueBase64
	case r.Withheld != "":
		value = "(not shown: " + r.Withheld + ")"
	}
	_, err := fmt.Fprintf(w, "%s  %s[%d]@%d  %s  %s\n  %s\n", r.Timestamp, r.Topic, r.Partition, r.Offset, cmp.Or(r.EventType, "(unknown type)"), key, value)
	return err
}
