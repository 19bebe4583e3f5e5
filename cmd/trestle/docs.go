package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newDocs(p *folder) *cobra.Command {
	var o ops.DocsOptions
	var asJSON bool
	var c connections
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write a catalog of events and topics for people to read",
		Long: `Docs writes a catalog of all events, topics, consumer groups and enums: fields with their rules in words, examples, who
publishes and who consumes. As html it is a folder of pages that a browser opens without server or network, with a
search; as markdown it is for a repository. A second run changes nothing; pages of what is gone are deleted.

With a history it tells what changed from version to version, on the page of each event and on one of all changes:
--against is a version before this one (a folder, an image, git#REF, git#PATTERN for every tag that matches, or
registry:SUBJECT), repeated: oldest first.`,
		Example: `  trestle docs
  trestle docs --against 'git#v*'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project := p.project()
			o.Environment = c.lookup(project)
			catalog, err := ops.Docs(cmd.Context(), project, o)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, catalog); err != nil {
					return err
				}
			}
			if o.Check && len(catalog.Changed) > 0 {
				return no("%d of %d files of the catalog are not what the schemas say: run trestle docs", len(catalog.Changed), catalog.Files)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d files, %d changed\n", catalog.Index, catalog.Files, len(catalog.Changed))
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&o.Against, "against", nil, "a version before this one; repeated: a history, oldest first")
	cmd.Flags().StringVarP(&o.Output, "output", "o", "", "folder to write to (default: docs/catalog in the project)")
	cmd.Flags().Func("format", "html or markdown (default: html)", func(value string) error {
		if value != "html" && value != "markdown" {
			return fmt.Errorf("html or markdown")
		}
		o.Markdown = value == "markdown"
		return nil
	})
	cmd.Flags().BoolVar(&o.Check, "check", false, "write nothing; exit 1 when the catalog is not what the schemas say")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the changes as JSON")
	c.addRegistry(cmd)
	return cmd
}
