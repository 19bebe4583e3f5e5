package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
	"github.com/spf13/cobra"
)

func newTrace(p *project) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Store every event, and read conversations back",
	}
	cmd.AddCommand(
		newTraceRun(p),
		newTraceQuery(p, "correlation ID", "Show all events with a correlation id: a request, its progress, its response",
			func(ctx context.Context, s eventtrace.Store, id string) ([]eventtrace.Event, error) {
				return s.ByCorrelation(ctx, id)
			}),
		newTraceQuery(p, "session ID", "Show the timeline of a session",
			func(ctx context.Context, s eventtrace.Store, id string) ([]eventtrace.Event, error) {
				return s.BySession(ctx, id)
			}),
		newTraceType(p),
	)
	return cmd
}

func newTraceRun(p *project) *cobra.Command {
	var c connections
	var untilEnd, asJSON bool
	var topics []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Follow the topics into the store",
		Long: `Run stores every record of the topics once, keyed by topic, partition and offset. How far it got is in the store, so that a
restart goes on where it was and a new store gets everything that the topics still hold.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := p.load(cmd.Context())
			if err != nil {
				return err
			}
			env, err := c.resolve(p)
			if err != nil {
				return err
			}
			if err := env.needBrokers(); err != nil {
				return err
			}
			store, err := env.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			if len(topics) == 0 {
				topics = topicNames(set.Topics)
			}
			sink, err := eventtrace.NewSink(env.Brokers, topics, store, traceReader(set), eventtrace.WithLogger(logger(cmd)))
			if err != nil {
				return err
			}
			stop := showProgress(cmd, func() string { return fmt.Sprintf("%d events stored", sink.Stats().Stored) })
			if untilEnd {
				err = sink.RunUntilEnd(cmd.Context())
			} else {
				fmt.Fprintf(cmd.ErrOrStderr(), "following %d topics into the store; ctrl-C to stop\n", len(topics))
				err = sink.Run(cmd.Context())
			}
			stop()
			if err != nil {
				return err
			}
			stats := sink.Stats()
			if asJSON {
				return printJSON(cmd, map[string]int64{"stored": stats.Stored, "repeated": stats.Repeated, "invalid": stats.Invalid})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d events stored, %d of them unreadable\n", stats.Stored, stats.Invalid)
			return nil
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	cmd.Flags().BoolVar(&untilEnd, "until-end", false, "stop at the end that the topics have now")
	cmd.Flags().StringSliceVar(&topics, "topics", nil, "topics to follow (default: all declared ones)")
	addJSON(cmd, &asJSON, "print the counts as JSON when done")
	return cmd
}

func newTraceQuery(p *project, use, short string, query func(context.Context, eventtrace.Store, string) ([]eventtrace.Event, error)) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), p, func(store eventtrace.Store) error {
				events, err := query(cmd.Context(), store, args[0])
				if err != nil {
					return err
				}
				return showTrace(cmd, events, asJSON)
			})
		},
	}
	c.addStore(cmd)
	addJSON(cmd, &asJSON, "print the events as JSON")
	return cmd
}

func newTraceType(p *project) *cobra.Command {
	var c connections
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "type TYPE",
		Short: "Show the newest events of a type",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), p, func(store eventtrace.Store) error {
				page, err := store.ByType(cmd.Context(), args[0], eventtrace.Cursor{}, limit)
				if err != nil {
					return err
				}
				return showTrace(cmd, page.Events, asJSON)
			})
		},
	}
	c.addStore(cmd)
	addJSON(cmd, &asJSON, "print the events as JSON")
	cmd.Flags().IntVarP(&limit, "count", "n", 100, "how many at most")
	return cmd
}

func (c *connections) withStore(ctx context.Context, p *project, use func(eventtrace.Store) error) error {
	env, err := c.resolve(p)
	if err != nil {
		return err
	}
	store, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	return use(store)
}

func (e environment) openStore(ctx context.Context) (eventtrace.Store, error) {
	if err := e.needStore(); err != nil {
		return nil, err
	}
	return store.OpenTraces(ctx, e.Store)
}

// traced is one event as `trace --json` shows it.
type traced struct {
	EventType     string          `json:"event_type"`
	Topic         string          `json:"topic"`
	Partition     int32           `json:"partition"`
	Offset        int64           `json:"offset"`
	Timestamp     string          `json:"timestamp"`
	CorrelationID *string         `json:"correlation_id"`
	SessionID     *string         `json:"session_id"`
	Payload       json.RawMessage `json:"payload"`
	EventID       string          `json:"event_id"`
	// Invalid says why the record could not be read, where it could not.
	Invalid string `json:"invalid,omitempty"`
}

func showTrace(cmd *cobra.Command, events []eventtrace.Event, asJSON bool) error {
	if !asJSON {
		writeTimeline(cmd.OutOrStdout(), events)
		return nil
	}
	out := make([]traced, len(events))
	for i, e := range events {
		out[i] = traced{
			EventType: e.EventType, Topic: e.Topic, Partition: e.Partition, Offset: e.Offset,
			Timestamp:     e.Timestamp.UTC().Format(time.RFC3339Nano),
			CorrelationID: orNull(e.CorrelationID), SessionID: orNull(e.SessionID),
			Payload: json.RawMessage("null"), EventID: e.EventID, Invalid: e.Invalid,
		}
		if e.Payload != "" {
			out[i].Payload = json.RawMessage(e.Payload)
		}
	}
	return printJSON(cmd, map[string]any{"events": out})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// writeTimeline prints a line an event: when, what, and what its payload says of itself.
func writeTimeline(w io.Writer, events []eventtrace.Event) {
	for _, e := range events {
		name := e.EventType
		if name == "" {
			name = "(unreadable)"
		}
		line := fmt.Sprintf("%s  %-26s", e.Timestamp.UTC().Format("2006-01-02 15:04:05.000"), name)
		if says := summary(e); says != "" {
			line += "  " + says
		}
		fmt.Fprintf(w, "%s  %s[%d]@%d\n", line, e.Topic, e.Partition, e.Offset)
	}
}

// summary is what a payload says of itself: a status with its message, or the error of a dead letter.
func summary(e eventtrace.Event) string {
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
	if err := json.Unmarshal([]byte(e.Payload), &says); err != nil {
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

// traceReader reads records of the declared topics.
func traceReader(set *schema.Set) eventtrace.Reader {
	types := eventTypesOf(set).decoding()
	return eventtrace.Envelopes(envelopeOf(set), eventtrace.WithProtobuf(func(r *kafka.Record, _ string) (jsonio.Raw, error) {
		return protobufPayload(r, types)
	}))
}

// envelopeOf says which envelope the events of a topic have.
func envelopeOf(set *schema.Set) func(topic string) wire.Kind {
	kinds := make(map[string]wire.Kind, len(set.Topics))
	for _, t := range set.Topics {
		kind := schema.EnvelopeNone
		switch {
		case len(t.DeadLetterOf) > 0:
		case len(t.Events) > 0:
			kind = t.Events[0].Envelope
		case t.Package.Family != nil:
			kind = t.Package.Family.Envelope
		}
		kinds[t.Name] = map[schema.Envelope]wire.Kind{
			schema.EnvelopeOnexV1:    wire.OnexV1,
			schema.EnvelopeBaseEvent: wire.BaseEvent,
		}[kind]
	}
	return func(topic string) wire.Kind { return kinds[topic] }
}

// protobufPayload renders the payload of a record in protobuf as JSON.
func protobufPayload(r *kafka.Record, types *trestle.Types) (jsonio.Raw, error) {
	decoded, err := decodeRecord(r, types)
	if err != nil {
		return "", err
	}
	text, err := decoded.Event.AppendJSON(nil)
	return jsonio.Raw(text), err
}

// decodeRecord reads a record of any of the event types.
func decodeRecord(r *kafka.Record, types *trestle.Types) (trestle.Decoded, error) {
	return trestle.Decode(r, types, trestle.DecodeOptions{})
}

func topicNames(topics []*schema.Topic) []string {
	out := make([]string, len(topics))
	for i, t := range topics {
		out[i] = t.Name
	}
	return out
}

// logger logs warnings and errors of a command's work to its standard error.
func logger(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
