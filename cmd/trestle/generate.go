package main

import (
	"errors"
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newGenerate(p *folder) *cobra.Command {
	var check, watch, asJSON bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write Go types, validators, codecs, JSON Schemas and the catalog from the schemas",
		Long: `Generate rewrites the gen folder from the schemas. A second run changes nothing; files that no schema makes any more
are deleted. Nothing is written when a schema has a mistake. What was made of which schemas is noted in the user's cache
folder, so that a run that would change nothing only looks; with --watch, only what an edit changes is made again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check && watch {
				return errors.New("--check writes nothing, and --watch writes at every save: give one of them")
			}
			if watch {
				return watchAndGenerate(cmd, p, asJSON)
			}
			act := ops.Generate
			if check {
				act = ops.Stale
			}
			project := p.project()
			answer, err := act(cmd.Context(), project)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, answer)
			} else {
				printGenerated(cmd, project, answer)
			}
			if err != nil {
				return err
			}
			if check && len(answer.Changed) > 0 {
				return no("%d of %d generated files are not what the schemas say: run trestle generate", len(answer.Changed), answer.Files)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 when gen is not what the schemas say")
	cmd.Flags().BoolVar(&watch, "watch", false, "generate again whenever a schema is saved, until ctrl-C")
	addJSON(cmd, &asJSON, "print the changes as JSON; with --watch an object a line")
	return cmd
}

// watchAndGenerate generates at every save until ctrl-C. A mistake is printed, and what was generated before stays until
// it is mended.
func watchAndGenerate(cmd *cobra.Command, p *folder, asJSON bool) error {
	project, err := p.open()
	if err != nil {
		return err
	}
	return ops.Watch(cmd.Context(), project, func(project *ops.Project, answer ops.Generated, err error) error {
		switch {
		case err != nil:
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		case asJSON:
			if err := showLine(cmd, answer); err != nil {
				return err
			}
		default:
			printGenerated(cmd, project, answer)
		}
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "watching %s; ctrl-C to stop\n", project.Shown(project.Config.Schemas))
		return err
	})
}

func printGenerated(cmd *cobra.Command, p *ops.Project, answer ops.Generated) {
	for _, c := range answer.Changed {
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s/%s\n", c.Action, p.Config.Gen, c.Path)
	}
	if len(answer.Changed) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d files, all up to date\n", answer.Files)
	}
}
