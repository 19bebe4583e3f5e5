package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
)

// TraceSettings are what an environment says of its trace.
type TraceSettings struct {
	// Keep is for how long events are kept, by their records' times; 0: for ever.
	Keep time.Duration `yaml:"keep"`
	// Largest is how many bytes a record's value may have to be kept; 0: 1 MiB.
	Largest int `yaml:"largest"`
}

func (t TraceSettings) validate() error {
	if t.Keep < 0 {
		return fmt.Errorf("trace: keep is %v, want a time that events are kept for, such as 720h", t.Keep)
	}
	if t.Largest < 0 {
		return fmt.Errorf("trace: largest is %d, want the bytes that a value may have to be kept", t.Largest)
	}
	return nil
}

// PrunedTrace is what was removed from the trace store, or with DryRun would be.
type PrunedTrace struct {
	// Before is the time that all is older than.
	Before time.Time `json:"before"`
	DryRun bool      `json:"dry_run"`
	// Partitions went whole, the oldest first.
	Partitions []PrunedPartition `json:"partitions"`
	// Deleted is how many events went one by one, and Events all of them; those of partitions are estimated.
	Deleted int64 `json:"deleted"`
	Events  int64 `json:"events"`
	Bytes   int64 `json:"bytes"`
}

// PrunedPartition is a partition that went whole.
type PrunedPartition struct {
	Name string `json:"name"`
	// From is nil where the partition has no first time.
	From   *time.Time `json:"from"`
	Until  time.Time  `json:"until"`
	Events int64      `json:"events"`
	Bytes  int64      `json:"bytes"`
}

// ErrKeepUnknown says that nobody said how long events are kept.
var ErrKeepUnknown = errors.New("for how long are events kept? say so with --keep 720h, or with trace: {keep: 720h} of an environment in " + ConfigName)

// PruneTrace removes what is older than keep from the environment's trace store; 0 is as the environment says. All that share the store lose it.
func PruneTrace(ctx context.Context, p *Project, env Environment, keep time.Duration, dryRun bool) (*PrunedTrace, error) {
	keep = cmp.Or(keep, env.Trace.Keep)
	if err := checkKeep(keep); err != nil {
		return nil, err
	}
	if keep == 0 {
		return nil, ErrKeepUnknown
	}
	db, err := env.openStoreToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	before := time.Now().UTC().Add(-keep).Truncate(time.Millisecond)
	if dryRun {
		would, err := db.Traces().Prunable(ctx, before)
		if err != nil {
			return nil, err
		}
		return prunedTrace(would, before, true), nil
	}
	return pruneTrace(ctx, env, db.Traces(), before)
}

func checkKeep(keep time.Duration) error {
	if keep < 0 {
		return fmt.Errorf("--keep %v: want a time that events are kept for, such as 720h", keep)
	}
	return nil
}

// pruneTrace removes what is older, and writes down what went; nothing where nothing did.
func pruneTrace(ctx context.Context, env Environment, store eventtrace.Store, before time.Time) (*PrunedTrace, error) {
	if err := env.audit.begin(ctx); err != nil {
		return nil, err
	}
	gone, err := store.Prune(ctx, before)
	out := prunedTrace(gone, before, false)
	if out.Events > 0 || len(out.Partitions) > 0 {
		err = errors.Join(err, env.audit.add(ctx, change{what: "trace prune", target: "traced events before " + before.Format(time.RFC3339), before: map[string]any{
			"events": out.Events, "bytes": out.Bytes, "partitions": len(out.Partitions),
		}}))
	}
	return out, err
}

func prunedTrace(p eventtrace.Pruned, before time.Time, dryRun bool) *PrunedTrace {
	out := &PrunedTrace{Before: before, DryRun: dryRun, Partitions: []PrunedPartition{}, Deleted: p.Deleted, Events: p.Events(), Bytes: p.Bytes}
	for _, part := range p.Partitions {
		one := PrunedPartition{Name: part.Name, Until: part.Until, Events: part.Events, Bytes: part.Bytes}
		if !part.From.IsZero() {
			one.From = &part.From
		}
		out.Partitions = append(out.Partitions, one)
	}
	return out
}

// pruneEvery is how often a tracer looks for what is older than is to be kept, and prunePause how it spaces attempts after failures.
const pruneEvery = time.Hour

var prunePause = kafka.Backoff{Lowest: 10 * time.Second, Highest: 10 * time.Minute}

// keepPruning prunes the store again and again, until ctx ends.
func (t *Tracer) keepPruning(ctx context.Context) {
	for failures := 0; ; {
		pause := pruneEvery
		if err := t.prune(ctx); err == nil {
			failures = 0
		} else if ctx.Err() == nil {
			failures++
			pause = prunePause.After(failures)
			t.log.Warn("trace: could not remove what is older than is to be kept, trying again", "error", err, "in", pause)
		}
		if kafka.Sleep(ctx, pause) != nil {
			return
		}
	}
}

func (t *Tracer) prune(ctx context.Context) error {
	gone, err := pruneTrace(ctx, t.env, t.store, time.Now().UTC().Add(-t.keep).Truncate(time.Millisecond))
	if gone != nil {
		t.pruned.Add(gone.Events)
	}
	return err
}
