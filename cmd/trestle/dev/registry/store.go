package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Reference ties a name inside a schema to a version of a subject.
type Reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// Schema is one stored schema version.
type Schema struct {
	Subject    string      `json:"subject"`
	Version    int         `json:"version"`
	ID         int         `json:"id"`
	Type       string      `json:"schemaType"`
	Schema     string      `json:"schema"`
	References []Reference `json:"references,omitempty"`
	Deleted    bool        `json:"deleted,omitempty"`
}

// state is what the registry knows; it is written whole after every change.
type state struct {
	Schemas []*Schema         `json:"schemas"` // in order of registration
	Level   string            `json:"compatibility"`
	Levels  map[string]string `json:"subject_compatibility"`
	NextID  int               `json:"next_id"`
}

func newState() *state {
	return &state{Level: DefaultLevel, Levels: map[string]string{}, NextID: 1}
}

// load reads the state from path; an absent file is an empty registry.
func load(path string) (*state, error) {
	s := newState()
	if path == "" {
		return s, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry state: %w", err)
	}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("registry state %s: %w: move it away to start with an empty registry", path, err)
	}
	return s, nil
}

// save replaces the file at path as a whole, so that a crash leaves the old state or the new one.
func (s *state) save(path string) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".registry-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Sync(); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// versions returns a subject's versions, oldest first.
func (s *state) versions(subject string, deleted bool) []*Schema {
	var out []*Schema
	for _, v := range s.Schemas {
		if v.Subject == subject && (deleted || !v.Deleted) {
			out = append(out, v)
		}
	}
	return out
}

func (s *state) subjects(deleted bool) []string {
	names := map[string]bool{}
	for _, v := range s.Schemas {
		if deleted || !v.Deleted {
			names[v.Subject] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// find returns a version by number, or the newest for -1; nil when there is none.
func (s *state) find(subject string, version int) *Schema {
	versions := s.versions(subject, false)
	if version == latest {
		if len(versions) == 0 {
			return nil
		}
		return versions[len(versions)-1]
	}
	for _, v := range versions {
		if v.Version == version {
			return v
		}
	}
	return nil
}

func (s *state) byID(id int) []*Schema {
	var out []*Schema
	for _, v := range s.Schemas {
		if v.ID == id {
			out = append(out, v)
		}
	}
	return out
}

// same finds a version of the subject that holds the very schema.
func (s *state) same(next *Schema) *Schema {
	for _, v := range s.versions(next.Subject, false) {
		if v.equal(next) {
			return v
		}
	}
	return nil
}

func (v *Schema) equal(o *Schema) bool {
	return v.Type == o.Type && v.Schema == o.Schema && slices.Equal(v.References, o.References)
}

// add stores next as its subject's newest version.
func (s *state) add(next *Schema) {
	next.Version = 1
	for _, v := range s.versions(next.Subject, true) {
		next.Version = max(next.Version, v.Version+1)
	}
	for _, v := range s.Schemas {
		if v.equal(next) {
			next.ID = v.ID
		}
	}
	if next.ID == 0 {
		next.ID = s.NextID
		s.NextID++
	}
	s.Schemas = append(s.Schemas, next)
}

func (s *state) level(subject string) string {
	if l, ok := s.Levels[subject]; ok {
		return l
	}
	return s.Level
}

// usedBy returns the live schemas that refer to a version.
func (s *state) usedBy(subject string, version int) []*Schema {
	var out []*Schema
	for _, v := range s.Schemas {
		if !v.Deleted && slices.ContainsFunc(v.References, func(r Reference) bool { return r.Subject == subject && r.Version == version }) {
			out = append(out, v)
		}
	}
	return out
}
