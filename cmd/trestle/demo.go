package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/omninode/trestle/cmd/trestle/demo"
	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/schema"
	"github.com/spf13/cobra"
)

func newDemo(p *folder) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the main job end to end on the embedded stack",
		Long: `Demo loads the schemas, checks that generated code is up to date and that nothing breaks what is committed, starts an
embedded stack, creates topics, registers schemas, and has services hold conversations over every event type, broken and
failing events included. Everything is traced; a timeline and a summary that adds up are printed. Nothing is left
running. In a project with other schemas than OmniNode's the events are examples that are made from the schemas. Outside
of any project demo brings OmniNode's schemas itself, and has no generated code or commit to check.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if asJSON {
				out = io.Discard
			}
			summary, err := runDemo(cmd.Context(), p.project(), out)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, summary)
			}
			return nil
		},
	}
	addJSON(cmd, &asJSON, "print the summary as one JSON object")
	return cmd
}

func runDemo(ctx context.Context, p *ops.Project, out io.Writer) (*demo.Summary, error) {
	begun := time.Now()
	step := func(format string, args ...any) {
		fmt.Fprintf(out, "%6.2fs  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}
	set, err := p.Load(ctx)
	outside := errors.Is(err, ops.ErrNoProject)
	if outside {
		p = ops.Of(demo.Schemas())
		set, err = p.Load(ctx)
	}
	if err != nil {
		return nil, err
	}
	step("%d event types in %d packages loaded", len(set.Events()), len(set.Packages))
	if outside {
		step("outside of any project: OmniNode's schemas, with no generated files to check and no commit to compare with")
	} else if err := checkProject(ctx, p, set, step); err != nil {
		return nil, err
	}
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		return nil, err
	}
	defer stack.Close()
	step("broker at %s, registry at %s", stack.Brokers, stack.Registry)
	env := ops.StackEnvironment(stack.Addresses)
	prepared, err := ops.Prepare(ctx, p, env)
	if err != nil {
		return nil, err
	}
	step("%d topics and %d subjects in place", prepared.Topics, prepared.Subjects)
	summary, err := converse(ctx, set, env, step, out)
	if err != nil {
		return nil, err
	}
	summary.DurationMS = time.Since(begun).Milliseconds()
	writeSummary(out, summary)
	return summary, nil
}

// checkProject checks what is in the project beside its schemas.
func checkProject(ctx context.Context, p *ops.Project, set *schema.Set, step func(string, ...any)) error {
	if err := checkGenerated(ctx, p, set, step); err != nil {
		return err
	}
	return checkCommitted(ctx, p, set, step)
}

func checkGenerated(ctx context.Context, p *ops.Project, set *schema.Set, step func(string, ...any)) error {
	files, err := gen.All(ctx, set, gen.Options{})
	if err != nil {
		return err
	}
	if stale := gen.Stale(p.Path(p.Config.Gen), files); len(stale) > 0 {
		return no("generated code is not what the schemas say (%s and %d more): run trestle generate", stale[0], len(stale)-1)
	}
	step("%d generated files are up to date", len(files))
	return nil
}

// checkCommitted compares the schemas with those of the last commit; without a repository there is nothing to compare
// with.
func checkCommitted(ctx context.Context, p *ops.Project, set *schema.Set, step func(string, ...any)) error {
	old, err := p.LoadCommitted(ctx)
	if err != nil {
		step("no compatibility gate: %v", err)
		return nil
	}
	report, err := compat.Compare(old, set, compat.Options{})
	if err != nil {
		return err
	}
	if !report.Compatible {
		return no("the schemas break what is committed (%d findings): run trestle check --against git#HEAD", len(report.Findings))
	}
	step("compatible with the last commit: %d events compared", report.Events)
	return nil
}

func converse(ctx context.Context, set *schema.Set, env ops.Environment, step func(string, ...any), out io.Writer) (*demo.Summary, error) {
	store, err := env.OpenTraces(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	client, err := registry.New(env.Registry)
	if err != nil {
		return nil, err
	}
	o := demo.Options{
		Brokers:   env.Brokers,
		SchemaIDs: registry.NewSchemaIDs(client),
		Store:     store,
		Topics:    ops.TopicNames(set),
		Reader:    ops.TraceReader(set),
		Step:      func(text string) { step("%s", text) },
		Log:       slog.New(slog.DiscardHandler), // failures are part of the show, and counted
	}
	for _, t := range set.Topics {
		if len(t.DeadLetterOf) > 0 {
			o.DeadLetters = append(o.DeadLetters, t.Name)
		}
	}
	types := ops.EventTypesOf(set)
	omninode, ok, err := demo.OmniNode(ctx, types)
	if err != nil {
		return nil, err
	}
	var summary *demo.Summary
	word := "session"
	if ok {
		summary, err = demo.Run(ctx, o, omninode)
	} else {
		word = "conversation"
		summary, err = demo.RunSchemas(ctx, o, set, types)
	}
	if err != nil {
		return nil, err
	}
	id := summary.SessionIDs[len(summary.SessionIDs)-1] // of OmniNode's, the one with a failure in it
	q := eventtrace.Query{SessionID: id}
	if !ok {
		q = eventtrace.Query{CorrelationID: id}
	}
	events, err := eventtrace.All(ctx, store, q)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "\n%s %s\n", word, id)
	return summary, writeTimeline(out, ops.Timeline(set, events))
}

func writeSummary(out io.Writer, s *demo.Summary) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "published\tconsumed\tdead-lettered\ttraced\t  event type")
	for _, t := range slices.Sorted(maps.Keys(s.Events)) {
		c := s.Events[t]
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t  %s\n", c.Published, c.Consumed, c.DeadLettered, c.Traced, t)
	}
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t  in all\n", s.Published, s.Consumed, s.DeadLettered, s.Traced)
	w.Flush()
	fmt.Fprintf(out, "\n%d sessions in %.1f s; every event was consumed or dead-lettered, and traced\n", s.Sessions, float64(s.DurationMS)/1000)
}
