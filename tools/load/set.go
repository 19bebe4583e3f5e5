package load

import (
	"context"

	"github.com/omninode/trestle/tools/schema"
)

// FileOf is one file of schemas that are loaded already, by its path, with what it imports or refers to: what [FileAt] is
// of files on a disk. A schema that was loaded without its text, as those of an image are, is not there.
func FileOf(set *schema.Set, path string) Source { return setSource{set, path} }

type setSource struct {
	set  *schema.Set
	path string
}

func (s setSource) open(context.Context) (*tree, error) {
	st := mapStore{}
	for _, p := range s.set.Packages {
		for _, f := range p.Files {
			if f.Source != nil {
				st[f.Path] = f.Source
			}
		}
	}
	return &tree{
		root: s.set.Root, store: st, targets: []string{s.path}, partial: true, loose: true, aliases: s.set.Aliases,
		beside: func() ([]string, error) { return st.list(".") },
	}, nil
}
