package docs

import (
	"github.com/omninode/trestle/tools/schema"
)

// replacement is the newest stable version of an event, nil when it is that itself, or newer.
func (s *site) replacement(e *schema.Event) *schema.Event {
	var next *schema.Event
	for _, other := range s.set.Versions(e) {
		if other == e {
			next = nil
		} else if schema.Stable(other.Package.Name) {
			next = other
		}
	}
	return next
}

// replaced says by what an event is replaced, where there is a newer version of its package.
func (s *site) replaced(e *schema.Event) []block {
	next := s.replacement(e)
	if next == nil {
		return nil
	}
	return []block{paragraph{and(
		inline{{text: "replaced", badge: warnBadge}}, plain("by "), s.eventLink(next), plain(" of "), code(next.Package.Name), plain("."),
	)}}
}

// versionLines lists the versions of an event, one a line; nil when it has one alone.
func (s *site) versionLines(e *schema.Event) []inline {
	all := s.set.Versions(e)
	if len(all) == 1 {
		return nil
	}
	var out []inline
	next := s.replacement(e)
	for _, other := range all {
		line := inline{{text: other.Package.Name, code: true}}
		if other != e {
			line[0].to = link{page: s.eventPage(other)}
		} else {
			line = and(line, plain(" (this one)"))
		}
		if other == next {
			line = and(line, plain(" replaces it"))
		}
		out = append(out, line)
	}
	return out
}

// packageVersions says which versions of a package there are beside it.
func (s *site) packageVersions(pkg *schema.Package) []block {
	base, version := schema.CutVersion(pkg.Name)
	var older, newer *schema.Package
	for _, other := range s.set.Packages {
		b, v := schema.CutVersion(other.Name)
		if version == "" || b != base || v == "" || len(other.Events) == 0 {
			continue
		}
		switch order := schema.CompareVersions(v, version); {
		case order < 0 && (older == nil || later(other, older)):
			older = other
		case order > 0 && schema.Stable(other.Name) && (newer == nil || later(other, newer)):
			newer = other
		}
	}
	var out []block
	if older != nil {
		out = append(out, paragraph{and(plain("There is an older version: "), packageLink(older), plain("."))})
	}
	if newer != nil {
		out = append(out, paragraph{and(plain("There is a newer version: "), packageLink(newer), plain("."))})
	}
	return out
}

func later(a, b *schema.Package) bool {
	_, x := schema.CutVersion(a.Name)
	_, y := schema.CutVersion(b.Name)
	return schema.CompareVersions(x, y) > 0
}

func packageLink(p *schema.Package) inline {
	return inline{{text: p.Name, code: true, to: link{page: indexPage, anchor: anchor(p.Name)}}}
}
