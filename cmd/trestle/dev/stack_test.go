package dev_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/dev/registry"
)

type fine struct{}

func (fine) Check(context.Context, string, []registry.Candidate, registry.Candidate) ([]string, error) {
	return nil, nil
}

// TestStalledClientsDoNotKeepAStackOpen closes a stack while clients of its registry are in the middle of their requests, and finds what was registered
// in the next.
func TestStalledClientsDoNotKeepAStackOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stack, err := dev.Start(dev.Options{Dir: dir, Checker: fine{}})
	if err != nil {
		t.Fatal(err)
	}
	register(t, stack.Registry)
	for _, begun := range []string{"", "POST /subjects/t/versions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(stack.Registry, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, begun); err != nil {
			t.Fatal(err)
		}
	}
	register(t, stack.Registry) // the registry has seen the others by now
	if err := stack.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if stack, err = dev.Start(dev.Options{Dir: dir, Checker: fine{}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	response, err := http.Get(stack.Registry + "/subjects")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != `["s"]` {
		t.Errorf("subjects after a restart: %s, %v", text, err)
	}
}

func register(t *testing.T, address string) {
	t.Helper()
	response, err := http.Post(address+"/subjects/s/versions", "application/json", strings.NewReader(`{"schemaType":"JSON","schema":"{}"}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
}
