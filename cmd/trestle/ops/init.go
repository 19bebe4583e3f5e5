package ops

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
)

// Created are the files of a new project.
type Created struct {
	Dir string `json:"dir"`
	// Files are relative to Dir, slash-separated.
	Files []string `json:"files"`
}

// Init writes the files of a new project into an empty folder, or one that only a git repository is in. A name that is
// left out is made of the folder's, a module of the name; the version of Trestle is this binary's.
func Init(dir string, project scaffold.Project) (Created, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return Created{}, err
	}
	if err := checkEmpty(dir); err != nil {
		return Created{}, err
	}
	project.Name = cmp.Or(project.Name, scaffold.NameOf(filepath.Base(full)), "shop")
	project.Module = cmp.Or(project.Module, "example.org/"+project.Name)
	project.Version = ownVersion()
	if project.Checkout != "" {
		if project.Checkout, err = filepath.Abs(project.Checkout); err != nil {
			return Created{}, err
		}
	}
	files, err := project.Files()
	if err != nil {
		return Created{}, err
	}
	if err := scaffold.Write(dir, files); err != nil {
		return Created{}, err
	}
	out := Created{Dir: dir, Files: make([]string, len(files))}
	for i, f := range files {
		out.Files[i] = f.Path
	}
	return out, nil
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

// released is the version of a binary that `make release` built, which sets it.
var released string

// ownVersion is the version of the module that this binary was built from; empty when it was built from a checkout that
// is at no version.
func ownVersion() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != "github.com/omninode/trestle" || !strings.HasPrefix(info.Main.Version, "v") ||
		strings.Contains(info.Main.Version, "+") {
		return ""
	}
	return info.Main.Version
}
