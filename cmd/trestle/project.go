package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"go.yaml.in/yaml/v3"
)

// project is the folder a command works in and what its trestle.yaml says.
type project struct {
	dir    string // as given by --dir; after open: where trestle.yaml is
	config config
	opened bool
	source load.Source // of the schemas, where that is not the folder
	shared load.Shared // what versions have in common that one command loads
}

// config is trestle.yaml.
type config struct {
	// Schemas and Gen are folders, relative to the file; by default "schemas" and "gen".
	Schemas string `yaml:"schemas"`
	Gen     string `yaml:"gen"`
	// GoImport is the import path of the Gen folder.
	GoImport string `yaml:"go_import"`
	// Exemptions is the file of findings that were accepted; by default "exemptions.yaml", which need not exist.
	Exemptions string `yaml:"exemptions"`
	Lint       struct {
		// Ignore holds, by lint rule, the paths whose findings are accepted.
		Ignore map[string][]string `yaml:"ignore"`
	} `yaml:"lint"`
	Environments map[string]environment `yaml:"environments"`
}

// environment is what differs between the places a project runs in.
type environment struct {
	Brokers  []string `yaml:"brokers"`
	Registry string   `yaml:"registry"`
	Store    string   `yaml:"store"`
	// ReplicationFactor of topics that are created; 0 takes the cluster's default.
	ReplicationFactor int16 `yaml:"replication_factor"`
	// Compatibility is the level set for registered subjects (BACKWARD, FULL_TRANSITIVE, …); empty leaves the
	// registry's own.
	Compatibility string `yaml:"compatibility"`
	// Topics overrides a topic's number of partitions.
	Topics map[string]struct {
		Partitions int32 `yaml:"partitions"`
	} `yaml:"topics"`
}

const configName = "trestle.yaml"

var errNoProject = errors.New("no " + configName + " here or in a folder above: run this inside a project, name its folder with --dir, or make one with trestle init")

// open finds and reads trestle.yaml. A folder given by --dir may lack one; then the defaults hold.
func (p *project) open() error {
	if p.opened {
		return nil
	}
	given := p.dir != ""
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return err
	}
	for !given && !exists(filepath.Join(dir, configName)) {
		parent := filepath.Dir(dir)
		if parent == dir {
			return errNoProject
		}
		dir = parent
	}
	path := filepath.Join(dir, configName)
	data, err := os.ReadFile(path)
	if err != nil && !(given && errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	p.config = config{Schemas: "schemas", Gen: "gen", Exemptions: "exemptions.yaml"}
	if err := yaml.Unmarshal(data, &p.config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	p.dir, p.opened = dir, true
	return nil
}

// path returns a path of the project, from a path relative to its folder.
func (p *project) path(elem ...string) string {
	return filepath.Join(append([]string{p.dir}, elem...)...)
}

// shown is path for people: relative to the working directory where it is below that.
func (p *project) shown(elem ...string) string {
	path := p.path(elem...)
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// load opens the project and loads its schemas.
func (p *project) load(ctx context.Context, opts ...load.Option) (*schema.Set, error) {
	if p.source != nil {
		return p.loadSource(ctx, p.source, opts...)
	}
	if err := p.open(); err != nil {
		return nil, err
	}
	dir := p.shown(p.config.Schemas)
	set, err := p.loadSource(ctx, load.Dir(dir), opts...)
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		return nil, below(dir, mistakes)
	}
	return set, err
}

// below shows mistakes in files under the folder that they were loaded from, where an editor finds them.
func below(dir string, mistakes schema.Errors) schema.Errors {
	out := make(schema.Errors, len(mistakes))
	for i, m := range mistakes {
		moved := *m
		if moved.Pos.File != "" {
			moved.Pos.File = filepath.ToSlash(filepath.Join(dir, moved.Pos.File))
		}
		out[i] = &moved
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
