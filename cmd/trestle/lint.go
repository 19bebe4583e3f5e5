package main

import (
	"fmt"

	"github.com/omninode/trestle/tools/lint"
	"github.com/spf13/cobra"
)

func newLint(p *project) *cobra.Command {
	var asJSON, list bool
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Check the schemas for what goes wrong on Kafka: keys, dead letters, names, comments",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				return listLintRules(cmd, asJSON)
			}
			set, err := p.load(cmd.Context())
			if err != nil {
				return err
			}
			opts := lint.Options{Ignore: p.config.Lint.Ignore}
			if err := opts.Check(); err != nil {
				return fmt.Errorf("%s: lint: %w", p.path(configName), err)
			}
			findings := lint.Run(set, opts)
			errors, warnings := lint.Count(findings)
			if asJSON {
				err = printJSON(cmd, map[string]any{"clean": errors == 0, "findings": findings})
			} else {
				err = lint.WriteText(cmd.OutOrStdout(), set.Root, findings)
			}
			if err != nil {
				return err
			}
			if errors > 0 {
				return no("%d errors, %d warnings", errors, warnings)
			}
			if len(findings) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d warnings\n", len(findings))
			}
			return nil
		},
	}
	addJSON(cmd, &asJSON, "print the findings as JSON")
	cmd.Flags().BoolVar(&list, "list-rules", false, "list the rules and what they keep")
	return cmd
}

func listLintRules(cmd *cobra.Command, asJSON bool) error {
	type rule struct {
		ID      string `json:"id"`
		Purpose string `json:"purpose"`
	}
	var rules []rule
	for _, r := range lint.Rules() {
		rules = append(rules, rule{r.ID, r.Purpose})
	}
	if asJSON {
		return printJSON(cmd, map[string]any{"rules": rules})
	}
	for _, r := range rules {
		fmt.Fprintf(cmd.OutOrStdout(), "%-24s %s\n", r.ID, r.Purpose)
	}
	return nil
}
