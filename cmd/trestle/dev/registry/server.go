package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DefaultLevel is the compatibility level of a new registry.
const DefaultLevel = "FULL_TRANSITIVE"

const latest = -1

// Limits bound what a client can cost. Zero fields have the defaults.
type Limits struct {
	Body   int64         // bytes of a request's body; 4 MiB
	Header time.Duration // that its header may take to arrive; 10 s
	Read   time.Duration // that its body may take to arrive; 20 s
	Check  time.Duration // that a schema may take to be judged; 15 s
	Write  time.Duration // that an answer may take to be read; 30 s
}

// Server is the registry as an http.Handler, safe for concurrent use. A client holds no lock while it sends a request or reads an answer, nor while its
// schema is judged: it keeps nobody waiting but itself.
type Server struct {
	mux       http.ServeMux
	crossSite http.CrossOriginProtection
	limits    Limits
	checks    *checks

	writing sync.Mutex // held by who changes the state, from the last look at it until the change is kept
	log     *log
	mu      sync.RWMutex // held for no longer than it takes to look at the state in memory, or to change it there
	state   *state
}

// NewServer returns a registry whose state is kept in the file at path, or only in memory when path is empty.
func NewServer(path string, checker Checker, limits Limits) (*Server, error) {
	limits = Limits{
		Body:   cmp.Or(limits.Body, 4<<20),
		Header: cmp.Or(limits.Header, 10*time.Second),
		Read:   cmp.Or(limits.Read, 20*time.Second),
		Check:  cmp.Or(limits.Check, 15*time.Second),
		Write:  cmp.Or(limits.Write, 30*time.Second),
	}
	l, st, err := openLog(path)
	if err != nil {
		return nil, err
	}
	s := &Server{limits: limits, checks: newChecks(checker, limits.Check), log: l, state: st}
	s.routes()
	return s, nil
}

// HTTP returns an HTTP server of the registry, whose connections are bounded as its requests are.
func (s *Server) HTTP() *http.Server {
	return &http.Server{Handler: s, ReadHeaderTimeout: s.limits.Header, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
}

// Close waits for a change that is being made, and closes the file. Later changes fail.
func (s *Server) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.log.close()
}

// ServeHTTP answers a request of Confluent's registry API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.admit(w, r)
	if err != nil {
		s.respond(w, nil, err)
		return
	}
	if h, pattern := s.mux.Handler(r); pattern == "" {
		status := &statusOnly{header: w.Header()}
		h.ServeHTTP(status, r)
		s.respond(w, nil, &httpError{status.code, status.code, fmt.Sprintf("%s %s: HTTP %d %s", r.Method, r.URL.Path, status.code, http.StatusText(status.code))})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// statusOnly takes the status of an answer, and its header.
type statusOnly struct {
	header http.Header
	code   int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(code int)        { s.code = code }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// admit refuses requests that web pages of others have a browser send, and reads the body of the rest.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) error {
	if !isLoopback(r.Host) {
		return fail(40301, "host %q: this registry answers to localhost and loopback addresses alone", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return fail(40301, "origin %q: this registry answers to no web page of another server", origin)
		}
	}
	if s.crossSite.Check(r) != nil {
		return fail(40301, "this registry answers to no web page of another server")
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.limits.Read)) // a writer that has no deadlines is a test's
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.Body))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
	} else { // the deadline stays for what the server still reads of a request before it closes
		w.Header().Set("Connection", "close")
	}
	tooLarge := new(http.MaxBytesError)
	switch {
	case errors.As(err, &tooLarge):
		return fail(http.StatusRequestEntityTooLarge, "the request body has more than %d bytes", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fail(http.StatusRequestTimeout, "the request body did not arrive within %s", s.limits.Read)
	case err != nil:
		return fail(http.StatusBadRequest, "the request body ended early: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// isLoopback says whether a request was meant for this machine, and not for a name of somebody's that leads here.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (s *Server) routes() {
	handle := func(pattern string, h func(*http.Request) (any, error)) {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := h(r)
			s.respond(w, answer, err)
		})
	}
	look := func(pattern string, h func(*http.Request) (any, error)) {
		handle(pattern, func(r *http.Request) (any, error) {
			answer, err := func() (any, error) {
				s.mu.RLock()
				defer s.mu.RUnlock()
				return h(r)
			}()
			if later, ok := answer.(unlocked); ok {
				return later(r.Context())
			}
			return answer, err
		})
	}
	write := func(pattern string, h func(*http.Request) (any, change, error)) {
		handle(pattern, func(r *http.Request) (any, error) {
			s.writing.Lock()
			defer s.writing.Unlock()
			answer, c, err := h(r)
			if err != nil {
				return nil, err
			}
			return answer, s.commit(c)
		})
	}

	look("GET /{$}", func(*http.Request) (any, error) { return struct{}{}, nil })
	look("GET /subjects", s.listSubjects)
	look("GET /subjects/{subject}/versions", s.listVersions)
	look("GET /subjects/{subject}/versions/{version}", s.getVersion)
	look("GET /subjects/{subject}/versions/{version}/schema", s.getText)
	look("GET /subjects/{subject}/versions/{version}/referencedby", s.referencedBy)
	handle("POST /subjects/{subject}", s.lookup)
	handle("POST /subjects/{subject}/versions", s.register)
	write("DELETE /subjects/{subject}", s.deleteSubject)
	write("DELETE /subjects/{subject}/versions/{version}", s.deleteVersion)
	handle("POST /compatibility/subjects/{subject}/versions/{version}", s.compatibility)
	handle("POST /compatibility/subjects/{subject}/versions", s.compatibility)
	look("GET /schemas", s.listSchemas)
	look("GET /schemas/types", func(*http.Request) (any, error) { return []string{"JSON", "PROTOBUF"}, nil })
	look("GET /schemas/guids/{guid}", s.getGUID)
	look("GET /schemas/guids/{guid}/ids", s.guidIDs)
	look("GET /schemas/ids/{id}", s.getID)
	look("GET /schemas/ids/{id}/schema", s.getIDText)
	look("GET /schemas/ids/{id}/versions", s.idVersions)
	look("GET /schemas/ids/{id}/subjects", s.idSubjects)
	for _, suffix := range []string{"", "/{subject}"} {
		look("GET /config"+suffix, s.getConfig)
		write("PUT /config"+suffix, s.putConfig)
		write("DELETE /config"+suffix, s.deleteConfig)
		look("GET /mode"+suffix, s.getMode)
		handle("PUT /mode"+suffix, s.putMode)
	}
}

// commit keeps a change, and has it seen then. It is called by who holds writing.
func (s *Server) commit(c change) error {
	if err := s.log.append(c); err != nil {
		return fail(50001, "the registry's state can't be written: %v", err)
	}
	s.mu.Lock()
	s.state.apply(c)
	s.mu.Unlock()
	_ = s.log.compact(s.state) // where it fails the next change tries again
	return nil
}

// invalidSchema is the code of what is no schema.
const invalidSchema = 42201

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

func (s *Server) respond(w http.ResponseWriter, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		said, ok := errors.AsType[*httpError](err)
		if !ok {
			said = &httpError{http.StatusInternalServerError, 50001, err.Error()}
		}
		status, answer = said.Status, said
	}
	body, raw := []byte(nil), false
	if text, ok := answer.(rawText); ok {
		body, raw = []byte(text), true
	}
	if !raw {
		if body, err = json.Marshal(answer); err != nil {
			status, body = http.StatusInternalServerError, []byte(`{"error_code":50001,"message":"the answer can't be written as JSON"}`)
		}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.limits.Write))
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// rawText is an answer that is sent as it stands.
type rawText string

// decode reads the body, which has arrived.
func decode(r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	switch err := json.Unmarshal(data, into); {
	case len(data) == 0:
		return fail(invalidSchema, "the request has no body")
	case err != nil:
		return fail(invalidSchema, "the request body is not what the API takes: %v", err)
	}
	return nil
}

// version reads the number of a version that the request's path names.
func version(r *http.Request) (int, error) {
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
func (s *Server) stored(r *http.Request, deleted bool) (*Schema, error) {
	n, err := version(r)
	if err != nil {
		return nil, err
	}
	subject := r.PathValue("subject")
	if v := s.state.find(subject, n, deleted); v != nil {
		return v, nil
	}
	if !s.state.has(subject, deleted) {
		return nil, fail(40401, "subject %q not found", subject)
	}
	return nil, fail(40402, "version %s of subject %q not found", r.PathValue("version"), subject)
}

func flag(r *http.Request, name string) bool {
	return strings.EqualFold(r.URL.Query().Get(name), "true")
}
