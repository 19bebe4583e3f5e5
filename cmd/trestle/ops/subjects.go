package ops

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/onwire"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// subjects returns what the schemas register: for every topic the schemas of its event types, as they are on the
// wire, and what those refer to.
func subjects(set *schema.Set) ([]registry.Subject, error) {
	generated, err := jsonschema.Generate(set)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(generated))
	for _, f := range generated {
		texts[f.Path] = string(f.Content)
	}
	p := protobufSubjects{sources: protoSources(set), made: onwire.New(set), digests: digest.New(set), out: map[string]registry.Subject{}}
	for _, t := range set.Topics {
		for _, e := range t.Events {
			name := subjectOf(t, e)
			if e.Encoding == schema.EncodingProtobuf {
				err = p.add(name, e.Message.File.Proto)
			} else {
				err = addJSON(p.out, name, e, texts)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	list := make([]registry.Subject, 0, len(p.out))
	for _, s := range p.out {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b registry.Subject) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// subjectNames are the names that subjects have in an environment, by those that the schemas alone give them.
func (e Environment) subjectNames(set *schema.Set, declared []registry.Subject) (map[string]string, error) {
	names, err := e.namesOf(set)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(declared))
	for _, s := range declared {
		out[s.Name] = names.Subject(s.Name)
	}
	for _, t := range set.Topics {
		physical, err := names.Topic(t.Name)
		if err != nil {
			return nil, e.errorf("%w", err)
		}
		if n := len(typesOf(t)); n > 1 && e.SubjectStrategy == registry.TopicNameStrategy {
			return nil, e.errorf("topic %s has %d event types, and %s has one subject for all of them: take %s or none", t.Name, n, registry.TopicNameStrategy, registry.TopicRecordNameStrategy)
		}
		for _, event := range t.Events {
			out[subjectOf(t, event)] = subjectIn(physical, t, event, e.SubjectStrategy)
		}
	}
	return out, nil
}

// subjectsIn returns what the schemas register in an environment, under the names that it has there.
func subjectsIn(set *schema.Set, env Environment) ([]registry.Subject, error) {
	declared, err := subjects(set)
	if err != nil {
		return nil, err
	}
	named, err := env.subjectNames(set, declared)
	if err != nil {
		return nil, err
	}
	for i, s := range declared {
		s.Name = named[s.Name]
		s.References = slices.Clone(s.References)
		for j := range s.References {
			s.References[j].Subject = named[s.References[j].Subject]
		}
		declared[i] = s
	}
	// By its full name an event may be what others refer to as well: it has the same schema then, and once with what it refers to itself.
	slices.SortFunc(declared, func(a, b registry.Subject) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(len(b.References), len(a.References)))
	})
	return slices.CompactFunc(declared, func(a, b registry.Subject) bool { return a.Name == b.Name }), nil
}

// subjectOf is the subject of an event's schema on a topic, as the schemas alone call it.
func subjectOf(t *schema.Topic, e *schema.Event) string { return subjectIn(t.Name, t, e, "") }

func subjectIn(physical string, t *schema.Topic, e *schema.Event, strategy registry.SubjectStrategy) string {
	topic := trestle.TopicInfo{Name: physical, EventTypes: typesOf(t)}
	return strategy.Subject(&trestle.EventInfo{Type: e.Type, FullName: e.Message.FullName, Topic: &topic})
}

func typesOf(t *schema.Topic) (types []string) {
	for _, e := range t.Events {
		types = append(types, e.Type)
	}
	return types
}

// addJSON adds an event's JSON Schema and the documents that it refers to, each under its full name.
func addJSON(out map[string]registry.Subject, name string, e *schema.Event, texts map[string]string) (err error) {
	at := jsonschema.Path(e)
	s := registry.Subject{Name: name, Type: registry.JSON, Schema: texts[at]}
	referred := map[string]string{}
	for _, ref := range jsonschema.References(e) {
		text := texts[path.Join(path.Dir(at), ref)]
		of := registry.Subject{Name: e.Package.Name + "." + strings.TrimSuffix(ref, ".json"), Type: registry.JSON, Schema: text}
		if of.Digest, err = digest.JSON(text, nil); err != nil {
			return fmt.Errorf("subject %s: %w", of.Name, err)
		}
		s.References = append(s.References, registry.Reference{Name: ref, Subject: of.Name})
		out[of.Name], referred[ref] = of, text
	}
	if s.Digest, err = digest.JSON(s.Schema, referred); err != nil {
		return fmt.Errorf("subject %s: %w", name, err)
	}
	out[name] = s
	return nil
}

// protobufSubjects are those of .proto files.
type protobufSubjects struct {
	sources map[string][]byte
	made    *onwire.Files
	digests *digest.Digests
	out     map[string]registry.Subject
}

// add adds a .proto file and, under their import paths, the files that it imports; those that every
// registry knows (google/protobuf) are left out. A file without source, as a library's, is printed from its
// descriptor, and so is one in which something is encrypted. It refers to all that it imports, what others import first, since Confluent's client for JavaScript asks for
// references of references in another form than for those that it has seen.
func (p *protobufSubjects) add(name string, f protoreflect.FileDescriptor) error {
	imports := digest.Imports(f)
	for _, imported := range imports {
		if _, ok := p.out[imported.Path()]; ok {
			continue
		}
		if err := p.file(imported.Path(), imported, digest.Imports(imported)); err != nil {
			return err
		}
	}
	return p.file(name, f, imports)
}

func (p *protobufSubjects) file(name string, f protoreflect.FileDescriptor, imports []protoreflect.FileDescriptor) (err error) {
	made, err := p.made.File(f)
	if err != nil {
		return fmt.Errorf("subject %s: %w", name, err)
	}
	s := registry.Subject{Name: name, Type: registry.Protobuf, Schema: string(p.sources[f.Path()])}
	if s.Schema == "" || made != f {
		if s.Schema, err = (&protoprint.Printer{}).PrintProtoToString(made); err != nil {
			return fmt.Errorf("subject %s: print %s: %w", name, f.Path(), err)
		}
	}
	if s.Digest, err = p.digests.Protobuf(f); err != nil {
		return fmt.Errorf("subject %s: %w", name, err)
	}
	for _, imported := range imports {
		s.References = append(s.References, registry.Reference{Name: imported.Path(), Subject: imported.Path()})
	}
	p.out[name] = s
	return nil
}

// protoSources returns the text of every loaded .proto file, by path.
func protoSources(set *schema.Set) map[string][]byte {
	out := map[string][]byte{}
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if f.Language() == schema.Protobuf {
				out[f.Path] = f.Source
			}
		}
	}
	return out
}
