package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newDLQStats(p *folder) *cobra.Command {
	var c connections
	var o ops.CountOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count dead letters, by topic, by cause and by time, and the keys that they hold",
		Args:  cobra.NoArgs,
		RunE: inProject(p, &c, &asJSON, func(cmd *cobra.Command, project *ops.Project, env ops.Environment, _ []string) (*ops.DeadLetterStats, error) {
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			stop := showProgress(cmd, func() string { return "reading dead letters" })
			defer stop()
			return ops.CountDeadLetters(cmd.Context(), project, env, o)
		}, func(cmd *cobra.Command, s *ops.DeadLetterStats) error {
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%d unresolved", s.Unresolved)
			if s.Followers > 0 {
				fmt.Fprintf(out, ", %d of them followers: they have not failed, and wait behind another of their key", s.Followers)
			}
			fmt.Fprintln(out)
			w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "TOPIC\tSOURCE\tTOTAL\tUNRESOLVED\tREPLAYED\tPURGED")
			for _, t := range s.Topics {
				if t.Total > 0 {
					fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\n", t.Topic, t.Source, t.Total, t.Unresolved, t.Replayed, t.Purged)
				}
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return errors.Join(showAcross(cmd, s), showCauses(cmd, s.Groups), showHeld(cmd, s), showTrend(cmd, s.Trend))
		}),
	}
	c.addBrokers(cmd)
	addDeadLetterFilter(cmd, &o.DeadLetterFilter)
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print the counts as JSON")
	return cmd
}

// showAcross shows causes by error and group, where some are of several topics or event types.
func showAcross(cmd *cobra.Command, s *ops.DeadLetterStats) error {
	if len(s.Across) == len(s.Groups) {
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ACROSS TOPICS\tCOUNT\tLAST\tGROUP\tTOPICS\tEVENT TYPES\tERROR")
	for _, a := range s.Across {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%s\n", a.ID, a.Count, a.Last.Format("2006-01-02 15:04:05"), plain(a.Group), a.Topics, a.EventTypes, plain(a.Cause))
	}
	return w.Flush()
}

func showCauses(cmd *cobra.Command, causes []ops.DeadLetterCause) error {
	if len(causes) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CAUSE\tCOUNT\tLAST\tGROUP\tEVENT TYPE\tERROR")
	for _, c := range causes {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", c.ID, c.Count, c.Last.Format("2006-01-02 15:04:05"), plain(c.Group), plain(c.EventType), plain(c.Cause))
	}
	return w.Flush()
}

// shownKeys is how many held keys are shown; JSON has more.
const shownKeys = 10

func showHeld(cmd *cobra.Command, s *ops.DeadLetterStats) error {
	if s.HeldKeys == 0 {
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "HELD KEY\tEVENTS BEHIND\tSINCE\tGROUP\tSOURCE\tBEHIND")
	for i, h := range s.Held {
		if i == shownKeys {
			break
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", plain(h.Key), h.Behind, h.Since.Format("2006-01-02 15:04:05"), plain(h.Group), h.Source, h.Letter)
	}
	if more := s.HeldKeys - min(len(s.Held), shownKeys); more > 0 {
		fmt.Fprintf(w, "… and %d more\n", more)
	}
	return w.Flush()
}

// shownTrend is how many hours or days are shown, the last ones, and trendWidth how wide the bar of the most is.
const (
	shownTrend = 24
	trendWidth = 40
)

func showTrend(cmd *cobra.Command, trend []ops.DeadLetterTrend) error {
	trend = trend[max(0, len(trend)-shownTrend):]
	most := 0
	for _, t := range trend {
		most = max(most, t.Written)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	for i, t := range trend {
		layout := "2006-01-02 15:00"
		if t.Hours > 1 {
			layout = "2006-01-02"
		}
		if i == 0 {
			fmt.Fprintln(w, "SINCE\tWRITTEN\tUNRESOLVED\t")
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", t.Start.Format(layout), t.Written, t.Unresolved, strings.Repeat("#", (t.Written*trendWidth+most-1)/most))
	}
	return w.Flush()
}
