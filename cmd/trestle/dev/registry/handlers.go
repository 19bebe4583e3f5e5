package registry

import (
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
}

func answer(v *Schema) schemaAnswer {
	return schemaAnswer{Subject: v.Subject, Version: v.Version, ID: v.ID, Type: v.Type, References: v.References, Schema: v.Schema}
}

// readWrite is the only mode there is.
const readWrite = "READWRITE"

type subjectVersion struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func (s *Server) listVersions(r *http.Request) (any, error) {
	versions := s.state.versions(r.PathValue("subject"), flag(r, "deleted"))
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
	v, err := s.stored(r)
	if err != nil {
		return nil, err
	}
	return answer(v), nil
}

func (s *Server) getText(r *http.Request) (any, error) {
	v, err := s.stored(r)
	if err != nil {
		return nil, err
	}
	return rawText(v.Schema), nil
}

func (s *Server) referencedBy(r *http.Request) (any, error) {
	v, err := s.stored(r)
	if err != nil {
		return nil, err
	}
	ids := []int{}
	for _, u := range s.state.usedBy(v.Subject, v.Version) {
		ids = append(ids, u.ID)
	}
	return ids, nil
}

// posted reads a schema from the request; the API's default type, AVRO, is one that this registry does not hold.
func (s *Server) posted(r *http.Request) (*Schema, error) {
	next := &Schema{}
	if err := body(r, next); err != nil {
		return nil, err
	}
	next.Subject, next.Version, next.ID, next.Deleted = r.PathValue("subject"), 0, 0, false
	if next.Type != "JSON" && next.Type != "PROTOBUF" {
		return nil, fail(42201, "schemaType %q: this registry holds JSON and PROTOBUF", next.Type)
	}
	if strings.TrimSpace(next.Schema) == "" {
		return nil, fail(42201, "the schema is empty")
	}
	for i, ref := range next.References {
		if ref.Version == latest {
			if v := s.state.find(ref.Subject, latest); v != nil {
				next.References[i].Version = v.Version
			}
		}
	}
	return next, nil
}

func (s *Server) lookup(r *http.Request) (any, error) {
	next, err := s.posted(r)
	if err != nil {
		return nil, err
	}
	if len(s.state.versions(next.Subject, false)) == 0 {
		return nil, fail(40401, "subject %q not found", next.Subject)
	}
	if v := s.state.same(next); v != nil {
		return answer(v), nil
	}
	return nil, fail(40403, "the schema is not registered under subject %q", next.Subject)
}

func (s *Server) register(r *http.Request) (any, error) {
	next, err := s.posted(r)
	if err != nil {
		return nil, err
	}
	if v := s.state.same(next); v != nil {
		return map[string]int{"id": v.ID}, nil
	}
	messages, err := s.judge(s.state.level(next.Subject), s.state.versions(next.Subject, false), next)
	if err != nil {
		return nil, err
	}
	if len(messages) > 0 {
		return nil, fail(409, "the schema is not compatible with subject %q at level %s: %s",
			next.Subject, s.state.level(next.Subject), strings.Join(messages, "; "))
	}
	s.state.add(next)
	return map[string]int{"id": next.ID}, nil
}

func (s *Server) deleteSubject(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	permanent := flag(r, "permanent")
	versions := s.state.versions(subject, permanent)
	if len(versions) == 0 {
		return nil, fail(40401, "subject %q not found", subject)
	}
	for _, v := range versions {
		if err := s.delete(v, permanent); err != nil {
			return nil, err
		}
	}
	delete(s.state.Levels, subject)
	return numbers(versions), nil
}

func (s *Server) deleteVersion(r *http.Request) (any, error) {
	v, err := s.stored(r)
	if err != nil {
		return nil, err
	}
	if err := s.delete(v, flag(r, "permanent")); err != nil {
		return nil, err
	}
	return v.Version, nil
}

func (s *Server) delete(v *Schema, permanent bool) error {
	if users := s.state.usedBy(v.Subject, v.Version); len(users) > 0 {
		return fail(42206, "version %d of subject %q is referred to by subject %q", v.Version, v.Subject, users[0].Subject)
	}
	if !permanent {
		v.Deleted = true
		return nil
	}
	s.state.Schemas = slices.DeleteFunc(s.state.Schemas, func(o *Schema) bool { return o == v })
	return nil
}

func (s *Server) compatibility(r *http.Request) (any, error) {
	next, err := s.posted(r)
	if err != nil {
		return nil, err
	}
	versions := s.state.versions(next.Subject, false)
	if r.PathValue("version") != "" {
		v, err := s.stored(r)
		if err != nil {
			return nil, err
		}
		versions = []*Schema{v}
	}
	messages, err := s.judge(s.state.level(next.Subject), versions, next)
	if err != nil {
		return nil, err
	}
	result := map[string]any{"is_compatible": len(messages) == 0}
	if flag(r, "verbose") {
		result["messages"] = orEmpty(messages)
	}
	return result, nil
}

func (s *Server) listSchemas(r *http.Request) (any, error) {
	out := []schemaAnswer{}
	for _, subject := range s.state.subjects(false) {
		if !strings.HasPrefix(subject, r.URL.Query().Get("subjectPrefix")) {
			continue
		}
		versions := s.state.versions(subject, false)
		if flag(r, "latestOnly") {
			versions = versions[len(versions)-1:]
		}
		for _, v := range versions {
			out = append(out, answer(v))
		}
	}
	return out, nil
}

func (s *Server) id(r *http.Request) ([]*Schema, error) {
	n, err := strconv.Atoi(r.PathValue("id"))
	if err == nil {
		if found := s.state.byID(n); len(found) > 0 {
			return found, nil
		}
	}
	return nil, fail(40403, "schema id %q not found", r.PathValue("id"))
}

func (s *Server) getID(r *http.Request) (any, error) {
	found, err := s.id(r)
	if err != nil {
		return nil, err
	}
	return schemaAnswer{Type: found[0].Type, References: found[0].References, Schema: found[0].Schema}, nil
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
	out := []subjectVersion{}
	for _, v := range found {
		if !v.Deleted {
			out = append(out, subjectVersion{v.Subject, v.Version})
		}
	}
	return out, nil
}

func (s *Server) idSubjects(r *http.Request) (any, error) {
	found, err := s.id(r)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, v := range found {
		if !v.Deleted && !slices.Contains(out, v.Subject) {
			out = append(out, v.Subject)
		}
	}
	return out, nil
}

func (s *Server) getConfig(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	if subject == "" {
		return map[string]string{"compatibilityLevel": s.state.Level}, nil
	}
	if _, ok := s.state.Levels[subject]; !ok && !flag(r, "defaultToGlobal") {
		return nil, fail(40408, "subject %q has no compatibility level of its own", subject)
	}
	return map[string]string{"compatibilityLevel": s.state.level(subject)}, nil
}

func (s *Server) putConfig(r *http.Request) (any, error) {
	var config struct {
		Compatibility string `json:"compatibility"`
	}
	if err := body(r, &config); err != nil {
		return nil, err
	}
	if err := checkLevel(config.Compatibility); err != nil {
		return nil, err
	}
	if subject := r.PathValue("subject"); subject != "" {
		s.state.Levels[subject] = config.Compatibility
	} else {
		s.state.Level = config.Compatibility
	}
	return config, nil
}

func (s *Server) deleteConfig(r *http.Request) (any, error) {
	subject := r.PathValue("subject")
	was := s.state.level(subject)
	if subject == "" {
		s.state.Level = DefaultLevel
	}
	delete(s.state.Levels, subject)
	return map[string]string{"compatibilityLevel": was}, nil
}

func (s *Server) getMode(*http.Request) (any, error) {
	return map[string]string{"mode": readWrite}, nil
}

func (s *Server) putMode(r *http.Request) (any, error) {
	var mode struct {
		Mode string `json:"mode"`
	}
	if err := body(r, &mode); err != nil {
		return nil, err
	}
	if mode.Mode != readWrite {
		return nil, fail(42204, "mode %q: this registry is always READWRITE", mode.Mode)
	}
	return mode, nil
}
