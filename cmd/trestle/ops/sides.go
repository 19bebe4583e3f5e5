package ops

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"golang.org/x/sync/errgroup"
)

// sides are what one comparison looks at: a history, oldest first, and what is new.
type sides struct {
	olds []version
	next version
}

// sides loads both sides, at the same time where that is only a matter of reading files. Where a word names a subject, what
// other words name is narrowed to what it has of that; so it is where a word names a file. An empty new is the project's
// schemas as they are.
func (l *loader) sides(ctx context.Context, olds []string, new string, whole bool, opts ...load.Option) (sides, error) {
	words := append(slices.Clone(olds), new)
	subject, err := subjectNamed(words)
	if err != nil {
		return sides{}, err
	}
	if subject != "" {
		opts = nil // what would be registered has comments, too
	}
	var out sides
	g, loading := errgroup.WithContext(ctx)
	if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "registry:") }) {
		g.SetLimit(1)
	}
	g.Go(func() (err error) {
		if new != "" {
			out.next, err = l.version(loading, new, opts...)
		} else {
			out.next.set, err = l.current(loading, opts...)
		}
		return err
	})
	g.Go(func() (err error) {
		out.olds, err = l.history(loading, olds, whole, opts...)
		return err
	})
	if err := g.Wait(); err != nil {
		return sides{}, err
	}
	if subject != "" {
		if subject, _, err = l.subjectName(ctx, subject); err != nil {
			return sides{}, err
		}
		return out, l.narrow(ctx, &out, subject, opts)
	}
	return out, l.narrowToFile(ctx, &out, opts)
}

// undeclared returns the files that name no $schema, but for those of a registry, which often do not.
func (s sides) undeclared() []string {
	var out []string
	for _, v := range append(slices.Clone(s.olds), s.next) {
		if v.registered {
			continue
		}
		for _, f := range v.set.Files() {
			shown := path.Join(v.set.Root, f.Path)
			if f.Language() != schema.JSONSchema || f.Tree().Kind != jsontree.Object || f.Tree().Get("$schema") != nil || slices.Contains(out, shown) {
				continue
			}
			out = append(out, shown)
		}
	}
	return out
}

// subjectNamed is the subject that words name beside schemas elsewhere; empty where all name subjects, or none does.
func subjectNamed(words []string) (string, error) {
	var subjects []string
	for _, word := range words {
		if name, ok := strings.CutPrefix(word, "registry:"); ok {
			name, _, _ = strings.Cut(name, "@")
			subjects = append(subjects, name)
		}
	}
	if len(subjects) == 0 || len(subjects) == len(words) {
		return "", nil
	}
	slices.Sort(subjects)
	if subjects = slices.Compact(subjects); len(subjects) > 1 {
		return "", fmt.Errorf("subjects %s: compare other schemas with one subject at a time", strings.Join(subjects, " and "))
	}
	return subjects[0], nil
}

// narrow replaces what is no version of a subject by what it has of the subject.
func (l *loader) narrow(ctx context.Context, s *sides, subject string, opts []load.Option) error {
	all := []*version{&s.next}
	for i := range s.olds {
		all = append(all, &s.olds[i])
	}
	var stored *version
	for _, v := range all {
		if v.registered {
			stored = v // the newest, unless the new side is one
		}
	}
	if s.next.registered {
		stored = &s.next
	}
	for _, v := range all {
		if v.registered || len(v.set.Packages) == 0 {
			continue
		}
		src, err := counterpartOf(v.set, subject, stored)
		if err != nil {
			return fmt.Errorf("registry:%s: %w", subject, err)
		}
		if v.set, err = l.project.loadSource(ctx, src, l.options(opts)...); err != nil {
			return err
		}
	}
	return nil
}

// narrowToFile replaces what holds more than one file, where one of the sides is a file that was named, by what it has of
// that: nothing is said of files that nobody asked about.
func (l *loader) narrowToFile(ctx context.Context, s *sides, opts []load.Option) error {
	var named *version
	all := []*version{&s.next}
	for i := range s.olds {
		all = append(all, &s.olds[i])
	}
	for _, v := range all {
		if named == nil && v.isFile() {
			named = v
		}
	}
	if named == nil {
		return nil
	}
	found := false
	for _, v := range all {
		if v == named || v.registered || v.isFile() || len(v.set.Packages) == 0 {
			found = found || v != named
			continue
		}
		file := sameFile(named.set.MainFile(), named.set, v.set)
		if file == nil {
			v.set = &schema.Set{Root: v.set.Root} // it was added since, or is gone
			continue
		}
		found = true
		var err error
		if v.set, err = l.project.loadSource(ctx, load.FileOf(v.set, file.Path), l.options(opts)...); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%w: %s is on no other side, by its path or by what is in it", compat.ErrNothingCompared, named.name)
	}
	return nil
}

// sameFile returns what another set has of a file: the one with its path, the only one whose path ends like it, or the only
// one that is called the same; nil where there is none.
func sameFile(f *schema.File, of, other *schema.Set) *schema.File {
	names := namesOf(f, of)
	for _, fits := range []func(o *schema.File) bool{
		func(o *schema.File) bool { return o.Path == f.Path },
		func(o *schema.File) bool {
			return strings.HasSuffix(o.Path, "/"+f.Path) || strings.HasSuffix(f.Path, "/"+o.Path)
		},
		func(o *schema.File) bool { return shareName(namesOf(o, other), names) },
	} {
		var found []*schema.File
		for _, o := range other.Files() {
			if o.Source != nil && o.Language() == f.Language() && fits(o) {
				found = append(found, o)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	return nil
}
