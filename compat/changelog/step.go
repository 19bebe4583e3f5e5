package changelog

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// finish derives the steps, finds the wrong ones, and sorts.
func (b *builder) finish() *Changelog {
	broken := map[string]bool{}
	for _, p := range b.events {
		if p.old == nil || !p.changed && !p.breaking {
			continue
		}
		s := b.eventSection(p)
		s.Step, s.Next = eventStep(p)
		if s.Step == Package {
			if p.old.Topic != nil {
				s.NextTopic = nextTopic(p.old.Topic.Name)
			}
			broken[p.now().Message.FullName] = true
			b.log.Wrong = append(b.log.Wrong, b.unstepped(p, s))
		}
	}
	for _, f := range b.steps {
		if !broken[f.Path] {
			b.log.Wrong = append(b.log.Wrong, Wrong{f.Path, f.Pos.String(), f.Change, f.Fix, f.Pos})
		}
	}
	for _, p := range b.log.Packages {
		b.finishPackage(p)
	}
	slices.SortFunc(b.log.Packages, func(a, b *PackageChanges) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(b.log.Groups, compareEntries)
	slices.SortFunc(b.log.Wrong, func(a, b Wrong) int {
		return cmp.Or(cmp.Compare(a.pos.File, b.pos.File), cmp.Compare(a.pos.Line, b.pos.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	if b.log.Packages == nil {
		b.log.Packages = []*PackageChanges{}
	}
	if b.log.Wrong == nil {
		b.log.Wrong = []Wrong{}
	}
	return &b.log
}

func (b *builder) finishPackage(p *PackageChanges) {
	slices.SortFunc(p.Sections, func(a, b *Section) int {
		return cmp.Or(-compareBool(a.Name == p.Name, b.Name == p.Name), -compareBool(a.Event, b.Event), cmp.Compare(a.Name, b.Name))
	})
	for _, s := range p.Sections {
		slices.SortStableFunc(s.Entries, compareEntries)
		if !s.Event && s.Step == Package {
			b.log.Wrong = append(b.log.Wrong, Wrong{
				Path: s.Name, Location: s.Entries[0].Location, pos: s.Entries[0].pos, Message: fmt.Sprintf("%s breaks within package %s", s.Name, p.Name),
				Fix: fmt.Sprintf("undo that, or put the new one into package %s and keep this one", nextPackage(p.Name)),
			})
		}
		if stepSize(s.Step) > stepSize(p.Step) {
			p.Step = s.Step
		}
	}
	if p.Step == Package && hasPackage(b.old, p.Name) {
		p.Next = nextPackage(p.Name)
	}
}

// eventStep is what the changes of an event ask for, and where it leads.
func eventStep(p *pair) (Step, string) {
	if p.breaking {
		return Package, nextPackage(p.old.Package.Name)
	}
	major, minor, ok := strings.Cut(p.old.SchemaVersion(), ".")
	n, err := strconv.Atoi(minor)
	if !ok || err != nil || p.new == nil || p.new.SchemaVersion() == "" {
		return None, "" // events that carry no version have none to step
	}
	return Minor, fmt.Sprintf("%s.%d", major, n+1)
}

// unstepped says that an event breaks without having become a new version.
func (b *builder) unstepped(p *pair, s *Section) Wrong {
	w := Wrong{Path: p.now().Message.FullName, pos: p.now().Pos}
	target := "package " + s.Next
	if s.NextTopic != "" {
		target += " with topic " + s.NextTopic
	}
	switch {
	case p.new == nil:
		w.Message = fmt.Sprintf("%s was removed from package %s", s.Name, p.old.Package.Name)
		w.Fix = fmt.Sprintf("keep %s, and mark it deprecated", s.Name)
	case p.old.Package.Name != p.new.Package.Name:
		w.Message = fmt.Sprintf("%s left package %s for %s", s.Name, p.old.Package.Name, p.new.Package.Name)
		w.Fix = fmt.Sprintf("keep %s of package %s beside the new one, which needs a type and a topic of its own", p.old.Type, p.old.Package.Name)
	default:
		w.Message = fmt.Sprintf("%s breaks within package %s", s.Name, p.old.Package.Name)
		w.Fix = fmt.Sprintf("undo that, or put the new %s into %s, and keep this one", p.new.Message.Name, target)
	}
	root := b.new.Root
	if p.new == nil {
		root = b.old.Root
	}
	w.pos.File = path.Join(root, w.pos.File)
	w.Location = w.pos.String()
	return w
}

func stepSize(s Step) int { return slices.Index([]Step{None, Minor, Package}, s) }

func hasPackage(s *schema.Set, name string) bool {
	return slices.ContainsFunc(s.Packages, func(p *schema.Package) bool { return p.Name == name })
}

// before is the newest version of a package before it, in any of the sets.
func before(name string, sets ...*schema.Set) string {
	base, version := schema.CutVersion(name)
	found, best := "", ""
	for _, s := range sets {
		for _, p := range s.Packages {
			if b, v := schema.CutVersion(p.Name); v != "" && b == base && schema.CompareVersions(v, version) < 0 && (best == "" || schema.CompareVersions(v, best) > 0) {
				found, best = p.Name, v
			}
		}
	}
	return found
}

// nextPackage is the package of the next version: omninode.codegen.v2 after omninode.codegen.v1.
func nextPackage(name string) string {
	base, version := schema.CutVersion(name)
	return fmt.Sprintf("%s.v%d", base, max(schema.VersionNumber(version), 1)+1)
}

var versionInTopic = regexp.MustCompile(`^(.*[._-]v)([0-9]+)(.*)$`)

// nextTopic is the topic of the next version: orders_v2 after orders_v1, and after orders.
func nextTopic(name string) string {
	m := versionInTopic.FindStringSubmatch(name)
	if m == nil {
		return name + "_v2"
	}
	n, _ := strconv.Atoi(m[2])
	return fmt.Sprintf("%s%d%s", m[1], n+1, m[3])
}
