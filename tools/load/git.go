package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Git is a folder or file as it is at a commit. It is read through the git command from the object database: the work
// tree and the index stay untouched.
type Git struct {
	// Dir is a folder of the repository; empty for the working directory.
	Dir string
	// Ref is a branch, tag, commit or anything else that git resolves to a tree.
	Ref string
	// Path is the folder or file, slash-separated, relative to Dir; empty for Dir itself.
	Path string
	// Root is the folder that import paths and positions count from, relative to Dir, as for [In]. Empty: found as for
	// [Dir].
	Root string
}

func (g Git) open(ctx context.Context) (*tree, error) {
	fail := func(format string, args ...any) (*tree, error) {
		return nil, fmt.Errorf("git#%s: "+format, append([]any{g.Ref}, args...)...)
	}
	if g.Ref == "" || strings.HasPrefix(g.Ref, "-") {
		return fail("not a git reference: name a branch, tag or commit")
	}
	prefix, err := g.run(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return fail("%w", err)
	}
	id, err := g.run(ctx, "rev-parse", "--verify", "--quiet", g.Ref+"^{tree}")
	if _, said := errors.AsType[*exec.ExitError](err); said { // without a word, as --quiet asks
		return fail("unknown reference: is it fetched?")
	}
	if err != nil {
		return fail("%w", err)
	}
	listing, err := g.run(ctx, "ls-tree", "-r", "-z", "--full-tree", strings.TrimSpace(id))
	if err != nil {
		return fail("list files: %w", err)
	}
	base := strings.TrimSuffix(prefix, "\n")
	st := &gitStore{blobs: parseListing(listing), open: func() (*catFile, error) { return g.startCatFile(ctx) }}
	t, err := g.tree(st, path.Join(base, g.Path), path.Join(base, g.Root))
	if err != nil {
		return fail("%w", errors.Join(err, st.close()))
	}
	t.close = st.close
	return t, nil
}

// tree finds the files at name, a path from the top of the repository.
func (g Git) tree(st *gitStore, name, root string) (*tree, error) {
	if name == "" {
		name = "."
	}
	_, isFile := st.blobs[name]
	names, err := st.list(name)
	switch {
	case err != nil:
		return nil, err
	case isFile && !isSchemaFile(name):
		return nil, fmt.Errorf("%s: not a .proto or .json file", name)
	case len(names) == 0 && !isFile && !st.hasFolder(name) && g.Root != "" && g.Path == g.Root:
		return nil, fmt.Errorf("%s: no such folder in that commit: %w", name, ErrNoSchemas)
	case len(names) == 0 && !isFile && !st.hasFolder(name):
		return nil, fmt.Errorf("%s: no such file or folder in that commit", name)
	case len(names) == 0:
		return nil, fmt.Errorf("%s: %w", name, ErrNoSchemas)
	}
	if g.Root == "" || !within(name, root) {
		if root, err = gitRoot(st, name, names, isFile); err != nil {
			return nil, err
		}
	}
	st.base = root
	t := &tree{root: root, store: st, partial: isFile || name != root, named: isFile}
	if t.folder = relativeTo(name, root); name == root {
		t.folder = "."
	}
	if isFile {
		t.folder = path.Dir(t.folder)
		t.beside = func() ([]string, error) { return st.list(".") }
	}
	for _, n := range names {
		t.targets = append(t.targets, relativeTo(n, root))
	}
	return t, nil
}

func gitRoot(st *gitStore, name string, names []string, isFile bool) (string, error) {
	dir := name
	if isFile {
		dir = path.Dir(name)
	}
	d := folder{path: dir, read: func(n string) ([]byte, error) { return st.read(path.Join(dir, n)) }}
	for _, n := range names {
		d.names = append(d.names, relativeTo(n, dir))
	}
	up, err := d.above()
	if err != nil {
		return "", err
	}
	for range up {
		dir = path.Dir(dir)
	}
	return dir, nil
}

func relativeTo(name, dir string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// run runs git and returns what it prints.
func (g Git) run(ctx context.Context, args ...string) (string, error) {
	cmd := g.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", gitError(err, stderr.String())
	}
	return stdout.String(), nil
}

func (g Git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = g.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	return cmd
}

func gitError(err error, stderr string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the git command is not installed")
	}
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	line = strings.TrimPrefix(line, "fatal: ")
	switch {
	case strings.HasPrefix(line, "not a git repository"):
		return errors.New("not a git repository")
	case line != "":
		return errors.New(line)
	}
	return err
}

// gitBlob is a file in a tree.
type gitBlob struct {
	id   string
	link bool // the blob is the path of another file
}

// parseListing reads what ls-tree -z prints: `MODE TYPE ID\tPATH`, ended by a zero byte.
func parseListing(listing string) map[string]gitBlob {
	blobs := map[string]gitBlob{}
	for entry := range strings.SplitSeq(listing, "\x00") {
		head, name, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(head)
		if ok && len(fields) == 3 && fields[1] == "blob" {
			blobs[name] = gitBlob{id: fields[2], link: fields[0] == "120000"}
		}
	}
	return blobs
}

// gitStore is a store in a commit.
type gitStore struct {
	blobs map[string]gitBlob
	base  string // what paths are relative to
	open  func() (*catFile, error)

	mu  sync.Mutex
	cat *catFile
}

const maxLinks = 16

func (s *gitStore) read(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	at := path.Join(s.base, name)
	for range maxLinks {
		blob, ok := s.blobs[at]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		text, err := s.content(blob.id)
		if err != nil || !blob.link {
			return text, err
		}
		at = path.Join(path.Dir(at), string(text))
	}
	return nil, fmt.Errorf("%s: too many symbolic links", name)
}

func (s *gitStore) content(id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cat == nil {
		cat, err := s.open()
		if err != nil {
			return nil, err
		}
		s.cat = cat
	}
	return s.cat.blob(id)
}

func (s *gitStore) list(dir string) ([]string, error) {
	var out []string
	for name := range s.blobs {
		if isSchemaFile(name) && within(name, dir) && !hidden(relativeTo(name, dir)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }

func (s *gitStore) hasFolder(dir string) bool {
	for name := range s.blobs {
		if within(name, dir) {
			return true
		}
	}
	return false
}

func (s *gitStore) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cat == nil {
		return nil
	}
	err := s.cat.close()
	s.cat = nil
	return err
}

// catFile is a running `git cat-file --batch`.
type catFile struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (g Git) startCatFile(ctx context.Context) (*catFile, error) {
	cmd := g.command(ctx, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gitError(err, "")
	}
	return &catFile{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 64<<10)}, nil
}

// blob reads one object: git answers `ID blob SIZE\n`, the content and a line feed. Of a file over the limit one byte
// more than the limit is returned, as of any other store.
func (c *catFile) blob(id string) ([]byte, error) {
	if _, err := io.WriteString(c.in, id+"\n"); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	head, err := c.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	fields := strings.Fields(head)
	if len(fields) != 3 {
		return nil, fmt.Errorf("git cat-file: %s (a partial clone?)", strings.TrimSpace(head))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	text := make([]byte, min(size, MaxFileSize+1))
	if _, err := io.ReadFull(c.out, text); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if _, err := io.CopyN(io.Discard, c.out, size-int64(len(text))+1); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return text, nil
}

func (c *catFile) close() error {
	err := c.in.Close()
	if waitErr := c.cmd.Wait(); err == nil {
		err = waitErr
	}
	return err
}
