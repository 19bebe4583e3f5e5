package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/event"
)

// answering is a registry that answers each question for a subject with a status, and counts the questions.
type answering struct {
	*httptest.Server
	status, id, asked atomic.Int64
}

func newAnswering(t *testing.T) *answering {
	t.Helper()
	a := &answering{}
	a.status.Store(http.StatusOK)
	a.id.Store(7)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(a.status.Load()))
		if a.status.Load() == http.StatusOK {
			fmt.Fprintf(w, `{"subject":"orders-value","version":1,"id":%d,"schemaType":"JSON","schema":"{}"}`, a.id.Load())
			return
		}
		fmt.Fprintf(w, `{"error_code":%d,"message":"it says no"}`, a.status.Load())
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *answering) ids(t *testing.T, now *time.Time, opts ...SchemaIDsOption) *SchemaIDs {
	t.Helper()
	c, err := New(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	ids := NewSchemaIDs(c, opts...)
	ids.now = func() time.Time { return *now }
	return ids
}

var orderPlaced = &event.EventInfo{Type: "OrderPlaced", Topic: &event.TopicInfo{Name: "orders", EventTypes: []string{"OrderPlaced"}}}

func TestSchemaIDsSurviveTheRegistry(t *testing.T) {
	t.Parallel()
	a, now := newAnswering(t), time.Unix(1e9, 0)
	ids := a.ids(t, &now)
	want := func(id int, asked int64) {
		t.Helper()
		got, err := ids.SchemaID(t.Context(), orderPlaced)
		if err != nil || got != id || a.asked.Load() != asked {
			t.Fatalf("id %d, %v, asked %d times; want %d, asked %d times", got, err, a.asked.Load(), id, asked)
		}
	}
	want(7, 1)
	want(7, 1)
	a.id.Store(8)
	now = now.Add(rememberFor)
	want(8, 2)
	for _, status := range []int64{500, 503, 429, 401} {
		a.status.Store(status)
		now = now.Add(rememberFor)
		want(8, a.asked.Load()+1)
		want(8, a.asked.Load())
	}
	a.CloseClientConnections()
	a.Close()
	now = now.Add(rememberFor)
	want(8, a.asked.Load())
}

func TestSchemaIDsOfARegistryThatIsAwayFromTheStart(t *testing.T) {
	t.Parallel()
	a, now := newAnswering(t), time.Unix(1e9, 0)
	a.status.Store(http.StatusServiceUnavailable)
	ids := a.ids(t, &now)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := ids.SchemaID(t.Context(), orderPlaced)
			away, ok := errors.AsType[*event.RegistryAwayError](err)
			if !ok || away.Subject != "orders-value" || away.Registry != a.URL || !strings.Contains(err.Error(), "503") {
				t.Errorf("got %v, want a RegistryAwayError", err)
			}
		})
	}
	group.Wait()
	if a.asked.Load() != 1 {
		t.Errorf("20 events asked %d times, want once", a.asked.Load())
	}
	a.status.Store(http.StatusOK)
	now = now.Add(awayFor)
	if id, err := ids.SchemaID(t.Context(), orderPlaced); id != 7 || err != nil {
		t.Errorf("once it is back: %d, %v", id, err)
	}
}

func TestSchemaIDsThatARegistryRefuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int64{http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden} {
		a, now := newAnswering(t), time.Unix(1e9, 0)
		a.status.Store(status)
		ids := a.ids(t, &now, WithKeptIDs(filepath.Join(t.TempDir(), "ids.json")))
		_, err := ids.SchemaID(t.Context(), orderPlaced)
		if _, away := errors.AsType[*event.RegistryAwayError](err); err == nil || away {
			t.Errorf("%d: got %v, want an error that is no absence", status, err)
		}
		a.status.Store(http.StatusOK)
		if id, err := ids.SchemaID(t.Context(), orderPlaced); id != 7 || err != nil {
			t.Errorf("%d, and 200 at once: %d, %v", status, id, err)
		}
	}
	a, now := newAnswering(t), time.Unix(1e9, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.ids(t, &now).SchemaID(ctx, orderPlaced); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait gets %v", err)
	}
}

func TestKeptIDs(t *testing.T) {
	t.Parallel()
	a, b, now := newAnswering(t), newAnswering(t), time.Unix(1e9, 0)
	file := filepath.Join(t.TempDir(), "ids.json")
	b.id.Store(70)
	for _, r := range []*answering{a, b} {
		if _, err := r.ids(t, &now, WithKeptIDs(file)).SchemaID(t.Context(), orderPlaced); err != nil {
			t.Fatal(err)
		}
		r.status.Store(http.StatusBadGateway)
	}
	for r, want := range map[*answering]int{a: 7, b: 70} {
		ids := r.ids(t, &now, WithKeptIDs(file))
		for range 2 {
			if got, err := ids.SchemaID(t.Context(), orderPlaced); got != want || err != nil {
				t.Errorf("kept: %d, %v, want %d", got, err, want)
			}
		}
		if r.asked.Load() != 2 {
			t.Errorf("the registry was asked %d times, want once each start", r.asked.Load())
		}
		r.status.Store(http.StatusOK)
		r.id.Store(int64(want + 1))
		now = now.Add(awayFor)
		if got, err := ids.SchemaID(t.Context(), orderPlaced); got != want+1 || err != nil {
			t.Errorf("once it is back: %d, %v, want %d", got, err, want+1)
		}
		r.status.Store(http.StatusBadGateway)
		if got, err := r.ids(t, &now, WithKeptIDs(file)).SchemaID(t.Context(), orderPlaced); got != want+1 || err != nil {
			t.Errorf("kept anew: %d, %v, want %d", got, err, want+1)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("files %v, %v, want the one", left, err)
	}

	for text, want := range map[string]string{"{": "can't be read", `{"version":2}`: "of version 2"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := a.ids(t, &now, WithKeptIDs(file)).SchemaID(t.Context(), orderPlaced)
		if _, away := errors.AsType[*event.RegistryAwayError](err); !away || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want one that says %q", text, err, want)
		}
		a.status.Store(http.StatusOK)
		if got, err := a.ids(t, &now, WithKeptIDs(file)).SchemaID(t.Context(), orderPlaced); got == 0 || err != nil {
			t.Errorf("%s, and the registry is there: %d, %v", text, got, err)
		}
		if kept, err := os.ReadFile(file); err != nil || string(kept) != text {
			t.Errorf("%s was overwritten: %s, %v", text, kept, err)
		}
		a.status.Store(http.StatusBadGateway)
	}
}

// TestKeptFile reads what was kept before.
func TestKeptFile(t *testing.T) {
	t.Parallel()
	k := &keptIDs{filepath.Join("testdata", "schema-ids-v1.json")}
	if id, err := k.find("http://127.0.0.1:8081", "orders-value"); id != 7 || err != nil {
		t.Errorf("got %d, %v", id, err)
	}
}
