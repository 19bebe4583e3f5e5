package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// DefaultLevel is the compatibility level of a new registry.
const DefaultLevel = "FULL_TRANSITIVE"

const latest = -1

// Checker judges a schema before it is stored.
type Checker interface {
	// Check returns what makes next incompatible with versions (oldest first, empty for a new subject) at the level,
	// such as FULL_TRANSITIVE; nothing when it is compatible. An error means that next is not a valid schema. Texts of
	// both carry what their references hold.
	Check(level string, versions []Candidate, next Candidate) ([]string, error)
}

// Candidate is a schema with the texts of everything that it refers to, by reference name.
type Candidate struct {
	Subject, Type, Schema string
	Texts                 map[string]string
}

// Server is the registry as an http.Handler, safe for concurrent use.
type Server struct {
	mux     http.ServeMux
	checker Checker
	path    string

	mu    sync.RWMutex
	state *state
}

// NewServer returns a registry whose state is kept in the file at path, or only in memory when path is empty.
func NewServer(path string, checker Checker) (*Server, error) {
	st, err := load(path)
	if err != nil {
		return nil, err
	}
	s := &Server{checker: checker, path: path, state: st}
	s.routes()
	return s, nil
}

// ServeHTTP answers a request of Confluent's registry API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) routes() {
	read := func(pattern string, h func(*http.Request) (any, error)) {
		s.mux.HandleFunc(pattern, s.locked(false, h))
	}
	write := func(pattern string, h func(*http.Request) (any, error)) { s.mux.HandleFunc(pattern, s.locked(true, h)) }

	read("GET /{$}", func(*http.Request) (any, error) { return struct{}{}, nil })
	read("GET /subjects", func(r *http.Request) (any, error) { return orEmpty(s.state.subjects(flag(r, "deleted"))), nil })
	read("GET /subjects/{subject}/versions", s.listVersions)
	read("GET /subjects/{subject}/versions/{version}", s.getVersion)
	read("GET /subjects/{subject}/versions/{version}/schema", s.getText)
	read("GET /subjects/{subject}/versions/{version}/referencedby", s.referencedBy)
	read("POST /subjects/{subject}", s.lookup)
	write("POST /subjects/{subject}/versions", s.register)
	write("DELETE /subjects/{subject}", s.deleteSubject)
	write("DELETE /subjects/{subject}/versions/{version}", s.deleteVersion)
	read("POST /compatibility/subjects/{subject}/versions/{version}", s.compatibility)
	read("POST /compatibility/subjects/{subject}/versions", s.compatibility)
	read("GET /schemas", s.listSchemas)
	read("GET /schemas/types", func(*http.Request) (any, error) { return []string{"JSON", "PROTOBUF"}, nil })
	read("GET /schemas/ids/{id}", s.getID)
	read("GET /schemas/ids/{id}/schema", s.getIDText)
	read("GET /schemas/ids/{id}/versions", s.idVersions)
	read("GET /schemas/ids/{id}/subjects", s.idSubjects)
	for _, suffix := range []string{"", "/{subject}"} {
		read("GET /config"+suffix, s.getConfig)
		write("PUT /config"+suffix, s.putConfig)
		write("DELETE /config"+suffix, s.deleteConfig)
		read("GET /mode"+suffix, s.getMode)
		write("PUT /mode"+suffix, s.putMode)
	}
}

// httpError is an answer of the API that says no: an HTTP status, Confluent's error code and a sentence.
type httpError struct {
	Status  int    `json:"-"`
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func (e *httpError) Error() string { return e.Message }

func fail(code int, format string, args ...any) error {
	status := code
	for status > 999 {
		status /= 10
	}
	return &httpError{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func (s *Server) locked(write bool, h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := func() (any, error) {
			if !write {
				s.mu.RLock()
				defer s.mu.RUnlock()
				return h(r)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			answer, err := h(r)
			if err != nil {
				return nil, err
			}
			if err := s.state.save(s.path); err != nil {
				return nil, fail(50001, "the registry's state can't be written: %v", err)
			}
			return answer, nil
		}()
		respond(w, answer, err)
	}
}

func respond(w http.ResponseWriter, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		he, ok := err.(*httpError)
		if !ok {
			he = &httpError{Status: 500, Code: 50001, Message: err.Error()}
		}
		status, answer = he.Status, he
	}
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	if text, ok := answer.(rawText); ok {
		_, _ = w.Write([]byte(text))
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// rawText is an answer that is sent as it stands.
type rawText string

const maxBody = 16 << 20

func body(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	if err := d.Decode(into); err != nil {
		return fail(42201, "the request body is not what the API takes: %v", err)
	}
	return nil
}

func (s *Server) version(r *http.Request) (int, error) {
	text := r.PathValue("version")
	if text == "latest" || text == "-1" || text == "" {
		return latest, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fail(42202, "version %q: a number from 1, or latest", text)
	}
	return n, nil
}

// stored finds the version that the request's path names.
func (s *Server) stored(r *http.Request) (*Schema, error) {
	n, err := s.version(r)
	if err != nil {
		return nil, err
	}
	subject := r.PathValue("subject")
	if v := s.state.find(subject, n); v != nil {
		return v, nil
	}
	if len(s.state.versions(subject, false)) == 0 {
		return nil, fail(40401, "subject %q not found", subject)
	}
	return nil, fail(40402, "version %d of subject %q not found", n, subject)
}

func flag(r *http.Request, name string) bool {
	return strings.EqualFold(r.URL.Query().Get(name), "true")
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// candidate resolves the texts of a schema's references, direct and not.
func (s *Server) candidate(v *Schema) (Candidate, error) {
	c := Candidate{Subject: v.Subject, Type: v.Type, Schema: v.Schema, Texts: map[string]string{}}
	return c, s.resolve(v.References, c.Texts)
}

func (s *Server) resolve(refs []Reference, into map[string]string) error {
	for _, r := range refs {
		if _, ok := into[r.Name]; ok {
			continue
		}
		v := s.state.find(r.Subject, r.Version)
		if v == nil {
			return fail(42201, "reference %q: version %d of subject %q is not registered", r.Name, r.Version, r.Subject)
		}
		into[r.Name] = v.Schema
		if err := s.resolve(v.References, into); err != nil {
			return err
		}
	}
	return nil
}

// judge runs the checker for next at a level against the versions that the level looks at.
func (s *Server) judge(level string, versions []*Schema, next *Schema) ([]string, error) {
	if !strings.HasSuffix(level, "_TRANSITIVE") && len(versions) > 1 {
		versions = versions[len(versions)-1:]
	}
	candidate, err := s.candidate(next)
	if err != nil {
		return nil, err
	}
	old := make([]Candidate, 0, len(versions))
	for _, v := range versions {
		c, err := s.candidate(v)
		if err != nil {
			return nil, err
		}
		if c.Type != next.Type {
			return []string{fmt.Sprintf("version %d is %s, the new schema %s", v.Version, c.Type, next.Type)}, nil
		}
		old = append(old, c)
	}
	messages, err := s.checker.Check(level, old, candidate)
	if err != nil {
		return nil, fail(42201, "not a valid %s schema: %v", next.Type, err)
	}
	return messages, nil
}

var levels = []string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}

func checkLevel(level string) error {
	if slices.Contains(levels, level) {
		return nil
	}
	return fail(42203, "compatibility level %q: one of %s", level, strings.Join(levels, ", "))
}
