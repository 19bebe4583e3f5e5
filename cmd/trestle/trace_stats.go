package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newTraceStats(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var o ops.TraceStatsOptions
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Say how much there was, how long requests waited and which part failed",
		Long: `Stats counts what the trace store has of a window, by the times of the log: rates by type and topic, response times by type of request, the
slowest conversations and the busiest sessions. The window is the last hour; --window says how long it is, --since when it begins.

A request counts with the time until its first response where that came in the window, and with its age where it has none. Unanswered are those past
their deadline or, where they have none, past the limit for responses. The limits are those of trestle monitor, whose measures these are; the exit status does
not depend on them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			stats, err := ops.StatTraces(cmd.Context(), project, env, o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, stats)
			}
			return writeTraceStats(cmd.OutOrStdout(), stats)
		},
	}
	c.addStore(cmd)
	addJSON(cmd, &asJSON, "print the counts as JSON")
	cmd.Flags().DurationVar(&o.Window, "window", 0, "how long the window is (default: 1h; with --since: until now)")
	cmd.Flags().StringVar(&o.Since, "since", "", "when it begins, an RFC 3339 time (default: so long ago as it is long)")
	cmd.Flags().IntVarP(&o.Most, "count", "n", 5, "how many of the slowest and the busiest")
	return cmd
}

func writeTraceStats(out io.Writer, s *ops.TraceStats) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	stamp := func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000") }
	fmt.Fprintf(w, "%d events from %s until %s, %d of them dead letters (%.2f%% of the others)\n", s.Events, stamp(s.From), stamp(s.Until), s.DeadLetters, 100*s.DeadLetterRate)
	if len(s.Types) > 0 {
		fmt.Fprintln(w, "\nTYPE\tEVENTS\tA SECOND")
		for _, t := range s.Types {
			fmt.Fprintf(w, "%s\t%d\t%.3g\n", plain(cmp.Or(t.EventType, "(unreadable)")), t.Count, t.Rate)
		}
		fmt.Fprintln(w, "\nTOPIC\tEVENTS\tA SECOND")
		for _, t := range s.Topics {
			fmt.Fprintf(w, "%s\t%d\t%.3g\n", t.Topic, t.Count, t.Rate)
		}
	}
	if len(s.Requests) > 0 {
		fmt.Fprintln(w, "\nREQUEST\tEVENTS\tANSWERED\tP50\tP95\tP99\tUNANSWERED")
		for _, r := range s.Requests {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d ms\t%d ms\t%d ms\t%d\n", r.EventType, r.Count, r.Answered, r.P50, r.P95, r.P99, r.Unanswered)
		}
		fmt.Fprintln(w, "\nSLOWEST CONVERSATION\tREQUEST\tASKED\tWAITED")
		for _, c := range s.Slowest {
			waited := fmt.Sprintf("%d ms", c.MS)
			if !c.Answered {
				waited += ", no response"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.CorrelationID, c.EventType, stamp(c.Asked), waited)
		}
	}
	if len(s.Busiest) > 0 {
		fmt.Fprintln(w, "\nBUSIEST SESSION\tEVENTS\tFIRST\tLAST")
		for _, b := range s.Busiest {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", b.SessionID, b.Count, stamp(b.First), stamp(b.Last))
		}
	}
	if len(s.Targets) > 0 {
		fmt.Fprintln(w, "\nTARGET\tLIMIT\tIS\t")
		for _, t := range s.Targets {
			verdict := "ok"
			if t.Passed {
				verdict = "passed"
			}
			fmt.Fprintf(w, "%s\t%v\t%.4g\t%s\n", t.Name, t.Limit, t.Value, verdict)
		}
	}
	return w.Flush()
}
