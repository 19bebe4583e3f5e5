package gen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/subschema"
	"github.com/omninode/trestle/tools/values"
)

// Kept is what runs of [All] have made of each package, for runs of later sets in which the package is the same, and
// everything that is made of it. The zero value is ready to use, by several runs at once too.
type Kept struct {
	mu   sync.Mutex
	made map[keptKey]kept
}

// keptKey names what is made of a package: a generator's files, or another part of them that takes long.
type keptKey struct{ what, pkg string }

type kept struct {
	digest string
	value  any
}

// each returns what is made of each package of a set: what was kept where the package is the same, else what remake makes
// of those that are not, by their names.
func each[T any](k *Kept, set *schema.Set, digests map[*schema.Package]string, what string, remake func(packages []string) (map[*schema.Package]T, error)) (map[*schema.Package]T, error) {
	out := map[*schema.Package]T{}
	var stale []string
	for _, pkg := range set.Packages {
		value, ok := k.get(keptKey{what, pkg.Name}, digests[pkg]).(T)
		if ok {
			out[pkg] = value
		} else {
			stale = append(stale, pkg.Name)
		}
	}
	if len(stale) == 0 {
		return out, nil
	}
	made, err := remake(stale)
	if err != nil {
		return nil, err
	}
	for _, pkg := range set.Packages {
		if slices.Contains(stale, pkg.Name) {
			out[pkg] = made[pkg]
			k.put(keptKey{what, pkg.Name}, kept{digests[pkg], made[pkg]})
		}
	}
	return out, nil
}

func (k *Kept) get(key keptKey, digest string) any {
	if k == nil || digest == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if have := k.made[key]; have.digest == digest {
		return have.value
	}
	return nil
}

func (k *Kept) put(key keptKey, value kept) {
	if k == nil || value.digest == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made == nil {
		k.made = map[keptKey]kept{}
	}
	k.made[key] = value
}

// digestsOf tells for each package of a set whether it is the one of another set, for all that is made of it: by the text
// of its files and of those that they refer to, and by what the packages of the set say of each other. A package that has
// no texts, out of an image, has no digest.
func digestsOf(set *schema.Set) map[*schema.Package]string {
	contract := contractOf(set)
	own, uses := map[*schema.Package]string{}, map[*schema.Package][]*schema.Package{}
	places := newPlaces(set)
	for _, pkg := range set.Packages {
		own[pkg], uses[pkg] = textOf(pkg, places), places.uses(pkg)
	}
	out := map[*schema.Package]string{}
	for _, pkg := range set.Packages {
		var of []string
		seen := map[*schema.Package]bool{}
		var visit func(p *schema.Package)
		visit = func(p *schema.Package) {
			if !seen[p] {
				seen[p] = true
				of = append(of, own[p])
				for _, used := range uses[p] {
					visit(used)
				}
			}
		}
		visit(pkg)
		if !slices.Contains(of, "") {
			slices.Sort(of)
			out[pkg] = sum(func(h hash.Hash) { fmt.Fprintf(h, "%q%q%q", own[pkg], of, contract) })
		}
	}
	return out
}

func sum(write func(hash.Hash)) string {
	h := sha256.New()
	write(h)
	return hex.EncodeToString(h.Sum(nil))
}

// contractOf is what the packages of a set say of each other: events and their replies, topics and groups, and what of
// their messages is not to be shown, which those that use a message say too.
func contractOf(set *schema.Set) string {
	return sum(func(h hash.Hash) {
		for _, p := range set.Packages {
			fmt.Fprintf(h, "%q", []string{p.Name, p.Dir, string(p.Language), p.GoImport, p.GoName})
			if f := p.Family; f != nil {
				fmt.Fprintf(h, "%q%q%q%v%v%q", f.Envelope, f.TopicPattern, f.DeadLetterPattern, f.TopicSettings, f.DeadLetterSettings, f.Routes)
			}
			for _, e := range p.Events {
				topic, reply := "", ""
				if e.Topic != nil {
					topic = e.Topic.Name
				}
				if e.Reply != nil {
					reply = e.Reply.Message.FullName
				}
				fmt.Fprintf(h, "%q%q%q%q", []string{e.Type, e.Message.FullName, string(e.Envelope), string(e.Encoding), string(e.Role), topic, reply},
					e.Key, e.PublishedBy, e.ConsumedBy)
			}
		}
		set.EachMessage(func(m *schema.Message) {
			if !m.HoldsSensitive && !m.InSensitive {
				return
			}
			fmt.Fprintf(h, "%q%v%v", m.FullName, m.HoldsSensitive, m.InSensitive)
			for _, f := range m.Fields {
				if f.Sensitive {
					fmt.Fprintf(h, "%q", f.JSONName)
				}
			}
		})
		for _, t := range set.Topics {
			fmt.Fprintf(h, "%q%q%v", t.Name, t.Description, t.Settings)
			if t.DeadLetter != nil {
				fmt.Fprintf(h, "%q", t.DeadLetter.Name)
			}
			for _, r := range t.Retries {
				fmt.Fprintf(h, "%q%v%d", r.Topic.Name, r.Delay, r.Attempts)
			}
			if t.Package != nil {
				fmt.Fprintf(h, "%q", t.Package.Name)
			}
		}
		for _, g := range set.Groups {
			group := *g
			group.Pos = schema.Position{}
			fmt.Fprintf(h, "%q", fmt.Sprint(group))
		}
	})
}

// textOf is a package by itself: its texts, and which messages stand in sensitive fields of others; empty where there is
// no text.
func textOf(pkg *schema.Package, at *places) string {
	whole := true
	digest := sum(func(h hash.Hash) {
		for _, f := range pkg.Files {
			whole = whole && f.Source != nil
			fmt.Fprintf(h, "%q%d,", f.Path, len(f.Source))
			h.Write(f.Source)
		}
		var add func(all []*schema.Message)
		add = func(all []*schema.Message) {
			for _, m := range all {
				fmt.Fprintf(h, "%t", m.InSensitive)
				add(m.Messages)
			}
		}
		add(pkg.Messages)
		h.Write([]byte(at.outside(pkg)))
	})
	if !whole {
		return ""
	}
	return digest
}

// places finds the packages of files by how others name them.
type places struct {
	byPath map[string]*schema.Package
	// json holds the packages of JSON Schemas, and documents their files; nil where these cannot be read.
	json      []*schema.Package
	documents *values.Documents
	// descriptors tell files outside of the set.
	descriptors map[protoreflect.FileDescriptor]string
}

func newPlaces(set *schema.Set) *places {
	p := &places{byPath: map[string]*schema.Package{}, descriptors: map[protoreflect.FileDescriptor]string{}}
	for _, pkg := range set.Packages {
		if pkg.Language == schema.JSONSchema {
			p.json = append(p.json, pkg)
		}
		for _, f := range pkg.Files {
			p.byPath[f.Path] = pkg
		}
	}
	p.documents, _ = values.DocumentsOf(set)
	return p
}

// uses are the packages that files of a package refer to; where it cannot be told which, all that it may be.
func (p *places) uses(pkg *schema.Package) []*schema.Package {
	var out []*schema.Package
	for _, f := range pkg.Files {
		if f.Language() == schema.JSONSchema {
			if p.documents == nil {
				return p.json
			}
			out = append(out, p.referred(values.Spot{File: f.Path, Schema: p.documents.Files[f.Path]})...)
			continue
		}
		for i := range f.Proto.Imports().Len() {
			if used := p.byPath[f.Proto.Imports().Get(i).Path()]; used != nil {
				out = append(out, used)
			}
		}
	}
	return out
}

// referred are the packages that a schema refers to, with those below it.
func (p *places) referred(at values.Spot) []*schema.Package {
	var out []*schema.Package
	for _, keyword := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		ref := at.Schema.Get(keyword)
		if ref == nil {
			continue
		}
		if to, err := p.documents.Resolve(at, ref.Text); err == nil {
			out = append(out, p.byPath[to.File])
		} else {
			out = append(out, p.json...)
		}
	}
	subschema.Each(at.Schema, func(s subschema.Subschema) {
		out = append(out, p.referred(values.Spot{File: at.File, Schema: s.Schema})...)
	})
	return out
}

// outside tells the protobuf files that a package imports and that are in no package of the set.
func (p *places) outside(pkg *schema.Package) string {
	return sum(func(h hash.Hash) {
		seen := map[string]bool{}
		var add func(fd protoreflect.FileDescriptor)
		add = func(fd protoreflect.FileDescriptor) {
			for i := range fd.Imports().Len() {
				imported := fd.Imports().Get(i).FileDescriptor
				if name := imported.Path(); p.byPath[name] == nil && !seen[name] {
					seen[name] = true
					h.Write([]byte(p.descriptor(imported)))
					add(imported)
				}
			}
		}
		for _, f := range pkg.Files {
			if f.Language() == schema.Protobuf {
				add(f.Proto)
			}
		}
	})
}

// descriptor tells a protobuf file outside of the set.
func (p *places) descriptor(fd protoreflect.FileDescriptor) string {
	if p.descriptors[fd] == "" {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(fd))
		p.descriptors[fd] = sum(func(h hash.Hash) { fmt.Fprintf(h, "%s%v%x", fd.Path(), err, text) })
	}
	return p.descriptors[fd]
}
