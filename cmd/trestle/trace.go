package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newTrace(p *folder) *cobra.Command {
	return newParent("trace", "Store every event, and read conversations back",
		newTraceRun(p), newTraceBackfill(p),
		newTraceCorrelation(p),
		newTraceQuery(p, "session ID", "Show the timeline of a session", 0, ops.TraceSession, nil),
		newTraceQuery(p, "type TYPE", "Show the newest events of a type", 100, ops.TraceType, nil),
		newTraceFind(p), newTraceStats(p), newTracePrune(p))
}

func newTraceRun(p *folder) *cobra.Command {
	var untilEnd bool
	var o ops.TracerOptions
	cmd := newTracing(p, &o, "run", "Follow the topics into the store", func(cmd *cobra.Command, t *ops.Tracer) error {
		if untilEnd {
			return t.RunUntilEnd(cmd.Context())
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "following %d topics into the store; ctrl-C to stop\n", len(t.Topics))
		return t.Run(cmd.Context())
	})
	cmd.Long = `Run stores every record of the topics once, keyed by topic, its id, partition and offset. How far it got is in the store, so that a
restart goes on where it was and a new store gets everything that the topics still hold; with --from, what stands from that place on, and what stands
before it is left to trestle trace backfill.

Any number of them may run with one store, on any machines: they share the partitions, and when one ends or dies the others take over what was its.

--keep removes what is older, by the records' times, when it starts and every hour, as trestle trace prune does; trace: {keep: 720h} of an environment in
trestle.yaml says the same.`
	cmd.Flags().DurationVar(&o.Keep, "keep", 0, "for how long events are kept, such as 720h (default: as the environment says, else for ever)")
	cmd.Flags().BoolVar(&untilEnd, "until-end", false, "stop at the end that the topics have now")
	cmd.Flags().Lookup("from").Usage = "where a partition begins that the store has not read: start, end, an offset of each, or an RFC 3339 time (default: start)"
	return cmd
}

func newTraceBackfill(p *folder) *cobra.Command {
	cmd := newTracing(p, new(ops.TracerOptions), "backfill", "Store again what is not stored of the topics, from any place on", func(cmd *cobra.Command, t *ops.Tracer) error {
		return t.Backfill(cmd.Context())
	})
	cmd.Long = `Backfill reads the topics from a place on to the end that they have now, and stores what is not stored of it: what trestle trace run --from passed over,
or what the store has lost. It does not change how far they have been followed, and may run beside those that follow them, or again when it was interrupted.`
	cmd.Flags().Lookup("from").Usage = "where to begin: start, an offset of each partition, or an RFC 3339 time"
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

// newTracing makes a command that stores what topics hold.
func newTracing(p *folder, o *ops.TracerOptions, use, short string, run func(*cobra.Command, *ops.Tracer) error) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Log = logger(cmd)
			tracer, err := ops.NewTracer(cmd.Context(), project, env, *o)
			if err != nil {
				return err
			}
			defer tracer.Close()
			stop := showProgress(cmd, func() string { return fmt.Sprintf("%d events stored", tracer.Counts().Stored) })
			err = run(cmd, tracer)
			stop()
			if err != nil {
				return err
			}
			counts := tracer.Counts()
			if asJSON {
				return printJSON(cmd, counts)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d events stored, %d of them unreadable\n", counts.Stored, counts.Invalid)
			if counts.Large > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "of %d the value was too large to be kept: it is in its topic alone\n", counts.Large)
			}
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	cmd.Flags().StringSliceVar(&o.Topics, "topics", nil, "topics to follow (default: all declared ones)")
	cmd.Flags().StringVar(&o.From, "from", "", "")
	cmd.Flags().IntVar(&o.Largest, "largest", 0, "how many bytes a record's value may have to be kept, beside what it says of itself (default: as the environment says, else 1048576)")
	addJSON(cmd, &asJSON, "print the counts as JSON when done")
	return cmd
}

// traceQuery is what a command asks the trace store, with an id or a type.
type traceQuery func(context.Context, *ops.Project, ops.Environment, string, ops.TraceOptions, func(ops.Traced) error) error

func newTraceQuery(p *folder, use, short string, count int, query traceQuery, waterfall *bool) *cobra.Command {
	var c connections
	var asJSON bool
	var o ops.TraceOptions
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: short + `, oldest first: within a partition by offset, across partitions by the records' times.
They are read and printed one by one, however many there are. -n shows the newest ones alone, and says how many earlier ones are left out. --follow goes on with those that are stored while it runs, each once.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			out := newTraceWriter(cmd, asJSON, o.Follow)
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			o.Earlier = out.earlier
			if waterfall != nil && *waterfall {
				return showWaterfall(cmd, project, env, args[0], o, out)
			}
			if err := query(cmd.Context(), project, env, args[0], o, out.show); err != nil {
				return errors.Join(err, out.flush())
			}
			return out.close()
		},
	}
	c.addStore(cmd)
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print the events as JSON")
	cmd.Flags().IntVarP(&o.Count, "count", "n", count, "how many at most, the newest; 0: all")
	cmd.Flags().BoolVar(&o.Follow, "follow", false, "go on with what is stored from then on, until ctrl-C; with --json an object a line")
	return cmd
}

func newTraceCorrelation(p *folder) *cobra.Command {
	var waterfall bool
	cmd := newTraceQuery(p, "correlation ID", "Show all events with a correlation id: a request, its progress, its response", 0, ops.TraceCorrelation, &waterfall)
	cmd.Long += `

--waterfall draws them below what led to each, by its causation id or, without one, a response below its request, a dead letter below the event that
died, a replay below its dead letter; and what is missing: for how long a request waits and how that is to its deadline, and which dead letter was not
replayed. = is a request until its response, - one without, x a dead letter. It is of the newest 1000 events at most.`
	cmd.Flags().BoolVar(&waterfall, "waterfall", false, "draw what led to what, when, and what is missing")
	cmd.MarkFlagsMutuallyExclusive("waterfall", "json")
	cmd.MarkFlagsMutuallyExclusive("waterfall", "follow")
	return cmd
}

func showWaterfall(cmd *cobra.Command, project *ops.Project, env ops.Environment, id string, o ops.TraceOptions, w *traceWriter) error {
	chain, err := ops.TraceChain(cmd.Context(), project, env, id, o)
	if err != nil {
		return err
	}
	if w.shown = len(chain.Links); w.shown > 0 {
		if err := writeWaterfall(w.out, chain, widthOf(cmd.OutOrStdout())); err != nil {
			return err
		}
	}
	w.earlier(chain.Earlier)
	return w.close()
}

func newTraceFind(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var o ops.TraceOptions
	var f ops.TraceFilter
	cmd := &cobra.Command{
		Use:   "find",
		Short: "Find events by type, topic, time, key, a field's value or text",
		Long: `Find shows the events of which all is true that is asked for, newest first by their time in the log. They are read and printed one by one.

--correlation, --session, --type and --topic, the first of these that is given, and --from and --to beside any are looked up in an index. For
--key, --text and --where, and what else is given, there is none: each event that the index gives is read, without any each event of the
store. --from bounds how many that are.

--where takes FIELD=VALUE, of a field of the payload, or an expression in CEL as peek's does: value.payload.limit > 5. What is masked when it is
shown is masked for --where and --text, too.`,
		Example: `  trestle trace find --type CodegenStatusEvent --from 2025-10-16T12:00:00Z --where status=failed
  trestle trace find --topic omninode_codegen_dlq_analyze_v1 --text TimeoutError --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			out := newTraceWriter(cmd, asJSON, o.Follow)
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			more, err := ops.FindTraced(cmd.Context(), project, env, f, o, out.show)
			if err != nil {
				return errors.Join(err, out.flush())
			}
			if err := out.close(); err != nil {
				return err
			}
			if more {
				fmt.Fprintln(cmd.ErrOrStderr(), "there may be more, earlier than these: -n 0 shows all")
			}
			return nil
		},
	}
	c.addStore(cmd)
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print the events as JSON")
	flags := cmd.Flags()
	flags.BoolVar(&o.Follow, "follow", false, "show what is stored from now on instead, until ctrl-C; with --json an object a line")
	flags.IntVarP(&o.Count, "count", "n", 20, "how many at most, the newest; 0: all")
	flags.StringVar(&f.EventType, "type", "", "only events of this type")
	flags.StringVar(&f.Topic, "topic", "", "only what is on this topic")
	flags.StringVar(&f.Key, "key", "", "only records with this key")
	flags.StringVar(&f.Correlation, "correlation", "", "only events with this correlation id")
	flags.StringVar(&f.Session, "session", "", "only events of this session")
	flags.StringVar(&f.From, "from", "", "only what is not before an RFC 3339 time in the log")
	flags.StringVar(&f.To, "to", "", "only what is before an RFC 3339 time in the log")
	flags.StringVar(&f.Text, "text", "", "only events in whose payload this text stands, as its JSON spells it")
	flags.StringVar(&f.Where, "where", "", "only events of which this is true: FIELD=VALUE, or an expression in CEL")
	return cmd
}

// traceWriter prints events as they come: lines, or one JSON object with all of them.
type traceWriter struct {
	cmd     *cobra.Command
	out     *bufio.Writer
	asJSON  bool
	follow  bool // each event is out as soon as it is shown, alone
	shown   int
	leftOut int64 // earlier events
}

func newTraceWriter(cmd *cobra.Command, asJSON, follow bool) *traceWriter {
	return &traceWriter{cmd: cmd, out: bufio.NewWriterSize(cmd.OutOrStdout(), 32<<10), asJSON: asJSON, follow: follow}
}

func (w *traceWriter) show(e ops.Traced) error {
	w.shown++
	switch {
	case w.follow && w.asJSON:
		return showLine(w.cmd, e)
	case w.follow:
		return writeEvent(w.cmd.OutOrStdout(), e)
	case !w.asJSON:
		return writeEvent(w.out, e)
	}
	before := ",\n    "
	if w.shown == 1 {
		before = "{\n  \"events\": [\n    "
	}
	text, err := indented(e, "    ")
	if err != nil {
		return err
	}
	w.out.WriteString(before) //nolint:errcheck // the next write says it
	_, err = w.out.Write(text)
	return err
}

func (w *traceWriter) earlier(n int64) { w.leftOut = n }

// close ends what is printed, and says what is missing.
func (w *traceWriter) close() error {
	if w.follow {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "%d events shown\n", w.shown)
		return nil
	}
	if w.asJSON {
		if w.shown == 0 {
			w.out.WriteString("{\n  \"events\": []") //nolint:errcheck // flush says it
		} else {
			w.out.WriteString("\n  ]") //nolint:errcheck // flush says it
		}
		if w.leftOut > 0 {
			fmt.Fprintf(w.out, ",\n  \"earlier\": %d", w.leftOut)
		}
		w.out.WriteString("\n}\n") //nolint:errcheck // flush says it
		return w.flush()
	}
	err := w.flush()
	switch {
	case w.shown == 0:
		fmt.Fprintln(w.cmd.ErrOrStderr(), "no events: the store holds none of these. What topics hold is stored while `trestle trace run`, or `trestle dev`, runs")
	case w.leftOut > 0:
		fmt.Fprintf(w.cmd.ErrOrStderr(), "%d earlier events are not shown: -n 0 shows all\n", w.leftOut)
	}
	return err
}

func (w *traceWriter) flush() error { return w.out.Flush() }

// writeTimeline prints a line an event: when, what, and what its payload says of itself.
func writeTimeline(w io.Writer, events []ops.Traced) error {
	for _, e := range events {
		if err := writeEvent(w, e); err != nil {
			return err
		}
	}
	return nil
}

func writeEvent(w io.Writer, e ops.Traced) error {
	line := fmt.Sprintf("%s  %-26s", e.Timestamp.Format("2006-01-02 15:04:05.000"), plain(cmp.Or(e.EventType, "(unreadable)")))
	if says := summary(e); says != "" {
		line += "  " + plain(says)
	}
	_, err := fmt.Fprintf(w, "%s  %s[%d]@%d\n", line, e.Topic, e.Partition, e.Offset)
	return err
}

// summary is what a payload says of itself: a status with its message, or the error of a dead letter.
func summary(e ops.Traced) string {
	if e.ValueBytes > 0 {
		return fmt.Sprintf("value of %d bytes not kept: read it with `trestle peek %s --from %d -n 1 --where 'partition == %d && offset == %d'`",
			e.ValueBytes, e.Topic, e.Offset, e.Partition, e.Offset)
	}
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
