package services

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// Registry starts a schema registry that has no subjects and is stopped when the
// test ends. It returns the base URL of its Confluent API, without a slash at
// the end, once that answers.
//
// It is an Apicurio Registry that keeps its state in memory. Its global
// compatibility level is NONE at first.
func Registry(tb testing.TB) string {
	tb.Helper()
	r := obtain(tb, "Schema Registry", startRegistry)
	tb.Cleanup(r.stop)
	return r.url
}

// SharedRegistry is Registry with one registry for all tests of a test binary:
// choose subjects that no other test uses, and leave global settings alone.
func SharedRegistry(tb testing.TB) string {
	tb.Helper()
	r := obtain(tb, "Schema Registry", func() (*registry, error) { return kept.registry.use(tb, startRegistry) })
	return r.url
}

type registry struct {
	scratch *scratch
	server  *server
	url     string
}

func startRegistry() (*registry, error) {
	java, err := artefact.Java(21)
	if err != nil {
		return nil, err
	}
	jar, err := artefact.Registry()
	if err != nil {
		return nil, err
	}
	return onFreePorts(2, func(ports []int) (*registry, error) {
		scratch, err := newScratch()
		if err != nil {
			return nil, err
		}
		r := &registry{scratch: scratch, url: "http://" + address(ports[0]) + "/apis/ccompat/v7"}
		cmd := exec.Command(java, slices.Concat(jvmFlags, []string{"-Xmx512m", "-jar", jar})...)
		cmd.Dir = scratch.dir
		cmd.Env = append(os.Environ(),
			"QUARKUS_HTTP_HOST=127.0.0.1", fmt.Sprintf("QUARKUS_HTTP_PORT=%d", ports[0]),
			"QUARKUS_MANAGEMENT_HOST=127.0.0.1", fmt.Sprintf("QUARKUS_MANAGEMENT_PORT=%d", ports[1]),
		)
		if r.server, err = launch("the schema registry", cmd, scratch.path("registry.log")); err != nil {
			scratch.remove()
			return nil, err
		}
		if err := r.server.await(r.ready); err != nil {
			r.server.Kill()
			scratch.remove()
			return nil, err
		}
		return r, nil
	})
}

// ready asks for the subjects, which the registry knows once its store is there.
func (r *registry) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/subjects", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s/subjects: %s", r.url, response.Status)
	}
	return nil
}

func (r *registry) stop() {
	r.server.terminate()
	r.scratch.remove()
}
