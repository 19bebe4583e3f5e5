package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/spf13/cobra"
)

func newCheck(p *folder) *cobra.Command {
	var o ops.CheckOptions
	var profile, mode, format string
	var asJSON, list bool
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
both sides, the status is 2.`,
		Example: `  trestle check --against git#main
  trestle check --against git#v1.0.0 --against git#v1.1.0 --format github`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			collectLessOften()
			if asJSON {
				format = string(report.JSON)
			}
			o.Profile, o.Mode = compat.Profile(profile), compat.Mode(mode)
			if list {
				return listRules(cmd, o.Profile, report.Format(format))
			}
			if len(o.Against) == 0 {
				return errors.New("compare with what? --against git#main, a folder, an image or registry:SUBJECT")
			}
			if !slices.Contains(report.Formats(), report.Format(format)) {
				return fmt.Errorf("format %q: one of %s", format, join(report.Formats()))
			}
			o.New = strings.Join(args, "")
			project := p.project()
			o.Environment = c.lookup(project)
			o.Note = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), "note: "+text) }
			r, err := ops.Check(cmd.Context(), project, o)
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
	c.addRegistry(cmd)
	return cmd
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
	fmt.Fprintln(said, report.Summary(r, strings.Join(against, ", ")))
	if len(r.Findings)+len(r.Exempted)+len(r.Notes) > 0 {
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
		for _, r := range compat.RulesOf(profile) {
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
