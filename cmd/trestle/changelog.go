package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/changelog"
	"github.com/omninode/trestle/tools/schema"
	"github.com/spf13/cobra"
)

func newChangelog(p *project) *cobra.Command {
	var exemptions string
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
			accepted, err := readExemptions(p, exemptions)
			if err != nil {
				return err
			}
			old, err := p.loadLocation(cmd.Context(), args[0], &c)
			if err != nil {
				return err
			}
			new, name, err := p.loadNewer(cmd, args[1:], &c)
			if err != nil {
				return err
			}
			log, err := changes(old, new, accepted)
			if err != nil {
				return err
			}
			if err := changelog.Write(cmd.OutOrStdout(), log, changelog.Format(format), releaseName(args[0]), releaseName(name)); err != nil {
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
	cmd.Flags().StringVar(&exemptions, "exemptions", "", "file of accepted findings (default: the project's)")
	c.addRegistry(cmd)
	return cmd
}

// loadNewer loads the newer side, by default the project's schemas, and says what it is called.
func (p *project) loadNewer(cmd *cobra.Command, args []string, c *connections) (*schema.Set, string, error) {
	if len(args) == 1 {
		set, err := p.loadLocation(cmd.Context(), args[0], c)
		return set, args[0], err
	}
	set, err := p.load(cmd.Context(), p.versionOptions()...)
	return set, "Unreleased", err
}

// changes compares two sets for people to read. Nobody looks at witnesses there.
func changes(old, new *schema.Set, accepted *compat.Exemptions) (*changelog.Changelog, error) {
	report, err := compat.Compare(old, new, compat.Options{NoWitness: true})
	if err != nil {
		return nil, err
	}
	accepted.Take(report, time.Now())
	return changelog.New(old, new, report), nil
}
