package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/spf13/cobra"
)

func newCheck(p *folder) *cobra.Command {
	var o ops.CheckOptions
	var profile, mode, format string
	var asJSON, list, stored bool
	var since string
	var records ops.RecordsOptions
	var c connections
	cmd := &cobra.Command{
		Use:   "check [NEW] --against OLD",
		Short: "Say what an edit breaks, for whom, with an event that proves it",
		Long: `Check compares two sets of schemas. NEW (the project's schemas, if not named) and OLD are each a folder (of schemas, or
of a project), a .proto or .json file, an image, git#REF (also git#REF:path) or registry:SUBJECT (also
registry:SUBJECT@VERSION). Given more than once, --against is a history, oldest first. git#PATTERN is every tag that
matches (git#v1.*), and registry:SUBJECT every version of the subject, in a mode that looks at all of them.

With registry:SUBJECT on one side, the other is what it has of that subject: the event, message or schema file that the
registered schema is, found by the subject's name, by its type, title or $id, or as the only one.

JSON Schemas that no types can be generated from (scalars and arrays, definitions alone, combinations, conditions, draft-04
to 2019-09) are compared too, as sets of values: by path, by $id, or as the only ones. A file that is named here needs no
$schema. Where OLD holds no schema there is nothing to compare and nothing breaks; where both hold some, and none is on
both sides, the status is 2.

--records looks at what the environment's topics and dead letters still hold, beside the comparison or without --against alone, and
says which of it the edited schemas would refuse or lose something of: how many records, of which producer, in which field, what they
have there, and the repair that makes them valid. With --against it also says which edits are safe for what is stored, as no record
has the field. --sample N looks at N records of each topic, drawn at random over partitions and time, and says what that tells of all
of them; dead letters are always looked at one and all. What is sensitive is shown as "***". The status is 1 where something is
refused or lost.`,
		Example: `  trestle check --against git#main
  trestle check --against git#v1.0.0 --against git#v1.1.0 --format github
  trestle check --against git#main --records --env production --since 30d --sample 10000`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			collectLessOften()
			if asJSON {
				format = string(report.JSON)
			}
			o.Profile, o.Mode = compat.Profile(profile), compat.Mode(mode)
			if list {
				return listRules(cmd, o.Profile, report.Format(format))
			}
			if len(o.Against) == 0 && !stored {
				return errors.New("compare with what? --against git#main, a folder, an image or registry:SUBJECT; or --records, with what topics hold")
			}
			if !stored && (since != "" || records.Sample != 0 || len(records.Topics) > 0 || records.Reveal) {
				return errors.New("--since, --sample, --topic and --reveal say which records are looked at: give --records, too")
			}
			if !slices.Contains(report.Formats(), report.Format(format)) {
				return fmt.Errorf("format %q: one of %s", format, join(report.Formats()))
			}
			o.New = strings.Join(args, "")
			project := p.project()
			o.Environment = c.lookup(project)
			o.Note = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), "note: "+text) }
			stop := func() {}
			if stored {
				if records.Since, err = parseSince(since, time.Now()); err != nil {
					return err
				}
				if cmd.Flags().Changed("sample") && records.Sample < 1 {
					return fmt.Errorf("--sample %d: at least 1", records.Sample)
				}
				o.Records, stop = &records, showRecords(cmd, &records)
			}
			r, err := ops.Check(cmd.Context(), project, o)
			stop()
			if err != nil {
				return err
			}
			return showCheck(cmd, r, report.Format(format), o.Against)
		},
	}
	cmd.Flags().StringArrayVar(&o.Against, "against", nil, "what to compare with; repeated: a history, oldest first")
	cmd.Flags().StringVar(&profile, "profile", string(compat.Guide), "which rules judge: guide or confluent")
	cmd.Flags().StringVar(&mode, "mode", "", fmt.Sprintf("in which direction and how far back: %s (default: the profile's)", join(compat.Modes())))
	cmd.Flags().StringVar(&format, "format", string(report.Text), join(report.Formats()))
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	cmd.Flags().StringVar(&o.Exemptions, "exemptions", "", "file of accepted findings (default: the project's)")
	cmd.Flags().BoolVar(&list, "list-rules", false, "list the rules and what they keep")
	cmd.Flags().BoolVar(&stored, "records", false, "look at the records that topics and dead letters hold, too")
	cmd.Flags().StringVar(&since, "since", "", "records since then: a time (RFC 3339), or how long ago (30d, 12h); default: all")
	cmd.Flags().IntVar(&records.Sample, "sample", 0, "how many records of each topic (default: all)")
	cmd.Flags().StringArrayVar(&records.Topics, "topic", nil, "a topic whose records are looked at; may be repeated (default: all that the schemas have)")
	cmd.Flags().BoolVar(&records.Reveal, "reveal", false, "show what the schemas mark sensitive of records, instead of ***")
	c.addBrokers(cmd)
	c.addRegistry(cmd)
	return cmd
}

// parseSince reads a time, or how long ago it is; empty: zero.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("--since %q: want how long ago, such as 30d or 12h, or a time such as 2025-10-16T12:34:56Z", text)
}

// showRecords shows how many records were looked at, until stop is called.
func showRecords(cmd *cobra.Command, o *ops.RecordsOptions) (stop func()) {
	var read, bad, of atomic.Int64
	o.Progress = func(r, b, all int64) {
		read.Store(r)
		bad.Store(b)
		of.Store(all)
	}
	return showProgress(cmd, func() string {
		return fmt.Sprintf("%d of %d records looked at, %d would be refused or lose data", read.Load(), max(of.Load(), read.Load()), bad.Load())
	})
}

// collectLessOften has memory collected less often than a service would: a comparison keeps most of what it makes to its
// end. It takes up to a fifth more memory so, and a tenth less time. Whoever sets GOGC has the last word.
func collectLessOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(140)
	}
}

func join[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

func showCheck(cmd *cobra.Command, r *compat.Report, format report.Format, against []string) error {
	if err := report.Write(cmd.OutOrStdout(), r, format); err != nil {
		return err
	}
	said := cmd.ErrOrStderr()
	fmt.Fprint(said, report.Steps(r))
	fmt.Fprint(said, report.Bounds(r))
	fmt.Fprintln(said, report.Summary(r, strings.Join(against, ", ")))
	if !r.RecordsOnly && len(r.Findings)+len(r.Exempted)+len(r.Notes) > 0 {
		fmt.Fprintln(said, report.Deploy(r))
	}
	if !r.Compatible {
		return errNo
	}
	return nil
}

func listRules(cmd *cobra.Command, profile compat.Profile, format report.Format) error {
	if format == report.Markdown {
		var b strings.Builder
		b.WriteString("# Rules of compatibility\n\n")
		for _, r := range append(compat.RulesOf(profile), compat.RecordRules()...) {
			if err := r.WritePage(&b); err != nil {
				return err
			}
		}
		_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
		return err
	}
	rules := ops.CheckRules(profile)
	if format == report.JSON {
		return printJSON(cmd, map[string]any{"rules": rules})
	}
	for _, r := range rules {
		fmt.Fprintf(cmd.OutOrStdout(), "%-36s %-8s %-18s %s\n", r.ID, r.Severity, strings.Join(r.Breaks, "+"), r.Purpose)
	}
	return nil
}
