package main

import (
	"fmt"

	"github.com/omninode/trestle/tools/gen"
	"github.com/spf13/cobra"
)

// generateAnswer is what `generate --json` prints.
type generateAnswer struct {
	Files   int             `json:"files"`
	Changed []generatedFile `json:"changed"`
}

type generatedFile struct {
	Path   string     `json:"path"`
	Action gen.Action `json:"action"`
}

func newGenerate(p *project) *cobra.Command {
	var check, asJSON bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write Go types, validators, codecs, JSON Schemas and the catalog from the schemas",
		Long: `Generate rewrites the gen folder from the schemas. A second run changes nothing; files that no schema makes any more
are deleted. Nothing is written when a schema has a mistake.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := p.load(cmd.Context())
			if err != nil {
				return err
			}
			files, err := gen.All(cmd.Context(), set, gen.Options{})
			if err != nil {
				return err
			}
			act := gen.Write
			if check {
				act = gen.Diff
			}
			changes, err := act(p.path(p.config.Gen), files)
			if err != nil {
				return err
			}
			answer := generateAnswer{Files: len(files), Changed: []generatedFile{}}
			for _, c := range changes {
				answer.Changed = append(answer.Changed, generatedFile(c))
			}
			if asJSON {
				if err := printJSON(cmd, answer); err != nil {
					return err
				}
			} else {
				for _, c := range changes {
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s/%s\n", c.Action, p.config.Gen, c.Path)
				}
			}
			if check && len(changes) > 0 {
				return no("%d of %d generated files are not what the schemas say: run trestle generate", len(changes), len(files))
			}
			if len(changes) == 0 && !asJSON {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d files, all up to date\n", len(files))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 when gen is not what the schemas say")
	addJSON(cmd, &asJSON, "print the changes as JSON")
	return cmd
}
