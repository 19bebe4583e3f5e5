package ops

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// loader loads the versions that one comparison looks at, each by the word that names it. What they have in common is
// compiled once.
type loader struct {
	project     *Project
	environment Lookup // of the registry
	shared      load.Shared
}

// version is one of a history.
type version struct {
	name string // as the word names it
	set  *schema.Set
	// registered says that the set is a registered schema, its [schema.Set.Main], with what that refers to.
	registered bool
}

// isFile says whether the word names one file alone.
func (v version) isFile() bool {
	return !v.registered && v.set.MainFile() != nil && (strings.HasSuffix(v.name, ".proto") || strings.HasSuffix(v.name, ".json"))
}

// current loads the project's schemas as they are.
func (l *loader) current(ctx context.Context, opts ...load.Option) (*schema.Set, error) {
	return l.project.load(ctx, l.options(opts)...)
}

// options are for loading versions that are compared.
func (l *loader) options(opts []load.Option) []load.Option {
	return append(opts, load.ToCompare(), load.WithUndeclared(), load.WithShared(&l.shared))
}

// version loads what a word names. Outside a project every word but the bare git#REF works.
func (l *loader) version(ctx context.Context, word string, opts ...load.Option) (version, error) {
	v := version{name: word, registered: strings.HasPrefix(word, "registry:")}
	locator := load.Locator{Registry: func(subject string) (load.Source, error) { return l.subject(ctx, subject) }}
	if l.project.missing == nil {
		locator.Dir = l.project.Dir
		if strings.HasPrefix(word, "git#") {
			locator.Root = l.project.Config.Schemas
		}
	}
	folder, err := schemasOf(word)
	if err != nil {
		return v, err
	}
	if folder != word && !exists(folder) {
		return v, fmt.Errorf("%s: the project has no folder %s yet: %w", word, folder, load.ErrNoSchemas)
	}
	word = folder
	src, err := locator.Parse(word)
	if err != nil {
		return v, err
	}
	v.set, err = l.project.loadSource(ctx, src, l.options(opts)...)
	if err != nil && !strings.HasPrefix(err.Error(), word+":") {
		err = fmt.Errorf("%s: %w", word, err)
	}
	return v, err
}

// schemasOf returns where the schemas of a project are; what is not a project's folder is returned as it is.
func schemasOf(word string) (string, error) {
	if !exists(filepath.Join(word, ConfigName)) {
		return word, nil
	}
	other, err := Open(word)
	if err != nil {
		return "", err
	}
	return filepath.Join(word, other.Config.Schemas), nil
}

// history loads what words name, oldest first: git#PATTERN is every tag that matches, in the order of their versions,
// and, where the whole history counts, registry:SUBJECT is every version of the subject. A version may hold no schema.
func (l *loader) history(ctx context.Context, words []string, whole bool, opts ...load.Option) ([]version, error) {
	var out []version
	for _, word := range words {
		subject, inRegistry := strings.CutPrefix(word, "registry:")
		ref, inGit := strings.CutPrefix(word, "git#")
		var each []string
		switch {
		case inRegistry && !strings.Contains(subject, "@") && whole:
			versions, err := l.subjectVersions(ctx, subject, opts)
			if err != nil {
				return nil, err
			}
			out = append(out, versions...)
			continue
		case inGit && strings.ContainsAny(ref, "*?["):
			tags, err := l.project.tags(ctx, ref)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
			each = tags
		default:
			each = []string{word}
		}
		for _, w := range each {
			v, err := l.version(ctx, w, opts...)
			if errors.Is(err, load.ErrNoSchemas) {
				v.set, err = &schema.Set{}, nil
			}
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// tags returns the words for the tags that a pattern matches, with the path that follows it.
func (p *Project) tags(ctx context.Context, ref string) ([]string, error) {
	pattern, path, hasPath := strings.Cut(ref, ":")
	cmd := exec.CommandContext(ctx, "git", "tag", "--list", "--sort=version:refname", "--", pattern)
	if p.missing == nil {
		cmd.Dir = p.Dir
	}
	listing, err := cmd.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("list tags: %s", strings.TrimSpace(string(failed.Stderr)))
		}
		return nil, fmt.Errorf("list tags: %w", err)
	}
	var out []string
	for _, tag := range strings.Fields(string(listing)) {
		word := "git#" + tag
		if hasPath {
			word += ":" + path
		}
		out = append(out, word)
	}
	if len(out) == 0 {
		return nil, errors.New("no tag matches: are tags fetched?")
	}
	return out, nil
}

func (l *loader) registry(ctx context.Context) (*registry.Client, error) {
	env, err := l.registryEnvironment()
	if err != nil {
		return nil, err
	}
	return env.registryClient(ctx)
}

func (l *loader) registryEnvironment() (Environment, error) {
	if l.environment == nil {
		return Environment{}, nil
	}
	return l.environment()
}

// subjectName finds out which subject a word names: as the project's schemas alone would call it, else as the registry does.
// It returns both names, which differ where the environment has names of its own.
func (l *loader) subjectName(ctx context.Context, word string) (logical, physical string, err error) {
	env, err := l.registryEnvironment()
	if err != nil || env.Names().IsZero() && env.SubjectStrategy == "" || l.project.missing != nil {
		return word, word, err
	}
	set, err := l.project.load(ctx)
	if err != nil {
		return "", "", err
	}
	declared, err := subjects(set)
	if err != nil {
		return "", "", err
	}
	named, err := env.subjectNames(set, declared)
	if err != nil {
		return "", "", err
	}
	if physical, ok := named[word]; ok {
		return word, physical, nil
	}
	for logical, physical := range named {
		if physical == word {
			return logical, physical, nil
		}
	}
	return word, word, nil
}

// subject fetches SUBJECT or SUBJECT@VERSION.
func (l *loader) subject(ctx context.Context, word string) (load.Source, error) {
	client, err := l.registry(ctx)
	if err != nil {
		return nil, err
	}
	subject, version, versioned := strings.Cut(word, "@")
	if _, subject, err = l.subjectName(ctx, subject); err != nil {
		return nil, err
	}
	if !versioned || version == "latest" {
		stored, err := client.Latest(ctx, subject)
		return gate.RegisteredSchema(stored), err
	}
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("registry:%s: version %q is not a number from 1", word, version)
	}
	stored, err := client.Version(ctx, subject, n)
	return gate.RegisteredSchema(stored), err
}

// subjectVersions loads all versions of a subject.
func (l *loader) subjectVersions(ctx context.Context, subject string, opts []load.Option) ([]version, error) {
	client, err := l.registry(ctx)
	if err != nil {
		return nil, err
	}
	_, physical, err := l.subjectName(ctx, subject)
	if err != nil {
		return nil, err
	}
	versions, err := client.Versions(ctx, physical)
	if err != nil {
		return nil, err
	}
	switch {
	case len(versions) == 0 && physical != subject:
		return nil, fmt.Errorf("registry:%s: subject %s: %w", subject, physical, registry.ErrNotFound)
	case len(versions) == 0:
		return nil, fmt.Errorf("registry:%s: %w", subject, registry.ErrNotFound)
	}
	out := make([]version, len(versions))
	for i, v := range versions {
		set, err := l.project.loadSource(ctx, gate.RegisteredSchema(v), l.options(opts)...)
		if err != nil {
			return nil, fmt.Errorf("registry:%s, version %d of %d: %w", subject, i+1, len(versions), err)
		}
		out[i] = version{fmt.Sprintf("registry:%s@%d", subject, v.Version), set, true}
	}
	return out, nil
}
