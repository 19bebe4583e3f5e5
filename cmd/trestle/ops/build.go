package ops

import (
	"context"

	"github.com/omninode/trestle/tools/load"
)

// Image is all schemas of a project in one file.
type Image struct {
	// Content is the file: the descriptors of the protobuf files, as buf and protoc write and read them, and the JSON
	// Schemas beside them. The same schemas give the same bytes.
	Content []byte
	// Packages is how many are in it.
	Packages int
}

// Build compiles the project's schemas into an image.
func Build(ctx context.Context, p *Project) (Image, error) {
	set, err := p.load(ctx)
	if err != nil {
		return Image{}, err
	}
	content, err := load.WriteImage(set)
	return Image{Content: content, Packages: len(set.Packages)}, err
}

// WriteFile writes the image to a file as a whole: who reads it sees the old one or the new one.
func (i Image) WriteFile(path string) error { return replaceFile(path, i.Content) }
