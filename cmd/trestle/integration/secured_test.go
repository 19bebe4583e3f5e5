package integration_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestCommandsOnASecuredCluster does with the command line what a project needs, on a cluster that takes TLS and a password alone, a registry behind both,
// and a database with a password: all that trestle.yaml says of it, and no secret of it.
func TestCommandsOnASecuredCluster(t *testing.T) {
	t.Parallel()
	const password = "correct horse"
	authority := services.NewAuthority(t)
	server := authority.Issue("server", time.Now().Add(24*time.Hour), "127.0.0.1")
	kafka := services.Kafka(t, services.WithListener("SECURE", "SASL_SSL", map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.location": server.Both, "sasl.enabled.mechanisms": "PLAIN",
		"plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required user_orders="` + password + `";`,
	}))
	registry := guardedRegistry(t, server, password)
	store := services.OwnPostgres(t).WithUser("orders", password)

	dir := copyProject(t)
	writeFile(t, filepath.Join(dir, "secret"), password+"\n")
	writeFile(t, filepath.Join(dir, "wrong"), "wrong\n")
	text, err := os.ReadFile(filepath.Join(dir, "trestle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "trestle.yaml"), string(text)+fmt.Sprintf(`  secured:
    brokers: [%[1]s]
    tls: {ca: %[2]s}
    sasl: {mechanism: PLAIN, user: orders, password: {file: secret}}
    registry: %[3]s
    registry_tls: {ca: %[2]s}
    registry_auth: {user: orders, password: {command: [cat, %[4]s]}}
    store: %[5]s
    store_password: {file: secret}
    replication_factor: 1
`, kafka.Listener("SECURE")[0], authority.File, registry, filepath.Join(dir, "secret"), store))

	env := []string{"--env", "secured"}
	run := func(status int, args ...string) string {
		t.Helper()
		return trestleRun(t, dir, status, append(args, env...)...)
	}
	run(0, "topics", "apply")
	if list := run(0, "topics", "list", "--json"); !strings.Contains(list, "omninode_codegen_request_analyze_v1") {
		t.Errorf("the topics are not there: %s", list)
	}
	run(0, "register", "--json")
	sample := filepath.Join(project, "cmd/trestle/demo/samples/service_lifecycle_stopped.json")
	sample, err = filepath.Abs(sample)
	if err != nil {
		t.Fatal(err)
	}
	run(0, "publish", "service.lifecycle.stopped", "-f", sample)
	run(0, "trace", "run", "--until-end", "--json")
	run(0, "check", "--against", "registry:omninode_codegen_request_analyze_v1-value")

	begun := time.Now()
	cmd := []string{"topics", "list", "--env", "secured", "--sasl-password-file", filepath.Join(dir, "wrong")}
	if said := trestleFails(t, dir, 2, cmd...); !strings.Contains(said, "are user and password") || strings.Contains(said, password) {
		t.Errorf("with a wrong password: %s", said)
	}
	if said := trestleFails(t, dir, 2, "register", "--env", "secured", "--registry-password-file", filepath.Join(dir, "wrong")); !strings.Contains(said, "401 Unauthorized") {
		t.Errorf("with a wrong password of the registry: %s", said)
	}
	if said := trestleFails(t, dir, 2, "trace", "session", "7c9e6679-7425-40de-944b-e07fc1f90ae7", "--env", "secured", "--store-password-file", filepath.Join(dir, "wrong")); !strings.Contains(said, "password authentication failed") {
		t.Errorf("with a wrong password of the store: %s", said)
	}
	t.Logf("three wrong passwords were told in %v", time.Since(begun).Round(time.Millisecond))
}

// guardedRegistry is a registry behind a server that speaks TLS and asks for a password.
func guardedRegistry(t *testing.T, c services.Certificate, password string) string {
	t.Helper()
	behind, err := url.Parse(services.SharedRegistry(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, given, _ := r.BasicAuth(); user != "orders" || given != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization")
		proxy.ServeHTTP(w, r)
	}))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	front.StartTLS()
	t.Cleanup(front.Close)
	return front.URL
}
