package ops

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/gen/docs"
)

// DocsOptions say what [Docs] writes.
type DocsOptions struct {
	// Output is the folder of the catalog; empty: docs/catalog in the project.
	Output string
	// Markdown asks for pages in Markdown rather than HTML.
	Markdown bool
	// Check writes nothing.
	Check bool
	// Against are versions before this one, oldest first, named as [CheckOptions.Against] are.
	Against []string
	// Environment is asked for its registry when a word is registry:SUBJECT.
	Environment Lookup
}

// Catalog is what [Docs] wrote, or would write.
type Catalog struct {
	Generated
	// Index is the page to begin at.
	Index string `json:"-"`
}

// Docs writes the catalog of a project's events and topics for people to read. Pages of what is gone are deleted.
func Docs(ctx context.Context, p *Project, o DocsOptions) (Catalog, error) {
	set, err := p.load(ctx)
	if err != nil {
		return Catalog{}, err
	}
	if o.Output == "" {
		o.Output = p.Path("docs", "catalog")
	}
	generate, ext := docs.HTML, ".html"
	if o.Markdown {
		generate, ext = docs.Markdown, ".md"
	}
	history, err := releases(ctx, p, o.Against, set, o.Environment)
	if err != nil {
		return Catalog{}, err
	}
	files, err := generate(set, docs.Options{
		Schemas: filepath.ToSlash(p.Config.Schemas), Source: p.sourceFrom(o.Output), History: history,
	})
	if err != nil {
		return Catalog{}, err
	}
	changes, err := gen.Diff(o.Output, files)
	if err != nil {
		return Catalog{}, err
	}
	for _, c := range changes {
		if c.Action == gen.Delete && !inCatalog(c.Path, ext) {
			return Catalog{}, fmt.Errorf("%s holds %s, which is generated but no part of the catalog: give the catalog a folder of its own", o.Output, c.Path)
		}
	}
	if !o.Check {
		if changes, err = gen.Write(o.Output, files); err != nil {
			return Catalog{}, err
		}
	}
	return Catalog{Generated: generated(files, changes), Index: filepath.Join(o.Output, docs.Index(ext))}, nil
}

// sourceFrom is the relative URL of the schemas from a folder of the project; empty where one of them is elsewhere.
func (p *Project) sourceFrom(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	schemas := p.Path(p.Config.Schemas)
	for _, inside := range []string{abs, schemas} {
		if rel, err := filepath.Rel(p.Dir, inside); err != nil || !filepath.IsLocal(rel) {
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
