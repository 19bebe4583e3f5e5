package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/runtime/kafka"
)

type lenient struct{}

func (lenient) Check(context.Context, string, []devregistry.Candidate, devregistry.Candidate) ([]string, error) {
	return nil, nil
}

// faulty is a registry that answers requests from the nth on, or that one alone, as a fault says.
type faulty struct {
	server *devregistry.Server
	url    string

	mu       sync.Mutex
	requests []string
	from     int
	until    int
	fault    func(http.ResponseWriter, *http.Request)
	failed   []string
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	server, err := devregistry.NewServer("", lenient{}, devregistry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{server: server}
	web := httptest.NewServer(f)
	t.Cleanup(web.Close)
	f.url = strings.Replace(web.URL, "://", "://orders:hunter2@", 1)
	return f
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	n := len(f.requests)
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	fault := f.fault
	if n < f.from || n >= f.until {
		fault = nil
	}
	if fault != nil {
		f.failed = append(f.failed, f.requests[n])
	}
	f.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	f.server.ServeHTTP(w, r)
}

// fail has requests answered by a fault, from the one that is the nth from now, until another.
func (f *faulty) fail(from, until int, fault func(http.ResponseWriter, *http.Request)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.failed, f.from, f.until, f.fault = nil, nil, from, until, fault
}

func (f *faulty) seen() (requests, failed []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests), slices.Clone(f.failed)
}

func (f *faulty) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(f.url, WithCompatibility("BACKWARD"), func(c *config) { c.between = kafka.Backoff{Lowest: time.Millisecond, Highest: time.Millisecond} })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bring asks for all that the commands ask for: it plans, applies, and reads what is there.
func (f *faulty) bring(ctx context.Context, t *testing.T, subjects []Subject) (*Plan, error) {
	t.Helper()
	c := f.client(t)
	if err := c.Check(ctx); err != nil {
		return nil, err
	}
	plan, err := c.Plan(ctx, subjects)
	if err != nil {
		return nil, err
	}
	if _, err := c.Subjects(ctx); err != nil {
		return nil, err
	}
	if err := c.Apply(ctx, plan); err != nil {
		return plan, err
	}
	if _, err := c.Versions(ctx, "orders-value"); err != nil {
		return plan, err
	}
	_, err = c.Latest(ctx, "orders-value")
	return plan, err
}

// state is all that the registry holds, and the levels of subjects.
func (f *faulty) state(subjects []Subject) string {
	ask := func(path string) string {
		w := httptest.NewRecorder()
		f.server.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+path, nil))
		return w.Body.String()
	}
	out := ask("/schemas")
	for _, s := range subjects {
		out += "\n" + ask("/config/"+s.Name)
	}
	return out
}

// threeLevels are subjects that refer to others that refer to others; edit is in each schema, as is their name.
func threeLevels(edit string) []Subject {
	subject := func(name string, references ...string) Subject {
		s := Subject{Name: name, Type: JSON, Schema: fmt.Sprintf(`{"title":%q,"description":%q}`, name, edit)}
		for _, r := range references {
			s.References = append(s.References, Reference{Name: r + ".json", Subject: r})
		}
		return s
	}
	return []Subject{subject("orders-value", "item", "money"), subject("item", "money"), subject("money")}
}

func answer(status int, contentType, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

const page = "<html>\n<head><title>Welcome</title></head>\n<body>" + "Please log in, and go on to where you were going. </body></html>"

// faults are the ways in which a registry, or what stands before it, does not answer as it should.
var faults = map[string]struct {
	do     func(http.ResponseWriter, *http.Request)
	passes bool   // it is worth another attempt
	says   string // what the error says when it stays so
}{
	"failed":         {answer(500, "application/json", `{"error_code":50001,"message":"the store is away"}`), true, "it answered 500 Internal Server Error: the store is away: is the registry"},
	"broken":         {answer(500, "text/plain", "panic: index out of range\ngoroutine 1"), true, "it answered 500 Internal Server Error: is the registry"},
	"helpless":       {answer(500, "application/json", `{"message":"#: could not determine version","error_code":0}`), false, "it answered 500 Internal Server Error: #: could not determine version"},
	"broken inside":  {answer(500, "application/json", `{"error_code":500,"message":"HTTP 500 Internal Server Error"}`), true, "it answered 500 Internal Server Error: HTTP 500 Internal Server Error: is the registry"},
	"too much":       {answer(429, "application/json", `{"error_code":429,"message":"too many requests"}`, "Retry-After", "0"), true, "429 Too Many Requests: too many requests: is the registry"},
	"far too much":   {answer(429, "text/html", page, "Retry-After", "3600"), false, "429 Too Many Requests, and asks to wait 1h0m0s: is the registry"},
	"unavailable":    {answer(503, "text/html", page), true, "it answered 503 Service Unavailable: is the registry, and what stands before it, well? Try again later"},
	"a page":         {answer(200, "text/html", page), false, `with something that is no JSON: "<html> <head>`},
	"nothing":        {answer(200, "application/json", ""), false, "it answered 200 OK with nothing in it: is that a Schema Registry"},
	"another answer": {answer(200, "application/json", `{"name":"trestle"}`), false, "is that a Schema Registry?"},
	"a number":       {answer(200, "application/json", `5`), false, "is that a Schema Registry?"},
	"an error in it": {answer(200, "application/json", `{"error_code":40401,"message":"Subject not found"}`), false, "it answered 200 OK with an error in it: 40401 Subject not found"},
	"not there":      {answer(404, "text/html", page), false, "it answered 404 Not Found: is that a Schema Registry? Is its address whole?"},
	"no such path":   {answer(404, "application/json", `{"error_code":404,"message":"HTTP 404 Not Found"}`), false, "404 Not Found: HTTP 404 Not Found: is that a Schema Registry? Is its address whole?"},
	"unauthorized":   {answer(401, "text/plain", ""), false, "does the registry know that user and password"},
	"forbidden":      {answer(403, "application/json", `{"error_code":40301,"message":"no"}`), false, "may that user do that there?"},
	"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"subject":"ord`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, true, "its answer ended after 15 bytes"},
	"half without a length": {answer(200, "application/json", `{"subject":"ord`), true, `no JSON: "{\"subject\":\"ord": is that`},
	"closed": {func(w http.ResponseWriter, _ *http.Request) {
		panic(http.ErrAbortHandler)
	}, true, "EOF"},
}

// TestFaults has each request of a plan and its apply answered by each fault, once and for good. What passes is not noticed. What does not is an error that
// says where, of what, and what to do, and what was done is done: after it, the rest is, and all is as if nothing had been.
func TestFaults(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *faulty {
		f := newFaulty(t)
		c := f.client(t)
		plan, err := c.Plan(t.Context(), threeLevels("")[1:]) // two are there, one at another level, so that there is something to change
		if err == nil {
			err = c.Apply(t.Context(), plan)
		}
		if err == nil {
			err = c.setLevel(t.Context(), "item", "FULL")
		}
		if err != nil {
			t.Fatal(err)
		}
		f.fail(0, 0, nil)
		return f
	}
	whole := begin(t)
	if _, err := whole.bring(t.Context(), t, threeLevels("edited")); err != nil {
		t.Fatal(err)
	}
	steps, _ := whole.seen()
	want := whole.state(threeLevels(""))
	for _, kind := range []string{"GET /schemas/types", "GET /subjects/money/versions/latest", "GET /config/", "GET /subjects", "POST /compatibility/", "PUT /config/", "POST /subjects/"} {
		if !slices.ContainsFunc(steps, func(step string) bool { return strings.HasPrefix(step, kind) }) {
			t.Errorf("no request is a %s: %v", kind, steps)
		}
	}
	last := map[string]int{} // of each kind, the one with the most before it
	for n, step := range steps {
		for _, subject := range []string{"orders-value", "item", "money"} {
			step = strings.Replace(step, subject, "S", 1)
		}
		last[step] = n
	}
	for name, fault := range faults {
		for n, step := range steps {
			every := name == "unavailable" // this one has each
			if !every && !slices.Contains(slices.Collect(maps.Values(last)), n) {
				continue
			}
			for _, times := range []int{1, 1000} {
				if times == 1 && !fault.passes {
					continue // it makes no difference
				}
				t.Run(fmt.Sprintf("%s/%d %s/%d", name, n, strings.ReplaceAll(step, "/", "_"), times), func(t *testing.T) {
					t.Parallel()
					f := begin(t)
					f.fail(n, n+times, fault.do)
					plan, err := f.bring(t.Context(), t, threeLevels("edited"))
					_, failed := f.seen()
					switch {
					case len(failed) == 0:
						t.Fatal("nothing failed")
					case strings.HasSuffix(step, "/schemas/types") && strings.Contains(fault.says, "404"):
						return // a registry that does not tell its types is one
					case times == 1 && fault.passes:
						if err != nil {
							t.Errorf("a fault that passes: %v", err)
						}
					default:
						checkError(t, f, err, step, fault.says)
						// net/http makes a request once more by itself where a connection that was used before is closed.
						if fault.passes && len(failed) != maxAttempts && len(failed) != maxAttempts+1 || !fault.passes && len(failed) != 1 {
							t.Errorf("%d attempts", len(failed))
						}
					}
					f.fail(0, 0, nil)
					checkDone(t, f, plan)
					if _, err := f.bring(t.Context(), t, threeLevels("edited")); err != nil {
						t.Fatalf("afterwards: %v", err)
					}
					if diff := cmp.Diff(want, f.state(threeLevels(""))); diff != "" {
						t.Error(diff)
					}
				})
			}
		}
	}
}

func checkError(t *testing.T, f *faulty, err error, step, says string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	public, _ := url.Parse(f.url)
	public.User = nil
	if !strings.Contains(text, public.String()) || strings.Contains(text, "hunter2") {
		t.Errorf("it does not say at which registry, or tells the password: %s", text)
	}
	for _, name := range []string{"orders-value", "item", "money"} {
		if strings.Contains(step, "/"+name) && !strings.Contains(text, name) {
			t.Errorf("it does not name %s: %s", name, text)
		}
	}
	if !strings.Contains(text, says) || strings.Contains(text, "\n") || len(text) > 400 {
		t.Errorf("got %q, want one line with %q", text, says)
	}
}

// checkDone checks that what a plan says was done is done.
func checkDone(t *testing.T, f *faulty, plan *Plan) {
	t.Helper()
	if plan == nil {
		return
	}
	c := f.client(t)
	for _, s := range plan.Subjects {
		latest, err := c.Latest(t.Context(), s.Subject)
		if s.Done && (err != nil || latest.Schema != s.declared.Schema || latest.Version != s.Version || latest.ID != s.ID) {
			t.Errorf("%s is said to be done, as version %d: %+v, %v", s.Subject, s.Version, latest, err)
		}
	}
}

// TestInterrupted ends a context while the registry keeps silent, at each request: the client waits no longer.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	whole := newFaulty(t)
	if _, err := whole.bring(t.Context(), t, threeLevels("")); err != nil {
		t.Fatal(err)
	}
	steps, _ := whole.seen()
	for n := range steps {
		for name, wait := range map[string]func(http.ResponseWriter, *http.Request){
			"silent":      func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"asking more": answer(429, "application/json", `{"error_code":429,"message":"too many requests"}`, "Retry-After", "14"),
		} {
			f := newFaulty(t)
			ctx, cancel := context.WithCancel(t.Context())
			f.fail(n, n+1000, func(w http.ResponseWriter, r *http.Request) {
				cancel()
				io.Copy(io.Discard, r.Body) // so that its end is noticed
				wait(w, r)
			})
			_, err := f.bring(ctx, t, threeLevels(""))
			if err == nil || ctx.Err() == nil {
				t.Errorf("%s at %s: %v", name, steps[n], err)
			}
		}
	}
}

// TestSlow has the registry keep silent longer than the client waits.
func TestSlow(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	f.fail(0, 1000, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c, err := New(f.url, WithHTTPClient(&http.Client{Timeout: 50 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Latest(t.Context(), "orders-value")
	checkError(t, f, err, "/orders-value", "it did not answer in time")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestRetryAfter waits as long as it is asked to.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	var at []time.Time
	f.fail(0, 1, func(w http.ResponseWriter, r *http.Request) {
		at = append(at, time.Now())
		answer(503, "text/plain", "", "Retry-After", "1")(w, r)
	})
	if _, err := f.client(t).Latest(t.Context(), "none"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if waited := time.Since(at[0]); waited < time.Second {
		t.Errorf("it was asked to wait for a second, and waited %s", waited)
	}
	for text, want := range map[string]time.Duration{"": 0, "2": 2 * time.Second, "-1": 0, "soon": 0, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0} {
		if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {text}}}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}}); got < 50*time.Minute {
		t.Errorf("in an hour: %s", got)
	}
}
