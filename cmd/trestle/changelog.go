package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/compat/changelog"
	"github.com/spf13/cobra"
)

func newChangelog(p *folder) *cobra.Command {
	var o ops.ChangelogOptions
	var asJSON bool
	var c connections
	format := string(changelog.Text)
	cmd := &cobra.Command{
		Use:   "changelog OLD [NEW]",
		Short: "Say what changed between two versions of the schemas, and which step their versions take",
		Long: `Changelog tells, event by event, what changed from OLD to NEW (the project's schemas, if not named): fields, rules,
defaults, enum values, topics, what is deprecated, and what only its description says otherwise; what breaks apart from
what does not. Each is a folder, a .proto or .json file, an image, git#REF (also git#REF:path) or registry:SUBJECT
(also registry:SUBJECT@VERSION).

A compatible change of what an event holds raises its schema_version in the minor part. Anything else is a new package
(v2) and a new topic (…_v2), and the old one stays. Where versions step otherwise the exit status is 1. A change that the
project's exemptions accept does not count as breaking.`,
		Example: `  trestle changelog git#v1.0.0 git#v1.1.0
  trestle changelog git#main --format markdown`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON {
				format = string(changelog.JSON)
			}
			if !slices.Contains(changelog.Formats(), changelog.Format(format)) {
				return fmt.Errorf("format %q: one of %s", format, join(changelog.Formats()))
			}
			o.Old, o.New = args[0], strings.Join(args[1:], "")
			project := p.project()
			o.Environment = c.lookup(project)
			log, err := ops.Changelog(cmd.Context(), project, o)
			if err != nil {
				return err
			}
			name := cmp.Or(o.New, ops.Unreleased)
			if err := changelog.Write(cmd.OutOrStdout(), log, changelog.Format(format), ops.ReleaseName(args[0]), ops.ReleaseName(name)); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s (%s since %s)\n", changelog.Summary(log), name, args[0])
			if len(log.Wrong) > 0 {
				return errNo
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format, join(changelog.Formats()))
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	cmd.Flags().StringVar(&o.Exemptions, "exemptions", "", "file of accepted findings (default: the project's)")
	c.addRegistry(cmd)
	return cmd
}
