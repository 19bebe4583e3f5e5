package confluent_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
)

// server is a Schema Registry with a DEK Registry, as far as clients ask it to encrypt and decrypt: the answers follow DekRegistryResource and SubjectVersionsResource of
// https://github.com/confluentinc/schema-registry. Its state is JSON.
type server struct {
	url string

	mu    sync.Mutex
	state state
	kms   encrypt.KEK // with which it makes keys of shared KEKs
	fail  int         // the status of all answers; 0: there is none
	old   bool        // it has data keys' subjects in the bodies of requests alone
	asked []string    // methods and paths
}

type state struct {
	Schemas []*storedSchema       `json:"schemas"` // an id is the place, from 1
	KEKs    map[string]*storedKEK `json:"keks"`
	DEKs    []*storedDEK          `json:"deks"`
}

type storedSchema struct {
	Subject    string          `json:"subject"`
	Version    int             `json:"version"`
	ID         int             `json:"id"`
	GUID       string          `json:"guid"`
	Type       string          `json:"schemaType"`
	Schema     string          `json:"schema"`
	References json.RawMessage `json:"references,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	RuleSet    json.RawMessage `json:"ruleSet,omitempty"`
}

type storedKEK struct {
	Name     string            `json:"name"`
	KMSType  string            `json:"kmsType"`
	KMSKeyID string            `json:"kmsKeyId"`
	KMSProps map[string]string `json:"kmsProps,omitempty"`
	Shared   bool              `json:"shared"`
	Made     int64             `json:"ts"`
}

type storedDEK struct {
	KEK       string `json:"kekName"`
	Subject   string `json:"subject"`
	Version   int    `json:"version"`
	Algorithm string `json:"algorithm"`
	Wrapped   string `json:"encryptedKeyMaterial,omitempty"`
	Material  string `json:"keyMaterial,omitempty"`
	Made      int64  `json:"ts"`
	Deleted   bool   `json:"deleted,omitempty"`
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{state: state{KEKs: map[string]*storedKEK{}}, kms: localKMS(t)}
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) (any, int)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked = append(s.asked, r.Method+" "+r.URL.Path)
			answer, code := do(r)
			if s.fail != 0 {
				answer, code = nil, s.fail*100
			}
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			if code != 0 {
				w.WriteHeader(code / 100)
				answer = map[string]any{"error_code": code, "message": fmt.Sprintf("refused: %d", code)}
			}
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	handle("GET /subjects/{subject}/versions/{version}", s.version)
	handle("POST /subjects/{subject}", s.lookUp)
	handle("GET /schemas/ids/{id}", s.byID)
	handle("GET /schemas/guids/{guid}", s.byGUID)
	handle("GET /dek-registry/v1/keks/{kek}", s.kek)
	handle("POST /dek-registry/v1/keks", s.makeKEK)
	handle("GET /dek-registry/v1/keks/{kek}/deks/{subject}/versions/{version}", s.dek)
	handle("POST /dek-registry/v1/keks/{kek}/deks/{subject}", s.makeDEK)
	handle("POST /dek-registry/v1/keks/{kek}/deks", s.makeDEK)
	handle("/", func(*http.Request) (any, int) { return nil, 40401 })
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// register adds a version to a subject, and returns its id.
func (s *server) register(t testing.TB, schema storedSchema) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	schema.Version = 1
	for _, other := range s.state.Schemas {
		if other.Subject == schema.Subject {
			schema.Version++
		}
	}
	schema.ID, schema.GUID = len(s.state.Schemas)+1, uuid.NewSHA1(uuid.Nil, []byte(strconv.Itoa(len(s.state.Schemas)))).String()
	s.state.Schemas = append(s.state.Schemas, &schema)
	return schema.ID
}

// set changes the server.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) version(r *http.Request) (any, int) {
	var found *storedSchema
	for _, schema := range s.state.Schemas {
		if schema.Subject == r.PathValue("subject") && (r.PathValue("version") == "latest" || strconv.Itoa(schema.Version) == r.PathValue("version")) {
			found = schema
		}
	}
	if found == nil {
		return nil, 40402
	}
	return found, 0
}

func (s *server) lookUp(r *http.Request) (any, int) {
	var asked storedSchema
	_ = json.NewDecoder(r.Body).Decode(&asked)
	for _, schema := range s.state.Schemas {
		if schema.Subject == r.PathValue("subject") && schema.Schema == asked.Schema {
			return schema, 0
		}
	}
	return nil, 40403
}

func (s *server) byID(r *http.Request) (any, int) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	if id < 1 || id > len(s.state.Schemas) {
		return nil, 40403
	}
	return s.state.Schemas[id-1], 0
}

func (s *server) byGUID(r *http.Request) (any, int) {
	for _, schema := range s.state.Schemas {
		if schema.GUID == r.PathValue("guid") {
			return schema, 0
		}
	}
	return nil, 40403
}

func (s *server) kek(r *http.Request) (any, int) {
	if kek := s.state.KEKs[r.PathValue("kek")]; kek != nil {
		return kek, 0
	}
	return nil, 40470
}

func (s *server) makeKEK(r *http.Request) (any, int) {
	var made storedKEK
	if err := json.NewDecoder(r.Body).Decode(&made); err != nil || made.KMSType == "" || made.KMSKeyID == "" {
		return nil, 42271
	}
	if s.state.KEKs[made.Name] != nil {
		return nil, 40971
	}
	made.Made = time.Now().UnixMilli()
	s.state.KEKs[made.Name] = &made
	return made, 0
}

func (s *server) dek(r *http.Request) (any, int) {
	var found *storedDEK
	for _, dek := range s.state.DEKs {
		named := dek.KEK == r.PathValue("kek") && dek.Subject == r.PathValue("subject") && dek.Algorithm == r.URL.Query().Get("algorithm")
		if named && (r.PathValue("version") == "-1" || strconv.Itoa(dek.Version) == r.PathValue("version")) && (found == nil || dek.Version > found.Version) {
			found = dek
		}
	}
	if found == nil || found.Deleted && r.URL.Query().Get("deleted") != "true" {
		return nil, 40470
	}
	return s.shown(found)
}

// shown is a key as it is told: of a shared KEK in clear.
func (s *server) shown(dek *storedDEK) (any, int) {
	shown := *dek
	if kek := s.state.KEKs[dek.KEK]; kek.Shared {
		wrapped, _ := base64.StdEncoding.DecodeString(dek.Wrapped)
		material, err := s.kms.Unwrap(context.Background(), kek.KMSKeyID, wrapped, nil)
		if err != nil {
			return nil, 50070
		}
		shown.Material = base64.StdEncoding.EncodeToString(material)
	}
	return shown, 0
}

func (s *server) makeDEK(r *http.Request) (any, int) {
	var made storedDEK
	if s.old != (r.PathValue("subject") == "") {
		return nil, 40500
	}
	kek := s.state.KEKs[r.PathValue("kek")]
	if kek == nil {
		return nil, 40470
	}
	if err := json.NewDecoder(r.Body).Decode(&made); err != nil || !s.old && made.Subject != r.PathValue("subject") {
		return nil, 42271
	}
	made.KEK, made.Made = kek.Name, time.Now().UnixMilli()
	for _, dek := range s.state.DEKs {
		if dek.KEK == made.KEK && dek.Subject == made.Subject && dek.Algorithm == made.Algorithm && dek.Version == made.Version {
			return nil, 40971
		}
	}
	switch {
	case made.Wrapped == "" && kek.Shared:
		material := newMaterial(made.Algorithm)
		_, wrapped, err := s.kms.Wrap(context.Background(), material, nil)
		if err != nil {
			return nil, 50070
		}
		made.Wrapped = base64.StdEncoding.EncodeToString(wrapped)
	case made.Wrapped == "":
		return nil, 42271
	}
	s.state.DEKs = append(s.state.DEKs, &made)
	return s.shown(&made)
}
