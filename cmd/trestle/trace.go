package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newTrace(p *folder) *cobra.Command {
	return newParent("trace", "Store every event, and read conversations back",
		newTraceRun(p),
		newTraceQuery(p, "correlation ID", "Show all events with a correlation id: a request, its progress, its response", ops.TraceCorrelation),
		newTraceQuery(p, "session ID", "Show the timeline of a session", ops.TraceSession),
		newTraceType(p))
}

func newTraceRun(p *folder) *cobra.Command {
	var c connections
	var untilEnd, asJSON bool
	var o ops.TracerOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Follow the topics into the store",
		Long: `Run stores every record of the topics once, keyed by topic, its id, partition and offset. How far it got is in the store, so that a
restart goes on where it was and a new store gets everything that the topics still hold.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Log = logger(cmd)
			tracer, err := ops.NewTracer(cmd.Context(), project, env, o)
			if err != nil {
				return err
			}
			defer tracer.Close()
			stop := showProgress(cmd, func() string { return fmt.Sprintf("%d events stored", tracer.Counts().Stored) })
			if untilEnd {
				err = tracer.RunUntilEnd(cmd.Context())
			} else {
				fmt.Fprintf(cmd.ErrOrStderr(), "following %d topics into the store; ctrl-C to stop\n", len(tracer.Topics))
				err = tracer.Run(cmd.Context())
			}
			stop()
			if err != nil {
				return err
			}
			counts := tracer.Counts()
			if asJSON {
				return printJSON(cmd, counts)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d events stored, %d of them unreadable\n", counts.Stored, counts.Invalid)
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	cmd.Flags().BoolVar(&untilEnd, "until-end", false, "stop at the end that the topics have now")
	cmd.Flags().StringSliceVar(&o.Topics, "topics", nil, "topics to follow (default: all declared ones)")
	addJSON(cmd, &asJSON, "print the counts as JSON when done")
	return cmd
}

func newTraceQuery(p *folder, use, short string, query func(context.Context, *ops.Project, ops.Environment, string, ops.TraceOptions) ([]ops.Traced, error)) *cobra.Command {
	var c connections
	var asJSON bool
	var o ops.TraceOptions
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			events, err := query(cmd.Context(), project, env, args[0], o)
			if err != nil {
				return err
			}
			return showTrace(cmd, events, asJSON)
		},
	}
	c.addStore(cmd)
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print the events as JSON")
	return cmd
}

func newTraceType(p *folder) *cobra.Command {
	var limit int
	cmd := newTraceQuery(p, "type TYPE", "Show the newest events of a type",
		func(ctx context.Context, p *ops.Project, env ops.Environment, eventType string, o ops.TraceOptions) ([]ops.Traced, error) {
			return ops.TraceType(ctx, p, env, eventType, limit, o)
		})
	cmd.Flags().IntVarP(&limit, "count", "n", 100, "how many at most")
	return cmd
}

func showTrace(cmd *cobra.Command, events []ops.Traced, asJSON bool) error {
	if asJSON {
		return printJSON(cmd, map[string]any{"events": events})
	}
	if len(events) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no events: the store holds none of these. What topics hold is stored while `trestle trace run`, or `trestle dev`, runs")
	}
	writeTimeline(cmd.OutOrStdout(), events)
	return nil
}

// writeTimeline prints a line an event: when, what, and what its payload says of itself.
func writeTimeline(w io.Writer, events []ops.Traced) {
	for _, e := range events {
		name := e.EventType
		if name == "" {
			name = "(unreadable)"
		}
		line := fmt.Sprintf("%s  %-26s", e.Timestamp.Format("2006-01-02 15:04:05.000"), name)
		if says := summary(e); says != "" {
			line += "  " + says
		}
		fmt.Fprintf(w, "%s  %s[%d]@%d\n", line, e.Topic, e.Partition, e.Offset)
	}
}

// summary is what a payload says of itself: a status with its message, or the error of a dead letter.
func summary(e ops.Traced) string {
	if e.Invalid != "" {
		return "invalid: " + e.Invalid
	}
	var says struct {
		Message string `json:"message"`
		Status  string `json:"status"`
		Error   struct {
			Type    string `json:"error_type"`
			Message string `json:"error_message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(e.Payload, &says); err != nil {
		return ""
	}
	switch {
	case says.Error.Type != "":
		return says.Error.Type + ": " + says.Error.Message
	case says.Message != "" && says.Status != "":
		return says.Message + " (" + says.Status + ")"
	}
	return says.Message
}

// logger logs warnings and errors of a command's work to its standard error.
func logger(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
