package ops

import (
	"context"
	"errors"
	"fmt"

	"github.com/omninode/trestle/runtime/replay"
)

// ResolveOptions say how dead letters are replayed or purged.
type ResolveOptions struct {
	DeadLetterFilter
	// DryRun changes nothing.
	DryRun bool
	// All says that a purge without a filter is meant.
	All bool
	// Rate is how many events are sent in a second, at most; 0: as many as can be.
	Rate float64
	// Group is that which letters are replayed for that name none; AllGroups has every group see the events again.
	Group     string
	AllGroups bool
	// Repair is what the events of a replay are changed by before they are sent: a file FILE.json with a JSON Merge Patch of their payload, or FILE.cel with an
	// expression in CEL that is their new payload; or one or the other itself. An event that is not valid after it is left alone. Empty: they are sent as they are.
	Repair string
	// Reveal has a dry run show what may be sensitive: errors' messages, and what is in the events that are repaired.
	Reveal bool
	// Warn is told what keeps events from being masked; it may be nil.
	Warn func(error)
	// Progress is told what is done, after each transaction; it may be nil.
	Progress func(ResolvedDeadLetters)
}

// ResolvedDeadLetters says what became of letters, or would.
type ResolvedDeadLetters struct {
	Selected int `json:"selected"`
	Done     int `json:"done"` // in a dry run those that would be
	Skipped  int `json:"skipped"`
	// ValidBefore and ValidAfter are events that are valid by the schemas, before they are repaired and after.
	ValidBefore int `json:"valid_before"`
	ValidAfter  int `json:"valid_after"`
	// Followers are those of the selected that have not failed, but wait behind others of their keys.
	Followers int `json:"followers"`
	// WithoutPurged are followers that stay: they are handled without what a purge took before them, once they are replayed.
	WithoutPurged int `json:"without_purged"`
	// Reasons say why letters are skipped, and of how many.
	Reasons map[string]int `json:"reasons,omitempty"`
	// DryRun says that nothing was done.
	DryRun bool              `json:"dry_run"`
	Causes []DeadLetterCause `json:"causes,omitempty"` // of a dry run: of what would be done
	// Repair is what the events are changed by.
	Repair *AppliedRepair `json:"repair,omitempty"`
	// Examined says of a dry run's events, by the causes of their letters, whether they are valid, and what the repair changes.
	Examined []ExaminedCause `json:"examined,omitempty"`
	// Readers are the groups that read the topics that events go to, of a dry run.
	Readers []ReplayReader `json:"readers,omitempty"`
}

// ReplayReader is a group that reads a topic to which events go.
type ReplayReader struct {
	Topic  string `json:"topic"`
	Group  string `json:"group"`
	Target bool   `json:"target"` // the events are for it
	// Skips says that it passes over what is replayed for others; one that does not sees all of it again.
	Skips bool `json:"skips"`
}

func resolvedOf(c replay.Counts, dryRun bool) ResolvedDeadLetters {
	out := ResolvedDeadLetters{Selected: c.Selected, Done: c.Done, Skipped: c.Skipped, ValidBefore: c.ValidBefore, ValidAfter: c.ValidAfter, DryRun: dryRun,
		Followers: c.Followers.Selected, WithoutPurged: c.Followers.WithoutPurged}
	if dryRun {
		out.Done = c.Selected - c.Skipped
	}
	for reason, n := range c.Reasons {
		if out.Reasons == nil {
			out.Reasons = map[string]int{}
		}
		out.Reasons[string(reason)] = n
	}
	return out
}

// ReplayDeadLetters sends letters back to where their originals came from, once, for the group that failed alone unless the options say otherwise.
func ReplayDeadLetters(ctx context.Context, p *Project, env Environment, o ResolveOptions) (ResolvedDeadLetters, error) {
	mend, err := o.readRepair()
	if err != nil {
		return ResolvedDeadLetters{}, err
	}
	if !o.DryRun {
		if err := env.audit.begin(ctx); err != nil {
			return ResolvedDeadLetters{}, err
		}
	}
	d, err := openDeadLetters(ctx, p, env, o.DeadLetterFilter, o.Reveal || !o.DryRun, o.Warn)
	if err == nil && o.Reveal && o.DryRun {
		err = d.shows.reveal(ctx, env, "dead letters")
	}
	if err != nil {
		return ResolvedDeadLetters{}, err
	}
	options := replay.ReplayOptions{Group: groupOf(d.set, env.Names(), o.Group), AllGroups: o.AllGroups, Rate: o.Rate, Valid: d.valid}
	if mend != nil {
		if d.shows.set == nil {
			return ResolvedDeadLetters{}, fmt.Errorf("events are repaired by their schemas: %w", d.shows.missing)
		}
		options.Repair = d.repairing(mend)
	}
	if o.Progress != nil {
		options.Progress = func(c replay.Counts) { o.Progress(resolvedOf(c, false)) }
	}
	if options.Open, options.Seal, err = d.encryption(ctx, env); err != nil {
		return ResolvedDeadLetters{}, err
	}
	if o.DryRun {
		examined := examiner{d, map[string]*examined{}}
		options.Examined = examined.add
		plan, err := d.selection.Plan(ctx, options)
		if err != nil {
			return ResolvedDeadLetters{}, err
		}
		out := resolvedOf(plan.Counts, true)
		out.Causes, out.Repair, out.Examined = d.shows.causes(plan.Causes), appliedOf(mend), examined.result()
		for _, r := range plan.Readers {
			out.Readers = append(out.Readers, ReplayReader(r))
		}
		return out, nil
	}
	counts, err := d.selection.Replay(ctx, options)
	out := resolvedOf(counts, false)
	out.Repair = appliedOf(mend)
	return out, errors.Join(err, o.record(ctx, env, "dlq replay", counts, out.Repair))
}

// PurgeDeadLetters has letters count as resolved without sending them anywhere.
func PurgeDeadLetters(ctx context.Context, p *Project, env Environment, o ResolveOptions) (ResolvedDeadLetters, error) {
	if o.isEmpty() && !o.All && !o.DryRun {
		return ResolvedDeadLetters{}, errors.New("nothing was purged: say which dead letters are meant, or that all are, with --all")
	}
	if !o.DryRun {
		if err := env.audit.begin(ctx); err != nil {
			return ResolvedDeadLetters{}, err
		}
	}
	d, err := openDeadLetters(ctx, p, env, o.DeadLetterFilter, o.Reveal || !o.DryRun, o.Warn)
	if err != nil {
		return ResolvedDeadLetters{}, err
	}
	if o.DryRun && o.Reveal {
		if err := d.shows.reveal(ctx, env, "dead letters"); err != nil {
			return ResolvedDeadLetters{}, err
		}
	}
	if o.DryRun {
		stats, err := d.selection.Stats(ctx)
		if err != nil {
			return ResolvedDeadLetters{}, err
		}
		plan, err := d.selection.PlanPurge(ctx)
		if err != nil {
			return ResolvedDeadLetters{}, err
		}
		out := resolvedOf(plan, true)
		out.Causes = d.shows.causes(stats.Causes)
		return out, nil
	}
	var progress func(replay.Counts)
	if o.Progress != nil {
		progress = func(c replay.Counts) { o.Progress(resolvedOf(c, false)) }
	}
	counts, err := d.selection.Purge(ctx, progress)
	return resolvedOf(counts, false), errors.Join(err, o.record(ctx, env, "dlq purge", counts, nil))
}

// resolvedNote is what is written down of letters that were resolved.
type resolvedNote struct {
	Done    int `json:"done"`
	Skipped int `json:"skipped"`
	// Repair is what their events were changed by, if they were, and the others how many of them were valid, before and after.
	Repair      *AppliedRepair `json:"repair,omitempty"`
	ValidBefore *int           `json:"valid_before,omitempty"`
	ValidAfter  *int           `json:"valid_after,omitempty"`
}

// record has what was done be written down.
func (o *ResolveOptions) record(ctx context.Context, env Environment, what string, c replay.Counts, mend *AppliedRepair) error {
	if c.Done == 0 {
		return nil
	}
	note := resolvedNote{Done: c.Done, Skipped: c.Skipped, Repair: mend}
	if mend != nil {
		note.ValidBefore, note.ValidAfter = &c.ValidBefore, &c.ValidAfter
	}
	return env.audit.add(ctx, change{what: what, target: "dead letters", before: o.DeadLetterFilter, after: note})
}
