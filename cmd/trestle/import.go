package main

import (
	"fmt"
	"os"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newImport(p *folder) *cobra.Command {
	return newParent("import", "Take over what others wrote", newImportTopics(p))
}

func newImportTopics(p *folder) *cobra.Command {
	var environment string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "topics FILE",
		Short: "Take over a file of topic settings into an environment of trestle.yaml",
		Long: `Import topics reads settings by topic, such as those of codegen-topics-config.yaml. What an environment may have otherwise than the schemas (partitions,
replication_factor, retention_ms, compression_type) it writes into trestle.yaml, where it is otherwise, with the comments there kept. What the schemas say
for all environments, groups among it, it holds to the file. What differs, or has no place, is refused with its position: then the exit status is 1. A
second run finds nothing to write.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, err := p.open()
			if err != nil {
				return err
			}
			if environment == "" {
				environment = os.Getenv("TRESTLE_ENV")
			}
			found, err := ops.ImportTopics(cmd.Context(), project, environment, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, found)
			} else {
				err = showImported(cmd, found)
			}
			if err == nil && len(found.Refused) > 0 {
				err = errNo
			}
			return err
		},
	}
	cmd.Flags().StringVar(&environment, "env", "", "environment of trestle.yaml that the settings are for (TRESTLE_ENV)")
	addJSON(cmd, &asJSON, "print what was written and refused as JSON")
	return cmd
}

func showImported(cmd *cobra.Command, found *ops.Imported) error {
	out := cmd.OutOrStdout()
	for _, place := range found.Written {
		if _, err := fmt.Fprintln(out, plain(place)); err != nil {
			return err
		}
	}
	for _, r := range found.Refused {
		if _, err := fmt.Fprintf(out, "%s:%s: refused: %s\n", plain(r.Source), r.Position, plain(r.Reason)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%d settings written, %d refused\n", len(found.Written), len(found.Refused))
	return err
}
