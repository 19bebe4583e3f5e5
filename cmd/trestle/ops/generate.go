package ops

import (
	"context"
	"errors"

	"github.com/omninode/trestle/tools/gen"
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
	return generate(ctx, p, gen.Write)
}

// Stale returns what [Generate] would change; it writes nothing.
func Stale(ctx context.Context, p *Project) (Generated, error) {
	return generate(ctx, p, gen.Diff)
}

// generate makes all files of the project and has act write or compare them.
func generate(ctx context.Context, p *Project, act func(dir string, files []gen.File) ([]gen.Change, error)) (Generated, error) {
	set, err := p.load(ctx)
	if err != nil {
		return Generated{}, err
	}
	files, err := gen.All(ctx, set, gen.Options{})
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		return Generated{}, below(p.Shown(p.Config.Schemas), mistakes)
	}
	if err != nil {
		return Generated{}, err
	}
	changes, err := act(p.Path(p.Config.Gen), files)
	if err != nil {
		return Generated{}, err
	}
	return generated(files, changes), nil
}

func generated(files []gen.File, changes []gen.Change) Generated {
	out := Generated{Files: len(files), Changed: []GeneratedFile{}}
	for _, c := range changes {
		out.Changed = append(out.Changed, GeneratedFile(c))
	}
	return out
}
