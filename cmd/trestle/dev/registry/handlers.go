package registry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// schemaAnswer is a schema as the API shows it: the type is left out of what is not asked for by subject.
type schemaAnswer struct {
	Subject    string      `json:"subject,omitempty"`
	Version    int         `json:"version,omitempty"`
	ID         int         `json:"id,omitempty"`
	Type       string      `json:"schemaType,omitempty"`
	References []Reference `json:"references,omitempty"`
	Schema     string      `json:"schema"`
	GUID       string      `json:"guid,omitempty"`
}

func answer(v *Schema) schemaAnswer {
	return schemaAnswer{Subject: v.Subject, Version: v.Version, ID: v.ID, Type: v.Type, References: v.References, Schema: v.Schema, GUID: v.guid().String()}
}

// readWrite is the only mode there is.
const readWrite = "READWRITE"

// shown are the versions that a request asks for: deleted ones with deleted=true, those alone with deletedOnly=true.
func shown(r *http.Request, versions []*Schema) []*Schema {
	switch {
	case flag(r, "deletedOnly"):
		return slices.DeleteFunc(versions, func(v *Schema) bool { return !v.Deleted })
	case flag(r, "deleted"):
		return versions
	}
	return slices.DeleteFunc(versions, func(v *Schema) bool { return v.Deleted })
}

func (s *Server) listSubjects(r *http.Request) (any, error) {
	out := []string{}
	for _, name := range s.state.names(flag(r, "deleted") || flag(r, "deletedOnly")) {
		if strings.HasPrefix(name, r.URL.Query().Get("subjectPrefix")) && !(flag(r, "deletedOnly") && s.state.has(name, false)) {
			out = append(out, name)
		}
	}
	return out, nil
}

func (s *Server) listVersions(r *http.Request) (any, error) {
	versions := shown(r, s.state.versions(r.PathValue("subject"), true))
	if len(versions) == 0 {
		return nil, fail(40401, "subject %q not found", r.PathValue("subject"))
	}
	return numbers(versions), nil
}

func numbers(versions []*Schema) []int {
	out := make([]int, len(versions))
	for i, v := range versions {
		out[i] = v.Version
	}
	return out
}

func (s *Server) getVersion(r *http.Request) (any, error) {
	v, err := s.stored(r, flag(r, "deleted"))
	if err != nil {
		return nil, err
	}
	return s.inForm(r, v, answer(v))
}

func (s *Server) getText(r *http.Request) (any, error) {
	v, err := s.stored(r, flag(r, "deleted"))
	if err != nil {
		return nil, err
	}
	return rawText(v.Schema), nil
}

func (s *Server) referencedBy(r *http.Request) (any, error) {
	v, err := s.stored(r, false)
	if err != nil {
		return nil, err
	}
	ids := []int{}
	for _, u := range s.state.usedBy(v) {
		ids = append(ids, u.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// posted reads a schema from the request; the API's default type, AVRO, is one that this registry does not hold.
func (s *Server) posted(r *http.Request) (*Schema, error) {
	next := &Schema{}
	if err := decode(r, next); err != nil {
		return nil, err
	}
	next.Subject, next.Version, next.ID, next.Deleted = r.PathValue("subject"), 0, 0, false
	if next.Type != "JSON" && next.Type != "PROTOBUF" {
		return nil, fail(invalidSchema, "schemaType %q: this registry holds JSON and PROTOBUF", next.Type)
	}
	if strings.TrimSpace(next.Schema) == "" {
		return nil, fail(invalidSchema, "the schema is empty")
	}
	return next, s.asSource(r.Context(), next)
}

// settle gives references to the newest version its number, so that next is a schema for good.
func (s *state) settle(next *Schema) {
	for i, ref := range next.References {
		if ref.Version == latest {
			if v := s.find(ref.Subject, latest, false); v != nil {
				next.References[i].Version = v.Version
			}
		}
	}
	next.setDigest()
}

func (s *Server) lookup(r *http.Request) (any, error) {
	next, err := s.posted(r)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.state.settle(next)
	if !s.state.has(next.Subject, flag(r, "deleted")) {
		return nil, fail(40401, "subject %q not found", next.Subject)
	}
	if v := s.state.same(next, flag(r, "deleted")); v != nil {
		return answer(v), nil
	}
	return nil, fail(40403, "the schema is not registered under subject %q", next.Subject)
}

// register judges a schema without keeping others waiting, and stores it if what it was judged by still stands then.
func (s *Server) register(r *http.Request) (any, error) {
	next, err := s.posted(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Check)
	defer cancel()
	for {
		same, on, err := s.look(next)
		if err != nil {
			return nil, err
		}
		if same != nil {
			return registered(same), nil
		}
		messages, err := s.checks.run(ctx, next, on)
		if err != nil {
			return nil, err
		}
		if len(messages) > 0 {
			return nil, fail(40901, "the schema is not compatible with subject %q at level %s: %s", next.Subject, on.level, strings.Join(messages, "; "))
		}
		stored, err := s.store(next, on)
		if stored || err != nil {
			return registered(next), err
		}
	}
}

// look returns the version that is the very schema, or what next is to be judged by.
func (s *Server) look(next *Schema) (*Schema, basis, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.state.settle(next)
	if same := s.state.same(next, false); same != nil {
		return same, basis{}, nil
	}
	on, err := s.state.basisOf(next, nil)
	return nil, on, err
}

// store keeps next, unless it would be judged by something else now.
func (s *Server) store(next *Schema, on basis) (bool, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	same, now, err := s.look(next)
	if err != nil || same != nil || !now.equal(on) {
		return false, err
	}
	s.state.number(next)
	return true, s.commit(change{Add: next})
}

func (s *Server) deleteSubject(r *http.Request) (any, change, error) {
	subject := r.PathValue("subject")
	all := s.state.versions(subject, true)
	live := s.state.versions(subject, false)
	permanent := flag(r, "permanent")
	switch {
	case len(all) == 0:
		return nil, change{}, fail(40401, "subject %q not found", subject)
	case permanent && len(live) > 0:
		return nil, change{}, fail(40405, "subject %q was not deleted first: delete it without permanent=true before", subject)
	case !permanent && len(live) == 0:
		return nil, change{}, fail(40404, "subject %q is deleted already: with permanent=true it is for good", subject)
	}
	c := change{}
	if _, ok := s.state.levels[subject]; ok {
		c.Level = &levelChange{Subject: subject}
	}
	if permanent {
		c.Purge = places(all)
		return numbers(all), c, nil
	}
	for _, v := range live {
		if err := s.state.checkUnused(v); err != nil {
			return nil, change{}, err
		}
	}
	c.Delete = places(live)
	return numbers(live), c, nil
}

func places(versions []*Schema) []place {
	out := make([]place, len(versions))
	for i, v := range versions {
		out[i] = place{v.Subject, v.Version}
	}
	return out
}

func (s *Server) deleteVersion(r *http.Request) (any, change, error) {
	permanent := flag(r, "permanent")
	v, err := s.stored(r, true)
	if r.PathValue("version") == "latest" && !permanent && err == nil {
		v, err = s.stored(r, false)
	}
	switch {
	case err != nil:
		return nil, change{}, err
	case permanent && !v.Deleted:
		return nil, change{}, fail(40407, "version %d of subject %q was not deleted first: delete it without permanent=true before", v.Version, v.Subject)
	case permanent:
		return v.Version, change{Purge: places([]*Schema{v})}, nil
	case v.Deleted:
		return nil, change{}, fail(40406, "version %d of subject %q is deleted already: with permanent=true it is for good", v.Version, v.Subject)
	}
	return v.Version, change{Delete: places([]*Schema{v})}, s.state.checkUnused(v)
}

// checkUnused fails when a version is one that others refer to.
func (s *state) checkUnused(v *Schema) error {
	if users := s.usedBy(v); len(users) > 0 {
		return fail(42206, "version %d of subject %q is referred to by version %d of subject %q", v.Version, v.Subject, users[0].Version, users[0].Subject)
	}
	return nil
}

func (s *Server) compatibility(r *http.Request) (any, error) {
	next, err := s.posted(r)
	if err != nil {
		return nil, err
	}
	on, err := s.compared(r, next)
	var messages []string
	if err == nil {
		messages, err = s.checks.run(r.Context(), next, on)
	}
	if said, ok := errors.AsType[*httpError](err); ok && said.Code == invalidSchema && flag(r, "verbose") {
		messages, err = []string{said.Message}, nil // so says Confluent's
	}
	if err != nil {
		return nil, err
	}
	result := map[string]any{"is_compatible": len(messages) == 0}
	if flag(r, "verbose") {
		result["messages"] = append([]string{}, messages...)
	}
	return result, nil
}

// compared is what a request wants next to be judged by: the version that it names, or those of the subject's level.
func (s *Server) compared(r *http.Request, next *Schema) (basis, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.state.settle(next)
	if r.PathValue("version") == "" {
		return s.state.basisOf(next, nil)
	}
	v, err := s.stored(r, false)
	if err != nil && r.PathValue("version") != "latest" { // without a newest one there is nothing to be incompatible with
		return basis{}, err
	}
	return s.state.basisOf(next, v)
}

func (s *Server) listSchemas(r *http.Request) (any, error) {
	out := []schemaAnswer{}
	for _, subject := range s.state.names(flag(r, "deleted")) {
		if !strings.HasPrefix(subject, r.URL.Query().Get("subjectPrefix")) {
			continue
		}
		versions := s.state.versions(subject, flag(r, "deleted"))
		if flag(r, "latestOnly") {
			versions = versions[len(versions)-1:]
		}
		for _, v := range versions {
			out = append(out, answer(v))
		}
	}
	return out, nil
}

// id returns the versions that share the id which the request's path names, deleted ones too.
func (s *Server) id(r *http.Request) ([]*Schema, error) {
	n, err := strconv.Atoi(r.PathValue("id"))
	if err == nil {
		if found := s.state.ids[n]; len(found) > 0 {
			return slices.Clone(found), nil
		}
	}
	return nil, fail(40403, "schema id %q not found", r.PathValue("id"))
}

func (s *Server) getID(r *http.Request) (any, error) {
	found, err := s.id(r)
	if err != nil {
		return nil, err
	}
	v := found[0]
	return s.inForm(r, v, schemaAnswer{Type: v.Type, References: v.References, Schema: v.Schema, GUID: v.guid().String()})
}

func (s *Server) getIDText(r *http.Request) (any, error) {
	found, err := s.id(r)
	if err != nil {
		return nil, err
	}
	return rawText(found[0].Schema), nil
}

func (s *Server) idVersions(r *http.Request) (any, error) {
	found, err := s.id(r)
	if err != nil {
		return nil, err
	}
	return places(shown(r, found)), nil
}

func (s *Server) idSubjects(r *http.Request) (any, error) {
	found, err := s.id(r)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, v := range shown(r, found) {
		out = append(out, v.Subject)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (s *Server) getConfig(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	if _, ok := s.state.levels[subject]; subject != "" && !ok && !flag(r, "defaultToGlobal") {
		return nil, fail(40408, "subject %q has no compatibility level of its own", subject)
	}
	return map[string]string{"compatibilityLevel": s.state.levelOf(subject)}, nil
}

func (s *Server) putConfig(r *http.Request) (any, change, error) {
	var config struct {
		Compatibility string `json:"compatibility"`
	}
	if err := decode(r, &config); err != nil {
		return nil, change{}, err
	}
	config.Compatibility = strings.ToUpper(config.Compatibility)
	return config, change{Level: &levelChange{r.PathValue("subject"), config.Compatibility}}, checkLevel(config.Compatibility)
}

func (s *Server) deleteConfig(r *http.Request) (any, change, error) {
	subject := r.PathValue("subject")
	return map[string]string{"compatibilityLevel": s.state.levelOf(subject)}, change{Level: &levelChange{Subject: subject}}, nil
}

func (s *Server) getMode(r *http.Request) (any, error) {
	if subject := r.PathValue("subject"); subject != "" && !flag(r, "defaultToGlobal") {
		return nil, fail(40409, "subject %q has no mode of its own", subject)
	}
	return map[string]string{"mode": readWrite}, nil
}

func (s *Server) putMode(r *http.Request) (any, error) {
	var mode struct {
		Mode string `json:"mode"`
	}
	if err := decode(r, &mode); err != nil {
		return nil, err
	}
	if mode.Mode != readWrite {
		return nil, fail(42204, "mode %q: this registry is always READWRITE", mode.Mode)
	}
	return mode, nil
}
