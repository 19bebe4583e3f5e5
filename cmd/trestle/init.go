package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

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
			full, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			if err := checkEmpty(dir); err != nil {
				return err
			}
			project.Name = cmp.Or(project.Name, scaffold.NameOf(filepath.Base(full)), "shop")
			project.Module = cmp.Or(project.Module, "example.org/"+project.Name)
			project.Version = ownVersion()
			if project.Checkout != "" {
				if project.Checkout, err = filepath.Abs(project.Checkout); err != nil {
					return err
				}
			}
			files, err := project.Files()
			if err != nil {
				return err
			}
			if err := scaffold.Write(dir, files); err != nil {
				return err
			}
			return showInit(cmd, dir, files, asJSON)
		},
	}
	cmd.Flags().StringVar(&project.Name, "name", "", "begins packages and topics (default: made of the folder's name)")
	cmd.Flags().StringVar(&project.Module, "module", "", "path of the Go module (default: example.org/NAME)")
	cmd.Flags().StringVar(&project.Checkout, "trestle", "", "folder of a checkout of Trestle to build with instead of a release")
	addJSON(cmd, &asJSON, "print the files as JSON")
	return cmd
}

// checkEmpty fails for a folder with anything in it but a git repository and a licence.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != ".git" && !strings.HasPrefix(e.Name(), "LICENSE") {
			return fmt.Errorf("%s is not empty, it has %s: name a new folder, trestle init DIR", dir, e.Name())
		}
	}
	return nil
}

// ownVersion is the version of the module that this binary was built from; empty when it was built from a checkout that
// is at no version.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != "github.com/omninode/trestle" || !strings.HasPrefix(info.Main.Version, "v") ||
		strings.Contains(info.Main.Version, "+") {
		return ""
	}
	return info.Main.Version
}

func showInit(cmd *cobra.Command, dir string, files []scaffold.File, asJSON bool) error {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	if asJSON {
		return printJSON(cmd, map[string]any{"dir": dir, "files": paths})
	}
	for _, path := range paths {
		fmt.Fprintf(cmd.OutOrStdout(), "create %s\n", filepath.Join(dir, filepath.FromSlash(path)))
	}
	next := "next: "
	if dir != "." {
		next += "cd " + dir + " && "
	}
	fmt.Fprintln(cmd.ErrOrStderr(), next+"trestle generate && go mod tidy && trestle demo")
	return nil
}
