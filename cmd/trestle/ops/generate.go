package ops

import (
	"context"
	"errors"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// Generated is what a run of the generators changed, or would change.
type Generated struct {
	// Files is how many there are in all.
	Files   int             `json:"files"`
	Changed []GeneratedFile `json:"changed"`
}

// GeneratedFile is a file that changed.
type GeneratedFile struct {
	// Path is relative to the folder that is generated, slash-separated.
	Path   string     `json:"path"`
	Action gen.Action `json:"action"`
}

// Generate brings the project's gen folder to what the schemas say. Nothing is written when a schema has a mistake.
func Generate(ctx context.Context, p *Project) (Generated, error) {
	return (&generator{}).run(ctx, p, gen.Write)
}

// Stale returns what [Generate] would change; it writes nothing.
func Stale(ctx context.Context, p *Project) (Generated, error) {
	return (&generator{}).run(ctx, p, gen.Diff)
}

// generator makes all files of a project, any number of times: what has not changed since the last time is not made again.
type generator struct {
	shared *load.Shared // what is loaded, nil when nobody asks again
	kept   *gen.Kept    // what was made, likewise
	made   bool         // since the start
}

// run makes all files of the project and has act write or compare them.
func (g *generator) run(ctx context.Context, p *Project, act func(dir string, files []gen.File) ([]gen.Change, error)) (Generated, error) {
	before := p.seal()
	if before.holds() {
		return Generated{Files: before.files, Changed: []GeneratedFile{}}, nil
	}
	files, err := g.files(ctx, p)
	if err != nil {
		return Generated{}, err
	}
	changes, err := act(p.Path(p.Config.Gen), files)
	if err != nil {
		return Generated{}, err
	}
	before.keep(p, files)
	return generated(files, changes), nil
}

// prepare makes what later runs are to find made, where the runs so far had nothing to make: the first edit is then as quick
// as those after it. Nothing is written; a mistake is reported by the run that finds it.
func (g *generator) prepare(ctx context.Context, p *Project) {
	if !g.made {
		_, _ = g.files(ctx, p)
	}
}

// files makes all files of the project.
func (g *generator) files(ctx context.Context, p *Project) ([]gen.File, error) {
	var opts []load.Option
	if g.shared != nil {
		opts = append(opts, load.WithShared(g.shared))
	}
	set, err := p.load(ctx, opts...)
	if err != nil {
		return nil, err
	}
	g.made = true
	files, err := gen.All(ctx, set, gen.Options{Kept: g.kept})
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		return nil, below(p.Shown(p.Config.Schemas), mistakes)
	}
	return files, err
}

func generated(files []gen.File, changes []gen.Change) Generated {
	out := Generated{Files: len(files), Changed: []GeneratedFile{}}
	for _, c := range changes {
		out.Changed = append(out.Changed, GeneratedFile(c))
	}
	return out
}
