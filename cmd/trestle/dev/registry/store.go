package registry

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// Reference ties a name inside a schema to a version of a subject.
type Reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// Schema is one stored schema version.
type Schema struct {
	Subject    string      `json:"subject"`
	Version    int         `json:"version"`
	ID         int         `json:"id"`
	Type       string      `json:"schemaType"`
	Schema     string      `json:"schema"`
	References []Reference `json:"references,omitempty"`
	Deleted    bool        `json:"deleted,omitempty"` // softly: it is there for those who ask for it, and its id means it still

	digest digest
}

// digest stands for a schema with its type and references: what has the same is the same schema, whatever its subject.
type digest [sha256.Size]byte

func (v *Schema) setDigest() {
	text, _ := json.Marshal([]any{v.Type, v.Schema, v.References}) // strings and numbers alone: it can't fail
	v.digest = sha256.Sum256(text)
}

// state is what the registry knows, with an index for each thing that is looked up, so that a question takes as long among many schemas as among few.
type state struct {
	subjects map[string]*subject
	ids      map[int][]*Schema  // the versions that share an id
	known    map[digest]*Schema // one version of each schema
	guids    map[uuid.UUID]*Schema
	users    map[place][]*Schema // the live versions that refer to one
	level    string              // for subjects without one of their own
	levels   map[string]string   // a subject may have a level before it has a schema
	nextID   int
}

// subject is what is stored under a name.
type subject struct {
	versions []*Schema          // oldest first
	live     map[digest]*Schema // those that are not deleted
}

// place names a version.
type place struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func newState() *state {
	return &state{
		subjects: map[string]*subject{}, ids: map[int][]*Schema{}, known: map[digest]*Schema{}, guids: map[uuid.UUID]*Schema{}, users: map[place][]*Schema{},
		level: DefaultLevel, levels: map[string]string{}, nextID: 1,
	}
}

// change is what one request does to the state: all of it, or nothing.
type change struct {
	Add    *Schema      `json:"add,omitempty"`
	Delete []place      `json:"delete,omitempty"` // softly
	Purge  []place      `json:"purge,omitempty"`
	Level  *levelChange `json:"level,omitempty"`
}

// levelChange sets the compatibility level of a subject, or of all that have none of their own where it names none. An empty level takes it back.
type levelChange struct {
	Subject string `json:"subject,omitempty"`
	Level   string `json:"level,omitempty"`
}

// apply does what a change says.
func (s *state) apply(c change) {
	if c.Add != nil {
		s.add(c.Add)
	}
	for _, p := range c.Delete {
		if v := s.find(p.Subject, p.Version, true); v != nil {
			s.remove(v)
		}
	}
	for _, p := range c.Purge {
		if v := s.find(p.Subject, p.Version, true); v != nil {
			s.purge(v)
		}
	}
	switch l := c.Level; {
	case l == nil:
	case l.Subject == "":
		s.level = cmp.Or(l.Level, DefaultLevel)
	case l.Level == "":
		delete(s.levels, l.Subject)
	default:
		s.levels[l.Subject] = l.Level
	}
}

// add stores a version that has its numbers.
func (s *state) add(v *Schema) {
	v.setDigest()
	if same := s.known[v.digest]; same != nil {
		v.Schema = same.Schema // one text in memory
	} else {
		s.known[v.digest], s.guids[v.guid()] = v, v
	}
	of := s.subjects[v.Subject]
	if of == nil {
		of = &subject{live: map[digest]*Schema{}}
		s.subjects[v.Subject] = of
	}
	of.versions = append(of.versions, v)
	s.ids[v.ID] = append(s.ids[v.ID], v)
	s.nextID = max(s.nextID, v.ID+1)
	if v.Deleted {
		return
	}
	of.live[v.digest] = v
	for _, r := range v.References {
		at := place{r.Subject, r.Version}
		s.users[at] = append(s.users[at], v)
	}
}

// remove deletes a version softly.
func (s *state) remove(v *Schema) {
	if v.Deleted {
		return
	}
	v.Deleted = true
	delete(s.subjects[v.Subject].live, v.digest)
	for _, r := range v.References {
		at := place{r.Subject, r.Version}
		if s.users[at] = without(s.users[at], v); len(s.users[at]) == 0 {
			delete(s.users, at)
		}
	}
}

// purge deletes a version for good.
func (s *state) purge(v *Schema) {
	s.remove(v)
	of := s.subjects[v.Subject]
	if of.versions = without(of.versions, v); len(of.versions) == 0 {
		delete(s.subjects, v.Subject)
	}
	others := without(s.ids[v.ID], v)
	if len(others) == 0 {
		delete(s.ids, v.ID)
		delete(s.known, v.digest)
		delete(s.guids, v.guid())
		return
	}
	s.ids[v.ID], s.known[v.digest], s.guids[v.guid()] = others, others[0], others[0]
}

func without(list []*Schema, v *Schema) []*Schema {
	return slices.DeleteFunc(list, func(o *Schema) bool { return o == v })
}

// versions returns a subject's versions, oldest first.
func (s *state) versions(name string, deleted bool) []*Schema {
	of := s.subjects[name]
	if of == nil {
		return nil
	}
	var out []*Schema
	for _, v := range of.versions {
		if deleted || !v.Deleted {
			out = append(out, v)
		}
	}
	return out
}

// has says whether a subject has a version.
func (s *state) has(name string, deleted bool) bool {
	of := s.subjects[name]
	return of != nil && (deleted || len(of.live) > 0)
}

func (s *state) names(deleted bool) []string {
	out := []string{}
	for name := range maps.Keys(s.subjects) {
		if s.has(name, deleted) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// find returns a version by number, or the newest for latest; nil when there is none.
func (s *state) find(name string, version int, deleted bool) *Schema {
	of := s.subjects[name]
	if of == nil {
		return nil
	}
	if version == latest {
		for _, v := range slices.Backward(of.versions) {
			if deleted || !v.Deleted {
				return v
			}
		}
		return nil
	}
	i, found := slices.BinarySearchFunc(of.versions, version, func(v *Schema, n int) int { return v.Version - n })
	if !found || of.versions[i].Deleted && !deleted {
		return nil
	}
	return of.versions[i]
}

// same finds the version of next's subject that holds the very schema, a deleted one only where deleted ones count and no other does.
func (s *state) same(next *Schema, deleted bool) *Schema {
	of := s.subjects[next.Subject]
	if of == nil {
		return nil
	}
	if v := of.live[next.digest]; v != nil || !deleted {
		return v
	}
	for _, v := range slices.Backward(of.versions) {
		if v.digest == next.digest {
			return v
		}
	}
	return nil
}

// number gives next its version, one above all that its subject has, and its id: that of the same schema where it is stored, else a new one.
func (s *state) number(next *Schema) {
	next.Version = 1
	if of := s.subjects[next.Subject]; of != nil {
		next.Version = of.versions[len(of.versions)-1].Version + 1
	}
	if same := s.known[next.digest]; same != nil {
		next.ID = same.ID
		return
	}
	next.ID = s.nextID
}

// levelOf is the level that a subject is judged at.
func (s *state) levelOf(name string) string { return cmp.Or(s.levels[name], s.level) }

// usedBy returns the live schemas that refer to a version.
func (s *state) usedBy(v *Schema) []*Schema { return s.users[place{v.Subject, v.Version}] }
