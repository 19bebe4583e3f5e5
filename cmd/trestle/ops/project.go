package ops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"go.yaml.in/yaml/v3"
)

// Project is a folder with event schemas and what its trestle.yaml says of them. Nothing in it changes once it is there,
// so that it may be used from many goroutines; what stands in the schemas is read anew by every function.
type Project struct {
	// Dir is the folder, as an absolute path.
	Dir string
	// Config is what its trestle.yaml says.
	Config Config

	source  load.Source // of the schemas, where that is not the folder
	missing error       // why there is no project, outside of one
}

// Config is trestle.yaml.
type Config struct {
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
	Environments map[string]Environment `yaml:"environments"`
	Audit        AuditSettings          `yaml:"audit"`
	Monitor      MonitorSettings        `yaml:"monitor"`
	Rotation     RotationSettings       `yaml:"rotation"`
	// Services are those that publish and consume, by the names that the schemas have for them.
	Services map[string]Service `yaml:"services"`
}

// Service is what is said of a service.
type Service struct {
	// Closed says that it refuses events with fields which its version of the schema lacks.
	Closed bool `yaml:"closed"`
	// Uses are what it uses that takes rights of its own: transactions, held_keys, breaker_replay, outbox, replay.
	Uses Uses `yaml:"uses"`
}

// closedServices names the services that are closed, sorted.
func (c Config) closedServices() []string {
	var out []string
	for name, s := range c.Services {
		if s.Closed {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// ConfigName is the file that makes a folder a project.
const ConfigName = "trestle.yaml"

// ErrNoProject says that neither the working directory nor a folder above it is a project.
var ErrNoProject = errors.New("no " + ConfigName + " here or in a folder above: run this inside a project, name its folder with --dir, or make one with trestle init")

// Open reads the project in a folder, which may lack a trestle.yaml; then the defaults hold. Without a folder the project
// is the nearest one upwards from the working directory that has the file.
func Open(folder string) (*Project, error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	for folder == "" && !exists(filepath.Join(dir, ConfigName)) {
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil, ErrNoProject
		}
		dir = parent
	}
	path := filepath.Join(dir, ConfigName)
	data, err := os.ReadFile(path)
	if err != nil && (folder == "" || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	config, err := decodeConfig(path, data)
	if err != nil {
		return nil, err
	}
	return &Project{Dir: dir, Config: *config}, nil
}

// decodeConfig reads the text of a trestle.yaml.
func decodeConfig(path string, text []byte) (*Config, error) {
	config := &Config{Schemas: "schemas", Gen: "gen", Exemptions: "exemptions.yaml"}
	in := yaml.NewDecoder(bytes.NewReader(text))
	in.KnownFields(true)
	if err := in.Decode(config); err != nil && !errors.Is(err, io.EOF) {
		return nil, misread(path, err)
	}
	return config, nil
}

var (
	yamlMistake = regexp.MustCompile(`^line (\d+): (.*)$`)
	yamlUnknown = regexp.MustCompile(`^field (.+) not found in type .*$`)
)

// misread says what is wrong with a file, each mistake with its line.
func misread(path string, err error) error {
	mistakes, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	texts := make([]string, len(mistakes.Errors))
	for i, text := range mistakes.Errors {
		if found := yamlMistake.FindStringSubmatch(text); found != nil {
			text = found[1] + ": " + yamlUnknown.ReplaceAllString(found[2], "unknown key $1")
		}
		texts[i] = path + ":" + text
	}
	return errors.New(strings.Join(texts, "; "))
}

// At is [Open] for what can be done outside of a project too, such as comparing two files: that there is none, and why,
// is the error of whatever needs one.
func At(folder string) *Project {
	p, err := Open(folder)
	if err != nil {
		return &Project{missing: err}
	}
	return p
}

// Of returns a project that is no folder: it has the schemas of a source, and nothing else.
func Of(source load.Source) *Project { return &Project{source: source} }

// Brought returns what stands for a project where a program brings the schemas itself: nothing else is there.
func Brought(schemas load.Source) *Project { return &Project{source: schemas, missing: ErrNoProject} }

// Path returns a path of the project, from a path relative to its folder.
func (p *Project) Path(elem ...string) string {
	return filepath.Join(append([]string{p.Dir}, elem...)...)
}

// Shown is [Project.Path] for people: relative to the working directory where it is below that.
func (p *Project) Shown(elem ...string) string {
	path := p.Path(elem...)
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// Load loads the project's schemas.
func (p *Project) Load(ctx context.Context) (*schema.Set, error) { return p.load(ctx) }

// loadIn loads the project's schemas with the names that topics and consumer groups have in an environment.
func (p *Project) loadIn(ctx context.Context, env Environment) (*schema.Set, error) {
	set, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	return set, env.rename(set)
}

// rename gives topics and consumer groups the names that they have in the environment.
func (e Environment) rename(set *schema.Set) error {
	names, err := e.namesOf(set)
	if err != nil || names.IsZero() {
		return err
	}
	set.Rename(
		func(name string) string { name, _ = names.Topic(name); return name }, // it can't fail any more
		func(name string) string { name, _ = names.Group(name); return name },
	)
	return nil
}

// loadIfAny is loadIn, and a set without anything in it where there is no project.
func (p *Project) loadIfAny(ctx context.Context, env Environment) (*schema.Set, error) {
	if p.missing != nil {
		return &schema.Set{}, nil
	}
	return p.loadIn(ctx, env)
}

func (p *Project) load(ctx context.Context, opts ...load.Option) (*schema.Set, error) {
	if p.missing != nil {
		return nil, p.missing
	}
	if p.source != nil {
		return p.loadSource(ctx, p.source, opts...)
	}
	dir := p.Shown(p.Config.Schemas)
	set, err := p.loadSource(ctx, load.Dir(dir), opts...)
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		return nil, below(dir, mistakes)
	}
	return set, err
}

// loadSource loads schemas with the project's settings, where there is a project.
func (p *Project) loadSource(ctx context.Context, src load.Source, opts ...load.Option) (*schema.Set, error) {
	if p.Config.GoImport != "" {
		opts = append(opts, load.WithGoPrefix(p.Config.GoImport))
	}
	return load.Schemas(ctx, src, opts...)
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
