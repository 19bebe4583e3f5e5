package services

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// AWS starts a server that does as services of AWS do, and is stopped when the test ends. It returns its address as a URL, which the SDK takes as
// AWS_ENDPOINT_URL. It takes any credentials.
//
// It is moto, which keeps its state in memory.
func AWS(tb testing.TB) string {
	tb.Helper()
	a := obtain(tb, "moto", startAWS)
	tb.Cleanup(a.stop)
	return a.url
}

type aws struct {
	scratch *scratch
	server  *server
	url     string
}

func startAWS() (*aws, error) {
	python, err := artefact.PythonAWS()
	if err != nil {
		return nil, err
	}
	return onFreePorts(1, func(ports []int) (*aws, error) {
		scratch, err := newScratch()
		if err != nil {
			return nil, err
		}
		a := &aws{scratch: scratch, url: "http://" + address(ports[0])}
		cmd := exec.Command(python, "-m", "moto.server", "-H", "127.0.0.1", "-p", strconv.Itoa(ports[0]))
		cmd.Dir = scratch.dir
		cmd.Env = append(os.Environ(), "PYTHONPATH=", "PYTHONHOME=")
		if a.server, err = launch("moto", cmd, scratch.path("moto.log")); err != nil {
			scratch.remove()
			return nil, err
		}
		if err := a.server.await(a.ready); err != nil {
			a.server.Kill()
			scratch.remove()
			return nil, err
		}
		return a, nil
	})
}

func (a *aws) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/moto-api/", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s/moto-api/: %s", a.url, response.Status)
	}
	return nil
}

func (a *aws) stop() {
	a.server.terminate()
	a.scratch.remove()
}
