package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/schema"
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
	var check, watch, asJSON bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write Go types, validators, codecs, JSON Schemas and the catalog from the schemas",
		Long: `Generate rewrites the gen folder from the schemas. A second run changes nothing; files that no schema makes any more
are deleted. Nothing is written when a schema has a mistake.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check && watch {
				return errors.New("--check writes nothing, and --watch writes at every save: give one of them")
			}
			if watch {
				return watchAndGenerate(cmd, p, asJSON)
			}
			act := gen.Write
			if check {
				act = gen.Diff
			}
			answer, err := generate(cmd.Context(), p, act)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, answer)
			} else {
				answer.print(cmd, p)
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

// generate makes all files of the project and has act write or compare them.
func generate(ctx context.Context, p *project, act func(dir string, files []gen.File) ([]gen.Change, error)) (generateAnswer, error) {
	set, err := p.load(ctx)
	if err != nil {
		return generateAnswer{}, err
	}
	files, err := gen.All(ctx, set, gen.Options{})
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		return generateAnswer{}, below(p.shown(p.config.Schemas), mistakes)
	}
	if err != nil {
		return generateAnswer{}, err
	}
	changes, err := act(p.path(p.config.Gen), files)
	if err != nil {
		return generateAnswer{}, err
	}
	answer := generateAnswer{Files: len(files), Changed: []generatedFile{}}
	for _, c := range changes {
		answer.Changed = append(answer.Changed, generatedFile(c))
	}
	return answer, nil
}

func (a generateAnswer) print(cmd *cobra.Command, p *project) {
	for _, c := range a.Changed {
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s/%s\n", c.Action, p.config.Gen, c.Path)
	}
	if len(a.Changed) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d files, all up to date\n", a.Files)
	}
}
