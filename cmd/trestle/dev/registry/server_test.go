package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	server "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/twmb/franz-go/pkg/sr"
)

// breaking finds any schema incompatible that says so, and notes which levels and histories it was asked about.
type breaking struct {
	mu    sync.Mutex
	asked []string
}

func (b *breaking) Check(_ context.Context, level string, versions []server.Candidate, next server.Candidate) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, fmt.Sprintf("%s %s %d versions %d texts", next.Subject, level, len(versions), len(next.Texts)))
	switch {
	case strings.Contains(next.Schema, "invalid"):
		return nil, errors.New("it says that it is invalid")
	case level != "NONE" && len(versions) > 0 && strings.Contains(next.Schema, "breaking"):
		return []string{"it says that it breaks"}, nil
	}
	return nil, nil
}

func start(t *testing.T, path string) (*registry.Client, string, *breaking) {
	t.Helper()
	checker := &breaking{}
	s, err := server.NewServer(path, checker, server.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	c, err := registry.New(ts.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c, ts.URL, checker
}

func subjects(orders string) []registry.Subject {
	return []registry.Subject{
		{Name: "orders-value", Type: registry.JSON, Schema: orders, References: []registry.Reference{{Name: "source.json", Subject: "source"}}},
		{Name: "source", Type: registry.JSON, Schema: `{"type":"object"}`},
	}
}

func apply(t *testing.T, c *registry.Client, s []registry.Subject) (*registry.Plan, error) {
	t.Helper()
	plan, err := c.Plan(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return plan, c.Apply(context.Background(), plan)
}

func TestRegisterOnceReferencesFirst(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.json")
	c, _, _ := start(t, path)
	plan, err := apply(t, c, subjects(`{"title":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range plan.Subjects {
		got = append(got, fmt.Sprint(s.Subject, " ", s.Action, " ", s.Version, " ", s.ID))
	}
	if diff := cmp.Diff([]string{"source create 1 1", "orders-value create 1 2"}, got); diff != "" {
		t.Fatal(diff)
	}

	// A second run, on a registry that was started again, finds nothing to do, whatever the layout of the text.
	c, _, _ = start(t, path)
	again, err := c.Plan(context.Background(), subjects("{ \"title\" : \"a\" }"))
	if err != nil {
		t.Fatal(err)
	}
	if !again.Empty() {
		t.Fatalf("second plan: %+v", again.Subjects)
	}
	stored, err := c.Latest(context.Background(), "orders-value")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"source.json": `{"type":"object"}`}, stored.Texts); diff != "" {
		t.Fatal(diff)
	}
}

func TestIncompatibleIsRefusedBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	c, _, _ := start(t, "")
	if _, err := apply(t, c, subjects(`{"title":"a"}`)); err != nil {
		t.Fatal(err)
	}
	next := append(subjects(`{"title":"breaking"}`), registry.Subject{Name: "fresh", Type: registry.JSON, Schema: `{}`})
	_, err := apply(t, c, next)
	var incompatible *registry.IncompatibleError
	if !errors.As(err, &incompatible) || !strings.Contains(err.Error(), "subject orders-value: it says that it breaks") {
		t.Fatalf("got %v", err)
	}
	if _, err := c.Latest(context.Background(), "fresh"); !errors.Is(err, registry.ErrNotFound) {
		t.Fatalf("fresh was written: %v", err)
	}
}

func TestLevelsDecideWhichVersionsCount(t *testing.T) {
	t.Parallel()
	c, url, checker := start(t, "")
	for _, title := range []string{"a", "b"} {
		if _, err := apply(t, c, subjects(fmt.Sprintf(`{"title":%q}`, title))); err != nil {
			t.Fatal(err)
		}
	}
	cl, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range cl.SetCompatibility(context.Background(), sr.SetCompatibility{Level: sr.CompatBackward}, "orders-value") {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	checker.asked = nil
	schema := sr.Schema{Schema: `{"title":"c"}`, Type: sr.TypeJSON}
	if _, err := cl.RegisterSchema(context.Background(), "orders-value", schema, -1, -1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"orders-value BACKWARD 1 versions 0 texts"}, checker.asked); diff != "" {
		t.Fatal(diff)
	}
}

func TestWhatTheAPISaysNoTo(t *testing.T) {
	t.Parallel()
	c, url, _ := start(t, "")
	if _, err := apply(t, c, subjects(`{"title":"a"}`)); err != nil {
		t.Fatal(err)
	}
	cl, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	second := func(_ any, err error) error { return err }
	tests := []struct {
		name string
		err  error
		code int
	}{
		{"unknown subject", second(cl.SchemaByVersion(ctx, "nope", -1)), 40401},
		{"unknown version", second(cl.SchemaByVersion(ctx, "source", 9)), 40402},
		{"unknown id", second(cl.SchemaByID(ctx, 99)), 40403},
		{"avro", second(cl.RegisterSchema(ctx, "s", sr.Schema{Schema: `"string"`}, -1, -1)), 42201},
		{"invalid", second(cl.RegisterSchema(ctx, "s", sr.Schema{Schema: `invalid`, Type: sr.TypeJSON}, -1, -1)), 42201},
		{"dangling reference", second(cl.RegisterSchema(ctx, "s", sr.Schema{Schema: `{}`, Type: sr.TypeJSON,
			References: []sr.SchemaReference{{Name: "x", Subject: "nope", Version: 1}}}, -1, -1)), 42201},
		{"referred to", second(cl.DeleteSubject(ctx, "source", sr.SoftDelete)), 42206},
	}
	for _, tt := range tests {
		var re *sr.ResponseError
		if !errors.As(tt.err, &re) || re.ErrorCode != tt.code {
			t.Errorf("%s: got %v, want error code %d", tt.name, tt.err, tt.code)
		}
	}
}
