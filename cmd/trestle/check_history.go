package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/gate"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// version is one of a history.
type version struct {
	name string // as the command line names it
	set  *schema.Set
}

// loadHistory loads what words name, oldest first: git#PATTERN is every tag that matches, in the order of their
// versions, and, where the whole history counts, registry:SUBJECT is every version of the subject.
func (p *project) loadHistory(ctx context.Context, words []string, whole bool, c *connections, opts ...load.Option) ([]version, error) {
	var out []version
	for _, word := range words {
		subject, inRegistry := strings.CutPrefix(word, "registry:")
		ref, inGit := strings.CutPrefix(word, "git#")
		var each []string
		switch {
		case inRegistry && !strings.Contains(subject, "@") && whole:
			versions, err := p.loadVersions(ctx, subject, c, opts)
			if err != nil {
				return nil, err
			}
			out = append(out, versions...)
			continue
		case inGit && strings.ContainsAny(ref, "*?["):
			tags, err := p.tags(ctx, ref)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
			each = tags
		default:
			each = []string{word}
		}
		for _, w := range each {
			set, err := p.loadLocation(ctx, w, c, opts...)
			if err != nil {
				return nil, err
			}
			out = append(out, version{w, set})
		}
	}
	return out, nil
}

// transitive says whether the mode looks at every version; an empty one is the profile's own.
func (f *checkFlags) transitive() bool {
	if f.mode == "" {
		return f.profile != string(compat.Confluent)
	}
	return compat.Mode(f.mode).Transitive()
}

// tags returns the words for the tags that a pattern matches, with the path that follows it.
func (p *project) tags(ctx context.Context, ref string) ([]string, error) {
	pattern, path, hasPath := strings.Cut(ref, ":")
	cmd := exec.CommandContext(ctx, "git", "tag", "--list", "--sort=version:refname", "--", pattern)
	if p.open() == nil {
		cmd.Dir = p.dir
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

// loadVersions loads all versions of a subject.
func (p *project) loadVersions(ctx context.Context, subject string, c *connections, opts []load.Option) ([]version, error) {
	client, err := c.registryClient(p)
	if err != nil {
		return nil, err
	}
	versions, err := client.Versions(ctx, subject)
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("registry:%s: %w", subject, registry.ErrNotFound)
	}
	out := make([]version, len(versions))
	for i, v := range versions {
		set, err := p.loadSource(ctx, gate.RegisteredSchema(v), p.versionOptions(opts...)...)
		if err != nil {
			return nil, fmt.Errorf("registry:%s, version %d of %d: %w", subject, i+1, len(versions), err)
		}
		out[i] = version{fmt.Sprintf("registry:%s@%d", subject, v.Version), set}
	}
	return out, nil
}
