package main

import (
	"fmt"
	"path/filepath"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/scaffold"
	"github.com/spf13/cobra"
)

func newInit() *cobra.Command {
	var project scaffold.Project
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a new project: first schemas, configuration, Makefile, a gate for CI",
		Long: `Init writes the files of a new project into an empty folder, or one that only a git repository is in, and changes nothing
that is there: a request with its response and a fact in protobuf, an event in JSON Schema, trestle.yaml, buf.yaml,
go.mod, a Makefile, a README, and a workflow for GitHub that refuses pull requests which break an event.`,
		Example: `  trestle init shop --module example.org/shop`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			created, err := ops.Init(dir, project)
			if err != nil {
				return err
			}
			return showInit(cmd, created, asJSON)
		},
	}
	cmd.Flags().StringVar(&project.Name, "name", "", "begins packages and topics (default: made of the folder's name)")
	cmd.Flags().StringVar(&project.Module, "module", "", "path of the Go module (default: example.org/NAME)")
	cmd.Flags().StringVar(&project.Checkout, "trestle", "", "folder of a checkout of Trestle to build with instead of a release")
	addJSON(cmd, &asJSON, "print the files as JSON")
	return cmd
}

func showInit(cmd *cobra.Command, created ops.Created, asJSON bool) error {
	if asJSON {
		return printJSON(cmd, created)
	}
	for _, path := range created.Files {
		fmt.Fprintf(cmd.OutOrStdout(), "create %s\n", filepath.Join(created.Dir, filepath.FromSlash(path)))
	}
	next := "next: "
	if created.Dir != "." {
		next += "cd " + created.Dir + " && "
	}
	fmt.Fprintln(cmd.ErrOrStderr(), next+"trestle generate && go mod tidy && trestle demo")
	return nil
}
