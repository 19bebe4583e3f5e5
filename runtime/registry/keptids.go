package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
)

// keptIDs are ids of schemas in a file; a nil one keeps none.
type keptIDs struct{ file string }

// keptVersion is that of the file's format.
const keptVersion = 1

// keptFile is the file: by the registry's address and the subject.
type keptFile struct {
	Version    int                       `json:"version"`
	Registries map[string]map[string]int `json:"registries"`
}

// find returns an id, 0 for one that is not kept.
func (k *keptIDs) find(registry, subject string) (int, error) {
	if k == nil {
		return 0, nil
	}
	f, err := k.read()
	return f.Registries[registry][subject], err
}

// keep writes an id down. That it can't be is no reason not to publish: it is then not there when it is needed, and said so by what needs it.
func (k *keptIDs) keep(registry, subject string, id int) {
	if k == nil {
		return
	}
	f, err := k.read()
	if err != nil || f.Registries[registry][subject] == id {
		return // what can't be read is left for people to look at
	}
	if f.Registries == nil {
		f.Registries = map[string]map[string]int{}
	}
	ids := maps.Clone(f.Registries[registry])
	if ids == nil {
		ids = map[string]int{}
	}
	ids[subject] = id
	f.Version, f.Registries[registry] = keptVersion, ids
	_ = k.write(f)
}

func (k *keptIDs) read() (keptFile, error) {
	var f keptFile
	data, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		return keptFile{}, fmt.Errorf("kept ids in %s can't be read: %w: remove the file?", k.file, err)
	}
	if f.Version != keptVersion {
		return keptFile{}, fmt.Errorf("kept ids in %s are of version %d, and this program knows %d", k.file, f.Version, keptVersion)
	}
	return f, nil
}

// write replaces the file as a whole, so that who reads it finds the old one or the new.
func (k *keptIDs) write(f keptFile) error {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(k.file), ".schema-ids-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), k.file)
}
