package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/tools/lint"
	"github.com/spf13/cobra"
)

func newLint(p *folder) *cobra.Command {
	var asJSON, list bool
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Check the schemas for what goes wrong on Kafka: keys, dead letters, names, comments",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				return listLintRules(cmd, asJSON)
			}
			r, err := ops.Lint(cmd.Context(), p.project())
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, r)
			} else {
				err = lint.WriteText(cmd.OutOrStdout(), r.Root, r.Findings)
			}
			if err != nil {
				return err
			}
			if r.Errors > 0 {
				return no("%d errors, %d warnings", r.Errors, r.Warnings)
			}
			if len(r.Findings) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d warnings\n", len(r.Findings))
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
