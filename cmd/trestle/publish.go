package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/spf13/cobra"
)

// published is what `publish --json` prints for an event, in the order of the input.
type published struct {
	Document  string `json:"document"`
	EventType string `json:"event_type"`
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	EventID   string `json:"event_id,omitempty"`
	Error     string `json:"error,omitempty"`
}

func newPublish(p *project) *cobra.Command {
	var c connections
	var asJSON bool
	var files []string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "publish TYPE [-f FILE|-]",
		Short: "Publish events from JSON documents",
		Long: `Publish reads events as validate does and publishes each to its topic. Ids, timestamps, source and defaults that are
missing are filled in; what is there is kept. An event that is invalid is reported and not sent; the others are. With a
registry the schema's id travels in a header.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			types, err := p.eventTypes(cmd.Context())
			if err != nil {
				return err
			}
			info, err := types.named(args[0])
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
			opts := []trestle.PublisherOption{trestle.WithSource(cliSource), trestle.WithDeliveryTimeout(timeout), trestle.WithLogger(logger(cmd))}
			return publish(cmd, env, info, opts, append(files, args[1:]...), asJSON)
		},
	}
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	addJSON(cmd, &asJSON, "print one JSON object for each event")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long an event may wait for the cluster to take it")
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "file of events; - or nothing for standard input")
	return cmd
}

func publish(cmd *cobra.Command, env environment, info *trestle.EventInfo, opts []trestle.PublisherOption, files []string, asJSON bool) error {
	if env.Registry != "" {
		client, err := registry.New(env.Registry)
		if err != nil {
			return err
		}
		opts = append(opts, trestle.WithSchemaIDs(registry.NewSchemaIDs(client)))
	}
	pub, err := trestle.NewPublisher(env.Brokers, opts...)
	if err != nil {
		return err
	}
	results := newResults(cmd, asJSON)
	stop := showProgress(cmd, results.state)
	readErr := readDocuments(files, cmd.InOrStdin(), func(d document) error {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		publishDocument(cmd.Context(), pub, info, d, results)
		return nil
	})
	closeErr := pub.Close(context.WithoutCancel(cmd.Context()))
	failed, away, total := results.wait()
	stop()
	switch {
	case readErr != nil:
		return readErr
	case away > 0:
		return fmt.Errorf("%d of %d events were not published, %d of them because the cluster did not take them", failed, total, away)
	case failed > 0:
		return no("%d of %d events were not published", failed, total)
	}
	if !asJSON {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d published\n", total)
	}
	return closeErr
}

func publishDocument(ctx context.Context, pub *trestle.Publisher, info *trestle.EventInfo, d document, results *results) {
	slot := results.open(published{Document: d.Name, EventType: info.Type})
	event, envelope, err := event.ReadText(info, d.Text)
	if err == nil {
		err = pub.PublishAsync(ctx, event, func(r trestle.Receipt, err error) { results.fill(slot, r, err) }, trestle.WithEnvelope(envelope))
	}
	if err != nil {
		results.fill(slot, trestle.Receipt{}, err)
	}
}

// results prints what became of each event, in the order of the input, as soon as that is known.
type results struct {
	cmd    *cobra.Command
	asJSON bool

	mu      sync.Mutex
	waiting []*result // in input order; the first is not known yet
	failed  int
	away    int // of the failed: those that the cluster did not take
	total   int
	pending sync.WaitGroup
}

type result struct {
	published
	known bool
}

func newResults(cmd *cobra.Command, asJSON bool) *results { return &results{cmd: cmd, asJSON: asJSON} }

func (r *results) open(p published) *result {
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := &result{published: p}
	r.waiting = append(r.waiting, slot)
	r.pending.Add(1)
	return slot
}

func (r *results) fill(slot *result, receipt trestle.Receipt, err error) {
	defer r.pending.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	slot.known = true
	slot.Topic, slot.Partition, slot.Offset, slot.EventID = receipt.Topic, receipt.Partition, receipt.Offset, receipt.EventID
	r.total++
	if err != nil {
		slot.Error = err.Error()
		r.failed++
		if _, ok := errors.AsType[*trestle.PublishError](err); ok {
			r.away++
		}
	}
	for len(r.waiting) > 0 && r.waiting[0].known {
		r.print(r.waiting[0].published)
		r.waiting = r.waiting[1:]
	}
}

func (r *results) print(p published) {
	switch {
	case r.asJSON:
		if err := showLine(r.cmd, p); err != nil {
			fmt.Fprintln(os.Stderr, "trestle:", err)
		}
	case p.Error != "":
		fmt.Fprintf(r.cmd.ErrOrStderr(), "%s: %s\n", p.Document, p.Error)
	default:
		fmt.Fprintf(r.cmd.OutOrStdout(), "%s[%d]@%d %s\n", p.Topic, p.Partition, p.Offset, p.EventID)
	}
}

func (r *results) state() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%d events published, %d failed", r.total-r.failed, r.failed)
}

func (r *results) wait() (failed, away, total int) {
	r.pending.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed, r.away, r.total
}
