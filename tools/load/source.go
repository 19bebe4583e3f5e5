package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"google.golang.org/protobuf/types/descriptorpb"
)

// MaxFileSize is the largest schema file that is read, in bytes.
const MaxFileSize = draft.MaxFileSize

// Source is a place that schemas are loaded from: made by [Dir], [FileAt], [In], [FS], [Files], [Image], or a [Git] or
// [RegisteredSchema]. It may be loaded any number of times, and is read anew each time.
type Source interface {
	// open reads what there is to load.
	open(ctx context.Context) (*tree, error)
}

// tree is an opened source.
type tree struct {
	// root is what [Set.Root] says.
	root string
	// folder is the path of the folder that was asked for, or of the file's.
	folder string
	// store holds the sources.
	store store
	// targets are the paths of the files asked for, sorted. What they import comes from store.
	targets []string
	// partial says that the files asked for may name events and topics that others declare.
	partial bool
	// image holds compiled protobuf files; those whose name is in targets were asked for.
	image []*descriptorpb.FileDescriptorProto
	// aliases maps a JSON Schema reference, as written, to a path in store.
	aliases map[string]string
	// loose says that JSON Schemas need no $schema, and that names may be changed to be unique.
	loose bool
	// onWire says that the schemas are of what is on the wire, as [schema.Set.OnWire] has it.
	onWire bool
	close  func() error
	// named says that one file was asked for by its name, and beside lists those that it may refer to by an $id.
	named  bool
	beside func() ([]string, error)
}

// store gives the text of files by their slash-separated path; fs.ErrNotExist where there is none.
type store interface {
	read(path string) ([]byte, error)
	// list returns the paths of all schema files below a folder ("." for all), sorted.
	list(dir string) ([]string, error)
}

// fsStore is a store in a file system.
type fsStore struct{ fsys fs.FS }

func (s fsStore) read(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: %w", name, fs.ErrNotExist)
	}
	// Read to one byte past the limit: a size that is a lie, as a pipe's, cannot fill the memory.
	text, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

func (s fsStore) list(dir string) ([]string, error) {
	var out []string
	err := fs.WalkDir(s.fsys, dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != dir && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && isSchemaFile(name):
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// mapStore is a store in memory.
type mapStore map[string][]byte

func (s mapStore) read(name string) ([]byte, error) {
	if text, ok := s[name]; ok {
		return text, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (s mapStore) list(dir string) ([]string, error) {
	var out []string
	for name := range s {
		if isSchemaFile(name) && within(name, dir) && !hidden(relativeTo(name, dir)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// within says whether a path is a folder's or below it.
func within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

func isSchemaFile(name string) bool {
	return (isProto(name) || strings.HasSuffix(name, ".json")) && !strings.HasPrefix(path.Base(name), ".")
}

func isProto(name string) bool { return strings.HasSuffix(name, ".proto") }

// FS is all schema files of a file system: files ending in .proto and .json, those in folders whose name begins with
// a dot left out.
func FS(fsys fs.FS) Source { return fsSource{fsys} }

type fsSource struct{ fsys fs.FS }

func (s fsSource) open(context.Context) (*tree, error) { return openAll(fsStore(s), "") }

// Files is a set of files in memory, text by slash-separated path: the same of them as of a file system, see [FS].
func Files(files map[string][]byte) Source { return filesSource(files) }

type filesSource map[string][]byte

func (s filesSource) open(context.Context) (*tree, error) { return openAll(mapStore(s), "") }

func openAll(st store, root string) (*tree, error) {
	targets, err := st.list(".")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	if len(targets) == 0 {
		where := root
		if where == "" {
			where = "here"
		}
		return nil, fmt.Errorf("%s: %w", where, ErrNoSchemas)
	}
	return &tree{root: root, store: st, targets: targets}, nil
}

// ErrNoSchemas says that a source holds no schema files.
var ErrNoSchemas = errors.New("no .proto or .json file")
