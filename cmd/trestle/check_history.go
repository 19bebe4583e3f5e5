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
	"github.com/omninode/trestle/tools/schema"
)

// loadHistory loads what --against names, oldest first: git#PATTERN is every tag that matches, in the order of their
// versions, and registry:SUBJECT is every version of the subject where the mode looks at all of them.
func (p *project) loadHistory(ctx context.Context, f *checkFlags) ([]*schema.Set, error) {
	var out []*schema.Set
	for _, word := range f.against {
		subject, inRegistry := strings.CutPrefix(word, "registry:")
		ref, inGit := strings.CutPrefix(word, "git#")
		var words []string
		switch {
		case inRegistry && !strings.Contains(subject, "@") && f.transitive():
			sets, err := p.loadVersions(ctx, subject, &f.c)
			if err != nil {
				return nil, err
			}
			out = append(out, sets...)
			continue
		case inGit && strings.ContainsAny(ref, "*?["):
			tags, err := p.tags(ctx, ref)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
			words = tags
		default:
			words = []string{word}
		}
		for _, w := range words {
			set, err := p.loadLocation(ctx, w, &f.c)
			if err != nil {
				return nil, err
			}
			out = append(out, set)
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
func (p *project) loadVersions(ctx context.Context, subject string, c *connections) ([]*schema.Set, error) {
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
	out := make([]*schema.Set, len(versions))
	for i, v := range versions {
		if out[i], err = p.loadSource(ctx, gate.Document(v), schema.WithDocuments()); err != nil {
			return nil, fmt.Errorf("registry:%s, version %d of %d: %w", subject, i+1, len(versions), err)
		}
	}
	return out, nil
}
