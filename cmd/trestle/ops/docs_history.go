package ops

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/changelog"
	"github.com/omninode/trestle/tools/gen/docs"
	"github.com/omninode/trestle/tools/schema"
)

// Unreleased is what the schemas as they are called among versions.
const Unreleased = "Unreleased"

// releases tells the history of the schemas for the catalog, the newest release first: what each version changed since
// the one before it, and what the schemas as they are changed since the last.
func releases(ctx context.Context, p *Project, against []string, now *schema.Set, environment Lookup) ([]docs.Release, error) {
	l := &loader{project: p, environment: environment}
	history, err := l.history(ctx, against, true)
	if err != nil || len(history) == 0 {
		return nil, err
	}
	accepted, err := p.readExemptions("")
	if err != nil {
		return nil, err
	}
	history = append(history, version{name: Unreleased, set: now})
	var out []docs.Release
	for i := 1; i < len(history); i++ {
		log, err := p.changes(history[i-1].set, history[i].set, accepted)
		if errors.Is(err, compat.ErrNothingCompared) {
			continue // other schemas than before: nothing of them has a history here
		}
		if err != nil {
			return nil, err
		}
		if !log.Empty() {
			out = append(out, release(log, ReleaseName(history[i].name), ReleaseName(history[i-1].name)))
		}
	}
	slices.Reverse(out)
	return out, nil
}

// ReleaseName is what people call what the command line calls git#v1.0.0 or git#v1.0.0:schemas.
func ReleaseName(word string) string {
	ref, ok := strings.CutPrefix(word, "git#")
	if !ok {
		return word
	}
	ref, _, _ = strings.Cut(ref, ":")
	return ref
}

func release(log *changelog.Changelog, name, since string) docs.Release {
	r := docs.Release{Name: name, Since: since}
	for _, p := range log.Packages {
		for _, s := range p.Sections {
			c := docs.Change{Name: s.Name, SharedBy: s.SharedBy, Points: points(s.Entries)}
			if s.Event {
				c.Event, c.Added = s.Name, s.Kind == compat.Added
			}
			if s.From != "" && s.To != "" && s.From != s.To {
				c.Version = s.From + " → " + s.To
			}
			r.Changes = append(r.Changes, c)
		}
	}
	for i := range log.Groups {
		r.Changes = append(r.Changes, docs.Change{Name: log.Groups[i].Path, Points: points(log.Groups[i : i+1])})
	}
	return r
}

func points(entries []changelog.Entry) []docs.Point {
	var out []docs.Point
	for _, e := range entries {
		out = append(out, docs.Point{Kind: string(e.Kind), Breaking: e.Breaking, Text: e.Text})
	}
	return out
}
