package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	server "github.com/omninode/trestle/cmd/trestle/dev/registry"
)

// serve runs a registry as the development stack does, and returns its URL.
func serve(t testing.TB, path string, checker server.Checker, limits server.Limits) string {
	t.Helper()
	s, err := server.NewServer(path, checker, limits)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web, done := s.HTTP(), make(chan error, 1)
	go func() { done <- web.Serve(l) }()
	t.Cleanup(func() {
		web.Close()
		<-done
		s.Close()
	})
	return "http://" + l.Addr().String()
}

// said is an answer.
type said struct {
	status int
	code   int // Confluent's, where there is one
	text   string
}

// ask sends a request with a body as it stands.
func ask(t testing.TB, method, address, body string, headers ...string) said {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var no struct {
		Code int `json:"error_code"`
	}
	_ = json.Unmarshal(text, &no)
	return said{response.StatusCode, no.Code, string(text)}
}

// schema is the body of a request that registers one.
func schema(text string, references ...server.Reference) string {
	b, err := json.Marshal(map[string]any{"schemaType": "JSON", "schema": text, "references": references})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// put registers a schema and returns its id.
func put(t testing.TB, address, subject, body string) int {
	t.Helper()
	answer := ask(t, "POST", address+"/subjects/"+url.PathEscape(subject)+"/versions", body)
	var id struct{ ID int }
	if err := json.Unmarshal([]byte(answer.text), &id); err != nil || answer.status != 200 {
		t.Fatalf("register %s: %+v", subject, answer)
	}
	return id.ID
}

// dial opens a connection and sends what is given.
func dial(t testing.TB, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

const half = "POST /subjects/slow/versions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{\"schemaType\":\"JSON\","

// stalls are clients that send a part of a request, or read no answer.
var stalls = map[string]string{
	"nothing":       "",
	"half a header": "POST /subjects/slow/versions HTTP/1.1\r\nHost: 127.0",
	"half a body":   half,
	"half a change": strings.Replace(half, "POST /subjects/slow/versions", "PUT /config/slow", 1),
	"no reading":    strings.Repeat("GET /schemas HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 50),
}

func TestWhoStallsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	patient := time.Hour // what ends this test's stalled clients is the test
	address := serve(t, filepath.Join(t.TempDir(), "registry"), &breaking{}, server.Limits{Header: patient, Read: patient, Write: patient})
	put(t, address, "large", schema(`{"description":"`+strings.Repeat("x", 1<<20)+`"}`))
	for _, begun := range stalls {
		for range 5 {
			dial(t, address, begun)
		}
	}
	for i := range 20 {
		subject := fmt.Sprint("s", i)
		put(t, address, subject, schema(`{"title":"`+subject+`"}`))
		if got := ask(t, "PUT", address+"/config/"+subject, `{"compatibility":"BACKWARD"}`); got.status != 200 {
			t.Fatalf("%+v", got)
		}
		if got := ask(t, "GET", address+"/subjects/"+subject+"/versions", ""); got.text != "[1]" {
			t.Fatalf("%+v", got)
		}
	}
	if got := ask(t, "GET", address+"/subjects/slow/versions", ""); got.code != 40401 {
		t.Errorf("half a request was taken: %+v", got)
	}
}

func TestWhoStallsIsLetGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry")
	filled, err := server.NewServer(path, &breaking{}, server.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	(&handler{filled}).register(t, "large", `{"description":"`+strings.Repeat("x", 1<<20)+`"}`)
	filled.Close()
	short := 50 * time.Millisecond
	address := serve(t, path, &breaking{}, server.Limits{Header: short, Read: short, Write: short})
	for name, begun := range stalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, address, begun)
			if name == "no reading" {
				// What is written here no longer fits in the end, and fails once the other side has given up.
				for {
					if _, err := io.WriteString(conn, begun); err != nil {
						return
					}
				}
			}
			got, _ := io.ReadAll(conn) // ends when the other side closes
			if strings.Contains(name, "a body") && !strings.Contains(string(got), "408 Request Timeout") {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestBodiesThatAreNone(t *testing.T) {
	t.Parallel()
	address := serve(t, "", &breaking{}, server.Limits{})
	register := address + "/subjects/s/versions"
	for name, c := range map[string]struct {
		method, at, body string
		status, code     int
		says             string
	}{
		"empty":            {"POST", register, "", 422, 42201, "no body"},
		"garbage":          {"POST", register, "\x00\xff{{{", 422, 42201, "invalid character"},
		"half of it":       {"POST", register, `{"schemaType":"JSON","sch`, 422, 42201, "unexpected end"},
		"two":              {"POST", register, schema("{}") + schema("{}"), 422, 42201, "after top-level value"},
		"another shape":    {"POST", register, `[1,2]`, 422, 42201, "array"},
		"another type":     {"POST", register, `{"schemaType":5}`, 422, 42201, "schemaType"},
		"no schema":        {"POST", register, `{"schemaType":"JSON"}`, 422, 42201, "empty"},
		"deep":             {"POST", register, strings.Repeat(`[`, 1<<20), 422, 42201, "exceeded max depth"},
		"large":            {"POST", register, schema(strings.Repeat(" ", 5<<20)), 413, 413, "more than 4194304 bytes"},
		"large to look up": {"POST", address + "/subjects/s", schema(strings.Repeat(" ", 5<<20)), 413, 413, "more than"},
		"no level":         {"PUT", address + "/config/s", `{"compatibility":"SOME"}`, 422, 42203, "BACKWARD_TRANSITIVE"},
		"garbage of level": {"PUT", address + "/config", `nonsense`, 422, 42201, "invalid character"},
		"nowhere":          {"GET", address + "/nowhere", "", 404, 404, "GET /nowhere"},
		"no such method":   {"DELETE", address + "/schemas", "", 405, 405, "DELETE /schemas"},
		"no version":       {"GET", address + "/subjects/s/versions/first", "", 422, 42202, "a number from 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, c.method, c.at, c.body)
			if got.status != c.status || got.code != c.code || !strings.Contains(got.text, c.says) {
				t.Errorf("got %d, code %d: %.300s; want %d, code %d and %q", got.status, got.code, got.text, c.status, c.code, c.says)
			}
		})
	}
	if got := ask(t, "GET", address+"/subjects", ""); got.text != "[]" {
		t.Errorf("something was stored: %s", got.text)
	}
	// A client that goes away in the middle of its body leaves nothing behind, and does not stop who comes after it.
	for range 10 {
		dial(t, address, half).Close()
	}
	put(t, address, "slow", schema(`{}`))
}

func TestForeignPages(t *testing.T) {
	t.Parallel()
	address := serve(t, "", &breaking{}, server.Limits{})
	port := address[strings.LastIndex(address, ":")+1:]
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"a program":             {nil, 200},
		"by name":               {[]string{"Host", "localhost:" + port}, 200},
		"IPv6":                  {[]string{"Host", "[::1]:" + port}, 200},
		"its own page":          {[]string{"Origin", address, "Sec-Fetch-Site", "same-origin"}, 200},
		"another page":          {[]string{"Origin", "https://evil.example"}, 403},
		"another port's page":   {[]string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}, 403},
		"a page without a name": {[]string{"Origin", "null"}, 403},
		"a name that leads here": {
			[]string{"Host", "evil.example:" + port, "Origin", "http://evil.example:" + port, "Sec-Fetch-Site", "same-origin"}, 403,
		},
		"another address": {[]string{"Host", "192.0.2.1:" + port}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, request := range [][]string{
				{"GET", "/subjects", ""}, {"POST", "/subjects/s/versions", schema(`{}`)}, {"PUT", "/config", `{"compatibility":"NONE"}`}, {"DELETE", "/config/s", ""},
			} {
				got := ask(t, request[0], address+request[1], request[2], c.headers...)
				if got.status != c.status || c.status == 403 && got.code != 40301 {
					t.Errorf("%s %s: %+v, want %d", request[0], request[1], got, c.status)
				}
			}
		})
	}
	// A form, which a browser sends without asking first, says where it comes from by Sec-Fetch-Site alone in some browsers.
	if got := ask(t, "POST", address+"/subjects/s/versions", schema(`{}`), "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"); got.status != 403 {
		t.Errorf("a form of another page: %+v", got)
	}
}

// stuck judges schemas that say so until it is let go.
type stuck struct{ free chan struct{} }

func (s stuck) Check(ctx context.Context, _ string, _ []server.Candidate, next server.Candidate) ([]string, error) {
	switch {
	case strings.Contains(next.Schema, "stuck"):
		<-s.free // whatever becomes of ctx
	case strings.Contains(next.Schema, "broken"):
		panic("a check that broke")
	}
	return nil, nil
}

func TestChecksAreBounded(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	t.Cleanup(func() { close(free) })
	address := serve(t, "", stuck{free}, server.Limits{Check: 100 * time.Millisecond})
	for _, at := range []string{"/subjects/s/versions", "/compatibility/subjects/s/versions"} {
		got := ask(t, "POST", address+at, schema(`{"title":"stuck"}`))
		if got.status != 500 || got.code != 50002 || !strings.Contains(got.text, "within 100ms") {
			t.Errorf("%s: %+v", at, got)
		}
		got = ask(t, "POST", address+at, schema(`{"title":"broken"}`))
		if got.status != 500 || got.code != 50001 || !strings.Contains(got.text, "a check that broke") {
			t.Errorf("%s: %+v", at, got)
		}
	}
	if got := ask(t, "GET", address+"/subjects", ""); got.text != "[]" {
		t.Errorf("something was stored: %s", got.text)
	}
	put(t, address, "s", schema(`{"title":"fine"}`))
}

func TestACheckKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	address := serve(t, "", stuck{free}, server.Limits{Check: time.Hour})
	first := put(t, address, "s", schema(`{}`))
	var waiting sync.WaitGroup
	waiting.Go(func() { put(t, address, "s", schema(`{"title":"stuck"}`)) })
	for i := range 10 {
		put(t, address, fmt.Sprint("other", i), schema(fmt.Sprintf(`{"title":"%d"}`, i)))
	}
	// What the verdict stands on changes meanwhile: it is given anew, and the versions are one after the other.
	put(t, address, "s", schema(`{"title":"meanwhile"}`))
	if got := ask(t, "GET", address+fmt.Sprintf("/schemas/ids/%d", first), ""); got.status != 200 {
		t.Errorf("%+v", got)
	}
	close(free)
	waiting.Wait()
	if got := ask(t, "GET", address+"/subjects/s/versions", ""); got.text != "[1,2,3]" {
		t.Errorf("%+v", got)
	}
	if got := ask(t, "GET", address+"/subjects/s/versions/3", ""); !strings.Contains(got.text, "stuck") {
		t.Errorf("%+v", got)
	}
}

// TestManyAtOnce has clients register and delete the same schemas and others at once, and compares what they were told with what is there, before and
// after a restart.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry")
	s, err := server.NewServer(path, &breaking{}, server.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	local := &handler{s}
	var mu sync.Mutex
	ids := map[string][]int{} // by text
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for i := range 30 {
				text := fmt.Sprintf(`{"title":"%d"}`, (i*7+client)%30)
				id := local.register(t, fmt.Sprint("s", i%5), text)
				mu.Lock()
				ids[text] = append(ids[text], id)
				mu.Unlock()
				if i%10 == 9 {
					local.ask("DELETE", fmt.Sprintf("/subjects/s%d/versions/latest", i%5), "")
				}
				local.ask("GET", "/schemas", "")
			}
		})
	}
	all.Wait()
	taken := map[int]string{}
	for text, given := range ids {
		if given = slices.Compact(given); len(given) != 1 {
			t.Errorf("%s has ids %v", text, given)
		}
		if other, twice := taken[given[0]]; twice {
			t.Errorf("id %d is that of %s and of %s", given[0], text, other)
		}
		taken[given[0]] = text
		if got := local.ask("GET", fmt.Sprintf("/schemas/ids/%d/schema", given[0]), ""); got != text {
			t.Errorf("id %d: %s, want %s", given[0], got, text)
		}
	}
	everything := func(h *handler) (out []string) {
		for _, at := range []string{"/schemas?deleted=true", "/subjects", "/subjects?deletedOnly=true"} {
			out = append(out, h.ask("GET", at, ""))
		}
		for i := range 5 {
			out = append(out, h.ask("GET", fmt.Sprintf("/subjects/s%d/versions?deleted=true", i), ""), h.ask("GET", fmt.Sprintf("/subjects/s%d/versions", i), ""))
			var versions []int
			if err := json.Unmarshal([]byte(out[len(out)-2]), &versions); err != nil {
				t.Fatal(err)
			}
			for j, v := range versions {
				if v != j+1 {
					t.Errorf("versions of s%d: %v", i, versions)
					break
				}
			}
		}
		return out
	}
	before := everything(local)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := server.NewServer(path, &breaking{}, server.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	if diff := cmp.Diff(before, everything(&handler{again})); diff != "" {
		t.Error(diff)
	}
}

// handler calls a registry without a network.
type handler struct{ s *server.Server }

func (h *handler) ask(method, at, body string) string {
	r, err := http.NewRequest(method, "http://localhost"+at, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	w := &recorder{}
	h.s.ServeHTTP(w, r)
	return w.String()
}

func (h *handler) register(t testing.TB, subject, text string, references ...server.Reference) int {
	var id struct{ ID int }
	answer := h.ask("POST", "/subjects/"+subject+"/versions", schema(text, references...))
	if err := json.Unmarshal([]byte(answer), &id); err != nil || id.ID == 0 {
		t.Errorf("register %s: %s", subject, answer)
	}
	return id.ID
}

type recorder struct {
	bytes.Buffer
	header http.Header
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}
func (r *recorder) WriteHeader(int) {}
