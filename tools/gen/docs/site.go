package docs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/gen/internal/title"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// Options say what the catalog cannot know from the schemas.
type Options struct {
	// Title is what the catalog is called; by default "Events of" what the names of all packages begin with.
	Title string
	// Schemas names the folder of the schemas in positions: with "schemas", a position is shown as
	// schemas/orders/v1/order.proto:12. Empty: positions are relative to that folder.
	Schemas string
	// Source is the relative URL of that folder from the catalog's, "../schemas"; empty: positions are not links.
	Source string
	// History holds the releases that changed the schemas, the newest first; what changed since the last of them comes
	// before it.
	History []Release
}

// site is the catalog before it is rendered.
type site struct {
	set     *schema.Set
	opts    Options
	events  []*schema.Event // by type, those of one type by package
	pages   []*page
	paths   map[string]string // of pages, by id, without extension
	entries []entry           // to be searched

	examples    *example.Maker
	schemas     map[string][]byte // generated JSON Schemas, by path
	digests     *digest.Digests   // of the events' schemas
	enums       []*schema.Enum
	enumAnchors map[*schema.Enum]string
	// Who has to do with what, in the order of the events and groups.
	enumUsers map[*schema.Enum][]*schema.Event
	answersTo map[*schema.Event][]*schema.Event
	topicsOf  map[*schema.Event][]*schema.Topic
	readers   map[string][]*schema.Group // by topic
	// Of the page being made: its id, and the anchors of the messages on it.
	current  string
	sections map[*schema.Message]string
}

func eventID(eventType string) string { return "event " + eventType }
func topicID(name string) string      { return "topic " + name }

// build makes all pages.
func build(set *schema.Set, opts Options) (*site, error) {
	schemas, err := jsonschema.Generate(set)
	if err != nil {
		return nil, err
	}
	s := &site{
		set: set, opts: opts, paths: map[string]string{}, examples: example.New(set), schemas: map[string][]byte{},
		enumAnchors: map[*schema.Enum]string{}, digests: digest.From(set, func() ([]output.File, error) { return schemas, nil }),
	}
	s.opts.Title = cmp.Or(opts.Title, title.Of(set))
	for _, f := range schemas {
		s.schemas[f.Path] = f.Content
	}
	s.events = set.Events()
	slices.SortStableFunc(s.events, func(a, b *schema.Event) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Package.Name, b.Package.Name))
	})
	s.relate()
	s.paths[indexPage] = "index"
	slugs := newSlugs("events")
	for _, e := range s.events {
		s.paths[s.eventPage(e)] = slugs.path(e.Type)
	}
	topics := newSlugs("topics")
	for _, t := range set.Topics {
		s.paths[topicID(t.Name)] = topics.path(t.Name)
	}
	if len(s.enums) > 0 {
		s.paths[enumsPage] = "enums"
	}
	if len(set.Groups) > 0 {
		s.paths[groupsPage] = "groups"
	}
	if len(opts.History) > 0 {
		s.paths[changesPage] = changesPage
	}
	s.pages = append(s.pages, s.index())
	for _, e := range s.events {
		s.pages = append(s.pages, s.event(e))
	}
	for _, t := range set.Topics {
		s.pages = append(s.pages, s.topic(t))
	}
	if len(set.Groups) > 0 {
		s.pages = append(s.pages, s.groups())
	}
	if len(s.enums) > 0 {
		s.pages = append(s.pages, s.enumPage())
	}
	if len(opts.History) > 0 {
		s.pages = append(s.pages, s.changes())
	}
	return s, nil
}

// relate notes who has to do with what, and gives enums their anchors: one way through the events, and not one for each
// of them.
func (s *site) relate() {
	s.enumUsers, s.answersTo = map[*schema.Enum][]*schema.Event{}, map[*schema.Event][]*schema.Event{}
	s.topicsOf, s.readers = map[*schema.Event][]*schema.Topic{}, map[string][]*schema.Group{}
	for _, e := range s.events {
		if e.Reply != nil {
			s.answersTo[e.Reply] = append(s.answersTo[e.Reply], e)
		}
		for _, enum := range enumsOf(e) {
			s.enumUsers[enum] = append(s.enumUsers[enum], e)
		}
	}
	for _, t := range s.set.Topics {
		for _, e := range t.Events {
			s.topicsOf[e] = append(s.topicsOf[e], t)
		}
	}
	for _, g := range s.set.Groups {
		for _, topic := range slices.Compact(slices.Sorted(slices.Values(g.Topics))) {
			s.readers[topic] = append(s.readers[topic], g)
		}
	}
	s.enums = slices.SortedFunc(maps.Keys(s.enumUsers), func(a, b *schema.Enum) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.FullName, b.FullName))
	})
	for _, e := range s.enums {
		s.enumAnchors[e] = anchor(e.FullName)
	}
}

// enumsOf are the enums of an event's fields, each once.
func enumsOf(e *schema.Event) []*schema.Enum {
	var out []*schema.Enum
	seen := map[*schema.Enum]bool{}
	for _, m := range messages(e.Message) {
		for _, f := range m.Fields {
			for t := f.Type; t != nil; t = t.Elem {
				if t.Enum != nil && !seen[t.Enum] {
					seen[t.Enum] = true
					out = append(out, t.Enum)
				}
			}
		}
	}
	return out
}

// groupLinks lead to the groups that read a topic.
func (s *site) groupLinks(topic string) []inline {
	var out []inline
	for _, g := range s.readers[topic] {
		out = append(out, inline{{text: g.Name, code: true, to: link{page: groupsPage, anchor: anchor(g.Name)}}})
	}
	return out
}

// eventPage is the id of an event's page. Of several events of one type only the first is found by its type alone.
func (s *site) eventPage(e *schema.Event) string {
	if s.set.Event(e.Type) == e {
		return eventID(e.Type)
	}
	return eventID(e.Package.Name + " " + e.Type)
}

func (s *site) eventLink(e *schema.Event) inline {
	return inline{{text: e.Type, code: true, to: link{page: s.eventPage(e)}}}
}

func (s *site) topicLink(t *schema.Topic) inline {
	return inline{{text: t.Name, code: true, to: link{page: topicID(t.Name)}}}
}

func (s *site) topicNamed(name string) inline {
	if t := s.set.Topic(name); t != nil {
		return s.topicLink(t)
	}
	return code(name)
}

// position says where in the schemas something is.
func (s *site) position(at schema.Position) inline {
	text := at.File
	if s.opts.Schemas != "" && text != "" {
		text = strings.TrimSuffix(s.opts.Schemas, "/") + "/" + text
	}
	to := link{}
	if s.opts.Source != "" && at.File != "" {
		to.source = at.File
	}
	if at.Line > 0 {
		text += ":" + strconv.Itoa(at.Line)
		if to.source != "" {
			to.source += "#L" + strconv.Itoa(at.Line)
		}
	}
	return inline{{text: text, code: true, to: to}}
}

// messages are those that a message is made of, itself first, each once, in the order in which they are met. Protobuf's
// own are left out.
func messages(m *schema.Message) []*schema.Message {
	out, seen := []*schema.Message{m}, map[*schema.Message]bool{m: true}
	add := func(m *schema.Message) {
		if m != nil && !strings.HasPrefix(m.FullName, "google.protobuf.") && !seen[m] {
			seen[m] = true
			out = append(out, m)
		}
	}
	addAll := func(t *schema.Type) {
		for ; t != nil; t = t.Elem {
			add(t.Message)
			if t.Union != nil {
				for _, v := range t.Union.Variants {
					add(v.Message)
				}
			}
		}
	}
	for i := 0; i < len(out); i++ {
		for _, f := range out[i].Fields {
			addAll(f.Type)
		}
		addAll(out[i].Undeclared)
	}
	return out
}

// slugs makes names of files in one folder, unique where upper and lower case are one.
type slugs struct {
	dir  string
	used map[string]bool
}

func newSlugs(dir string) *slugs { return &slugs{dir, map[string]bool{}} }

func (s *slugs) path(name string) string {
	base := anchor(name)
	slug := base
	for n := 2; s.used[strings.ToLower(slug)]; n++ {
		slug = fmt.Sprintf("%s-%d", base, n)
	}
	s.used[strings.ToLower(slug)] = true
	return s.dir + "/" + slug
}

// anchor makes a name that needs no escape in a URL or a file's name.
func anchor(name string) string {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		}
		return '-'
	}, name)
	if slug == "" || slug[0] == '.' || slug[0] == '-' {
		slug = "_" + slug
	}
	return slug
}

// files sorts what was rendered.
func files(list []output.File) []output.File {
	slices.SortFunc(list, func(a, b output.File) int { return strings.Compare(a.Path, b.Path) })
	return list
}
