package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newDLQ(p *folder) *cobra.Command {
	return newParent("dlq", "Look after dead letters",
		newDLQStats(p), newDLQWatch(p), newDLQList(p), newDLQShow(p), newDLQReplay(p), newDLQEdit(p), newDLQPurge(p), newParked(p))
}

func addDeadLetterFilter(cmd *cobra.Command, f *ops.DeadLetterFilter) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.Topics, "topic", nil, "a dead-letter topic; may be repeated, as the others (default: all that the schemas have)")
	flags.StringArrayVar(&f.Causes, "cause", nil, "the id of a cause, which stats tells")
	flags.StringArrayVar(&f.EventTypes, "type", nil, "an event type of the originals")
	flags.StringArrayVar(&f.Groups, "failed-group", nil, "a group that failed")
	flags.StringArrayVar(&f.Keys, "key", nil, "a key of the originals")
	flags.StringVar(&f.Since, "since", "", "those that were written at an RFC 3339 time or later")
	flags.StringVar(&f.Until, "until", "", "those that were written before an RFC 3339 time")
}

func newDLQList(p *folder) *cobra.Command {
	var c connections
	var o ops.ListOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters that are not resolved, in the order of the log",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			shown := 0
			err = ops.ListDeadLetters(cmd.Context(), project, env, o, func(l ops.ListedDeadLetter) error {
				shown++
				if asJSON {
					return showLine(cmd, l)
				}
				return showLetter(cmd, &l)
			})
			if err == nil && shown == 0 && !asJSON {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "no dead letters that are not resolved")
			}
			return err
		},
	}
	c.addBrokers(cmd)
	addDeadLetterFilter(cmd, &o.DeadLetterFilter)
	cmd.Flags().BoolVar(&o.All, "all", false, "list those that are resolved, too")
	cmd.Flags().IntVarP(&o.Count, "count", "n", 0, "how many at most (default: all)")
	cmd.Flags().IntVar(&o.PerCause, "per-cause", 0, "how many of each cause at most (default: all)")
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	return cmd
}

func showLetter(cmd *cobra.Command, l *ops.ListedDeadLetter) error {
	resolved := ""
	if l.Resolved != "" {
		resolved = "  " + l.Resolved
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s/%d/%d  %s  %s  %s%s\n  %s: %s\n", l.Timestamp, l.Topic, l.Partition, l.Offset, plain(l.EventType),
		plain(l.Group), l.Cause, resolved, plain(l.ErrorType), plain(l.ErrorMessage))
	return err
}

func newDLQShow(p *folder) *cobra.Command {
	var c connections
	var o ops.ListOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show TOPIC/PARTITION/OFFSET…",
		Short: "Show dead letters whole: the error, the original, and what became of it",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Positions, o.All = args, true
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			return ops.ShowDeadLetters(cmd.Context(), project, env, o, func(l ops.ShownDeadLetter) error {
				if asJSON {
					return showLine(cmd, l)
				}
				return showWholeLetter(cmd, &l)
			})
		},
	}
	c.addBrokers(cmd)
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	return cmd
}

func showWholeLetter(cmd *cobra.Command, l *ops.ShownDeadLetter) error {
	if err := showLetter(cmd, &l.ListedDeadLetter); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	key := "(no key)"
	if l.Key != nil {
		key = plain(*l.Key)
	}
	fmt.Fprintf(out, "  original: %s/%d/%d  %s  tried %d times again, replayed %d times before\n", l.SourceTopic, l.SourcePartition, l.SourceOffset, key, l.RetryCount, l.Attempt)
	if l.ResolvedAt != nil {
		fmt.Fprintf(out, "  %s %s by %s\n", l.Resolved, l.ResolvedAt.Format("2006-01-02 15:04:05"), plain(l.ResolvedBy))
	}
	for _, h := range l.Headers {
		fmt.Fprintf(out, "  %s: %s\n", plain(h.Name), plain(h.Value+h.ValueBase64))
	}
	value := plain(string(l.Value))
	switch {
	case l.Withheld != "":
		value = "(not shown: " + l.Withheld + ")"
	case l.ValueBase64 != "":
		value = "(not JSON) " + l.ValueBase64
	}
	_, err := fmt.Fprintf(out, "  %s\n", value)
	if l.Valid != nil && *l.Valid {
		fmt.Fprintln(out, "  valid by today's schemas")
	}
	for _, v := range l.Violations {
		fmt.Fprintf(out, "  invalid by today's schemas: %s\n", plain(ruleText(v.Path, v.Message, v.Rule)))
	}
	if l.StackTrace != "" {
		fmt.Fprintf(out, "%s\n", l.StackTrace)
	}
	return err
}

// resolve makes the body of replay and purge.
func resolveLetters(p *folder, c *connections, o *ops.ResolveOptions, asJSON *bool, verb string,
	do func(cmd *cobra.Command, project *ops.Project, env ops.Environment) (ops.ResolvedDeadLetters, error),
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		project, env, err := c.enter(p)
		if err != nil {
			return err
		}
		o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
		var mu sync.Mutex
		var so ops.ResolvedDeadLetters
		o.Progress = func(r ops.ResolvedDeadLetters) {
			mu.Lock()
			defer mu.Unlock()
			so = r
		}
		stop := showProgress(cmd, func() string {
			mu.Lock()
			defer mu.Unlock()
			return fmt.Sprintf("%d %s, %d skipped", so.Done, verb, so.Skipped)
		})
		resolved, err := do(cmd, project, env)
		stop()
		if err != nil && resolved.Selected == 0 {
			return err
		}
		if *asJSON {
			return errors.Join(err, printJSON(cmd, resolved))
		}
		out := cmd.OutOrStdout()
		would := ""
		if resolved.DryRun {
			would = "would be "
		}
		fmt.Fprintf(out, "%d of %d %s%s, %d skipped\n", resolved.Done, resolved.Selected, would, verb, resolved.Skipped)
		if resolved.Followers > 0 {
			fmt.Fprintf(out, "  %d of them are followers: they have not failed, and wait behind another of their key\n", resolved.Followers)
		}
		if resolved.WithoutPurged > 0 {
			fmt.Fprintf(out, "  %d followers stay, to be handled without what is purged before them\n", resolved.WithoutPurged)
		}
		for _, reason := range slices.Sorted(maps.Keys(resolved.Reasons)) {
			fmt.Fprintf(out, "  %d: %s\n", resolved.Reasons[reason], reason)
		}
		if resolved.DryRun || resolved.Repair != nil {
			showValid(cmd, &resolved)
		}
		for _, r := range resolved.Readers {
			switch {
			case r.Target:
				fmt.Fprintf(out, "  %s reads %s: the events are for it\n", plain(r.Group), r.Topic)
			case r.Skips:
				fmt.Fprintf(out, "  %s reads %s, and passes over them\n", plain(r.Group), r.Topic)
			default:
				fmt.Fprintf(out, "  %s reads %s, and sees them again\n", plain(r.Group), r.Topic)
			}
		}
		return errors.Join(err, showCauses(cmd, resolved.Causes), showExamined(cmd, &resolved))
	}
}

// showValid says how many events are valid.
func showValid(cmd *cobra.Command, r *ops.ResolvedDeadLetters) {
	if r.Selected == 0 || len(r.Examined) == 0 && r.Repair == nil {
		return
	}
	fmt.Fprintf(cmd.OutOrStdout(), "  %d are valid by today's schemas", r.ValidBefore)
	if r.Repair != nil {
		fmt.Fprintf(cmd.OutOrStdout(), " as they are, %d once they are repaired", r.ValidAfter)
	}
	fmt.Fprintln(cmd.OutOrStdout())
}

// shownFields is how many fields of a cause are shown; JSON has them all.
const shownFields = 10

// showExamined shows, by cause, what a repair changes, and what is not valid.
func showExamined(cmd *cobra.Command, r *ops.ResolvedDeadLetters) error {
	out := cmd.OutOrStdout()
	for _, c := range r.Examined {
		if r.Repair == nil && len(c.Invalid) == 0 {
			continue
		}
		fmt.Fprintf(out, "\ncause %s: %d of %d valid", c.ID, c.ValidBefore, c.Events)
		if r.Repair != nil {
			fmt.Fprintf(out, ", %d once repaired; %d are changed", c.ValidAfter, c.Changed)
		}
		fmt.Fprintln(out)
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		for i, change := range c.Changes {
			if i == shownFields {
				fmt.Fprintf(w, "  … and %d more fields\n", len(c.Changes)-i)
				break
			}
			for j, v := range change.Values {
				path := ""
				if j == 0 {
					path = plain(change.Path)
				}
				fmt.Fprintf(w, "  %s\t%d\t%s\t→\t%s\n", path, v.Events, valueText(v.From), valueText(v.To))
			}
			if change.MoreValues > 0 {
				fmt.Fprintf(w, "  \t%d\t…\n", change.MoreValues)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if s := c.Sample; s != nil {
			fmt.Fprintf(out, "  %s before  %s\n  %s after   %s\n", s.Letter, plain(string(s.Before)), s.Letter, plain(string(s.After)))
		}
		for i, f := range c.Failures {
			if i == shownFields {
				fmt.Fprintf(out, "  … and %d more reasons\n", len(c.Failures)-i)
				break
			}
			fmt.Fprintf(out, "  %d can't be repaired: %s (such as %s)\n", f.Events, plain(f.Message), f.Letter)
		}
		for i, f := range c.Invalid {
			if i == shownFields {
				fmt.Fprintf(out, "  … and %d more rules\n", len(c.Invalid)-i)
				break
			}
			fmt.Fprintf(out, "  %d invalid: %s (such as %s)\n", f.Events, plain(ruleText(f.Path, f.Message, f.Rule)), f.Letter)
		}
	}
	return nil
}

// valueText shows an excerpt of JSON; empty: there is nothing.
func valueText(excerpt string) string {
	if excerpt == "" {
		return "(nothing)"
	}
	return plain(excerpt)
}

// ruleText shows a rule that is broken.
func ruleText(path, message, rule string) string {
	if path != "" {
		path += ": "
	}
	return path + message + " [" + rule + "]"
}

func newDLQReplay(p *folder) *cobra.Command {
	var c connections
	var o ops.ResolveOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters back to where their originals came from, once, for the group that failed",
		Long: `Replay sends the dead letters that are meant, and are not resolved, back to the topics of their originals, and notes that they are resolved, in one
transaction of both: whatever dies meanwhile, and whoever else does the same, each is sent once. Trestle's consumers of other groups pass over them; --dry-run
names those that would see them again. A letter that names no group needs --group, or --all-groups.

With --repair the events are changed before they are sent: by a JSON Merge Patch (RFC 7386) of their payload, in a file FILE.json or as it is,

  --repair '{"currency": "EUR", "legacy_id": null}'

or by an expression in CEL that is the new payload, in a file FILE.cel or as it is:

  --repair 'payload.merge({"status": payload.status.lowerAscii()})'

It knows payload and envelope, and what --where of peek does (value, key, event_type, headers, timestamp, partition, offset); merge is a merge patch, strings have
lowerAscii, replace, split and the like, maps transformMap, and payload.?name.orValue("") is a field that may be missing. What it leaves as it is stays so to
the byte. Envelope and key stay; events in protobuf are changed through their JSON. An event that is not valid by today's schemas once it is
repaired is left alone; the dry run says how many are, by cause, and what is changed of them. The original stays with the letter.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = resolveLetters(p, &c, &o, &asJSON, "replayed", func(cmd *cobra.Command, project *ops.Project, env ops.Environment) (ops.ResolvedDeadLetters, error) {
		return ops.ReplayDeadLetters(cmd.Context(), project, env, o)
	})
	c.addBrokers(cmd)
	addDeadLetterFilter(cmd, &o.DeadLetterFilter)
	cmd.Flags().StringArrayVar(&o.Positions, "at", nil, "a single dead letter, TOPIC/PARTITION/OFFSET; may be repeated")
	cmd.Flags().StringVar(&o.Group, "group", "", "the group for letters that name none")
	cmd.Flags().BoolVar(&o.AllGroups, "all-groups", false, "have every group see the events again")
	cmd.Flags().Float64Var(&o.Rate, "rate", 0, "how many events a second at most (default: as many as can be)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().StringVar(&o.Repair, "repair", "", "what the events are changed by: a merge patch or an expression in CEL, or a file FILE.json or FILE.cel with one")
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print what is done as JSON")
	return cmd
}

func newDLQPurge(p *folder) *cobra.Command {
	var c connections
	var o ops.ResolveOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Have dead letters count as resolved, without sending them anywhere, and delete those that Kafka can",
		Args:  cobra.NoArgs,
	}
	cmd.RunE = resolveLetters(p, &c, &o, &asJSON, "purged", func(cmd *cobra.Command, project *ops.Project, env ops.Environment) (ops.ResolvedDeadLetters, error) {
		return ops.PurgeDeadLetters(cmd.Context(), project, env, o)
	})
	c.addBrokers(cmd)
	addDeadLetterFilter(cmd, &o.DeadLetterFilter)
	cmd.Flags().StringArrayVar(&o.Positions, "at", nil, "a single dead letter, TOPIC/PARTITION/OFFSET; may be repeated")
	cmd.Flags().BoolVar(&o.All, "all", false, "purge all of them, where nothing else says which")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print what is done as JSON")
	return cmd
}
