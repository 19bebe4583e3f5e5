package main

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/gen/docs"
	"github.com/spf13/cobra"
)

func newDocs(p *project) *cobra.Command {
	var output string
	var check, asJSON bool
	var against []string
	var c connections
	format := "html"
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
			set, err := p.load(cmd.Context())
			if err != nil {
				return err
			}
			if output == "" {
				output = p.path("docs", "catalog")
			}
			generate, ext := docs.HTML, ".html"
			if format == "markdown" {
				generate, ext = docs.Markdown, ".md"
			}
			releases, err := p.releases(cmd.Context(), against, set, &c)
			if err != nil {
				return err
			}
			files, err := generate(set, docs.Options{
				Schemas: filepath.ToSlash(p.config.Schemas), Source: p.sourceFrom(output), History: releases,
			})
			if err != nil {
				return err
			}
			changes, err := gen.Diff(output, files)
			if err != nil {
				return err
			}
			for _, c := range changes {
				if c.Action == gen.Delete && !inCatalog(c.Path, ext) {
					return fmt.Errorf("%s holds %s, which is generated but no part of the catalog: give the catalog a folder of its own", output, c.Path)
				}
			}
			if !check {
				if changes, err = gen.Write(output, files); err != nil {
					return err
				}
			}
			if asJSON {
				answer := generateAnswer{Files: len(files), Changed: []generatedFile{}}
				for _, c := range changes {
					answer.Changed = append(answer.Changed, generatedFile(c))
				}
				if err := printJSON(cmd, answer); err != nil {
					return err
				}
			}
			if check && len(changes) > 0 {
				return no("%d of %d files of the catalog are not what the schemas say: run trestle docs", len(changes), len(files))
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d files, %d changed\n", filepath.Join(output, docs.Index(ext)), len(files), len(changes))
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&against, "against", nil, "a version before this one; repeated: a history, oldest first")
	cmd.Flags().StringVarP(&output, "output", "o", "", "folder to write to (default: docs/catalog in the project)")
	cmd.Flags().Func("format", "html or markdown (default: html)", func(value string) error {
		if value != "html" && value != "markdown" {
			return fmt.Errorf("html or markdown")
		}
		format = value
		return nil
	})
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 when the catalog is not what the schemas say")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the changes as JSON")
	c.addRegistry(cmd)
	return cmd
}

// sourceFrom is the relative URL of the schemas from a folder of the project; empty where one of them is elsewhere.
func (p *project) sourceFrom(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	schemas := p.path(p.config.Schemas)
	for _, inside := range []string{abs, schemas} {
		if rel, err := filepath.Rel(p.dir, inside); err != nil || !filepath.IsLocal(rel) {
			return ""
		}
	}
	rel, err := filepath.Rel(abs, schemas)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// inCatalog says whether a file is where pages of the catalog are.
func inCatalog(file, ext string) bool {
	dir, name := path.Split(file)
	switch dir {
	case "":
		return path.Ext(name) == ext || ext == ".html" && (name == "style.css" || name == "search.js")
	case "events/", "topics/":
		return strings.HasSuffix(name, ext)
	}
	return false
}
