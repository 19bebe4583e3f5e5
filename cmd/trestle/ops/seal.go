package ops

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/omninode/trestle/tools/gen"
)

// seal says of a project that its gen folder is what its schemas make. It is kept in the user's cache folder, so that a
// run which would change nothing need not make everything to see it: by the content of all that goes in and of all that
// came out, and by the program that made it. Without a cache folder there is none.
type seal struct {
	path    string // where it is kept, empty for nowhere
	inputs  string // of what is there now
	outputs string
	files   int // how many were made, once it holds
}

// sealed is a seal as it is kept.
type sealed struct {
	Inputs  string `json:"inputs"`
	Outputs string `json:"outputs"`
	Files   int    `json:"files"`
}

// seal takes the project's schemas as they are. What cannot be read is not sealed: who loads it says why.
func (p *Project) seal() *seal {
	s := &seal{}
	cache, err := os.UserCacheDir()
	if err != nil || p.missing != nil || p.source != nil {
		return s
	}
	program, err := programNow()
	if err != nil {
		return s
	}
	in := sha256.New()
	fmt.Fprintf(in, "%q%q", program, p.Config.GoImport)
	if err := digestFolder(in, p.Path(p.Config.Schemas)); err != nil {
		return s
	}
	dir := sha256.Sum256([]byte(p.Path(p.Config.Gen)))
	s.path = filepath.Join(cache, "trestle", "generated", hex.EncodeToString(dir[:8])+".json")
	s.inputs = hex.EncodeToString(in.Sum(nil))
	s.outputs = p.generatedNow()
	return s
}

// holds says whether gen is what an earlier run made of the same schemas.
func (s *seal) holds() bool {
	if s.path == "" || s.outputs == "" {
		return false
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return false
	}
	var kept sealed
	if json.Unmarshal(text, &kept) != nil || kept.Inputs != s.inputs || kept.Outputs != s.outputs {
		return false
	}
	s.files = kept.Files
	return true
}

// keep seals what was made of the schemas that the seal was taken of, if they are still the same and gen holds it now.
func (s *seal) keep(p *Project, files []gen.File) {
	if s.path == "" || len(gen.Stale(p.Path(p.Config.Gen), files)) > 0 {
		return
	}
	now := p.seal()
	if now.inputs != s.inputs || now.outputs == "" {
		return
	}
	text, err := json.Marshal(sealed{now.inputs, now.outputs, len(files)})
	if err != nil || os.MkdirAll(filepath.Dir(s.path), 0o755) != nil {
		return
	}
	_ = replaceFile(s.path, text) // what fails costs the next run time, and nothing else
}

// generatedNow is the digest of the gen folder, empty where it cannot be read.
func (p *Project) generatedNow() string {
	out := sha256.New()
	if err := digestFolder(out, p.Path(p.Config.Gen)); err != nil {
		return ""
	}
	return hex.EncodeToString(out.Sum(nil))
}

// digestFolder writes the names and digests of all files below a folder.
func digestFolder(w io.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%q%x", path, sha256.Sum256(text))
		return err
	})
}

// programNow tells this program from others, and from others of its versions.
func programNow() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()), nil
}
