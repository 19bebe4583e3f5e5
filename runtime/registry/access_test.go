package registry_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

const (
	password = "correct-horse"
	token    = "battery-staple"
)

// guard lets in who has the password or the token, and nobody named mallory.
func guard(w http.ResponseWriter, r *http.Request) {
	user, given, _ := r.BasicAuth()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case user == "mallory":
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"error_code":40301,"message":"Forbidden"}`)
	case r.Header.Get("Authorization") == "Bearer "+token, user == "bob" && given == password:
		io.WriteString(w, `["JSON"]`)
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func TestAccess(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	plain := httptest.NewServer(http.HandlerFunc(guard))
	t.Cleanup(plain.Close)
	authority, stranger := services.NewAuthority(t), services.NewAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	served, client := authority.Issue("registry", tomorrow, "127.0.0.1"), authority.Issue("orders", tomorrow)
	pair, err := tls.LoadX509KeyPair(served.Cert, served.Key)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(authority.File)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(pem)
	mutual := httptest.NewUnstartedServer(http.HandlerFunc(guard))
	mutual.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	mutual.Config.ErrorLog = quiet
	mutual.StartTLS()
	t.Cleanup(mutual.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(elsewhere.Close)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	bob := registry.WithCredentials(registry.Credentials{User: "bob", Password: secure.Value(password)})
	trusting := registry.WithTLS(secure.TLS{CA: authority.File, Cert: client.Cert, Key: client.Key})
	for _, c := range []struct {
		name    string
		address string
		opts    []registry.Option
		wrong   string // what the error says; empty: it is let in
	}{
		{"user and password", plain.URL, []registry.Option{bob}, ""},
		{"in the address", strings.Replace(plain.URL, "://", "://bob:"+password+"@", 1), nil, ""},
		{"token", plain.URL + "/", []registry.Option{registry.WithCredentials(registry.Credentials{Token: secure.Value(token)})}, ""},
		{"client certificate", mutual.URL, []registry.Option{bob, trusting}, ""},

		{"nobody in particular", plain.URL, nil, "does the registry know that user"},
		{"wrong password", plain.URL, []registry.Option{registry.WithCredentials(registry.Credentials{User: "bob", Password: secure.Value("wrong")})}, "401 Unauthorized"},
		{"wrong password in the address", strings.Replace(plain.URL, "://", "://bob:hunter2@", 1), nil, "401 Unauthorized"},
		{"not allowed", plain.URL, []registry.Option{registry.WithCredentials(registry.Credentials{User: "mallory", Password: secure.Value(password)})}, "may that user do that there?"},
		{"unset password", plain.URL, []registry.Option{registry.WithCredentials(registry.Credentials{User: "bob", Password: secure.Secret{Env: "TRESTLE_TEST_UNSET"}})}, "TRESTLE_TEST_UNSET is not set"},
		{"no client certificate", mutual.URL, []registry.Option{bob, registry.WithTLS(secure.TLS{CA: authority.File})}, "does the server ask for a client's certificate"},
		{"unknown authority", mutual.URL, []registry.Option{bob, registry.WithTLS(secure.TLS{CA: stranger.File})}, "give the file of the authority that signed it"},
		{"TLS to a plain port", strings.Replace(plain.URL, "http:", "https:", 1), []registry.Option{bob, trusting}, "is it a plain port?"},
		{"plain to a TLS port", strings.Replace(mutual.URL, "https:", "http:", 1), []registry.Option{bob}, "is that a Schema Registry?"},
		{"a Kafka broker", "http://" + cluster.ListenAddrs()[0], nil, "is it a Kafka broker"},
		{"another server", elsewhere.URL, nil, "it answered 502 Bad Gateway: is the registry, and what stands before it, well?"},
		{"nothing", "http://" + closed.Addr().String(), nil, "is `trestle dev` running"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := registry.New(c.address, c.opts...)
			if err != nil {
				t.Fatal(err)
			}
			err = client.Check(t.Context())
			if c.wrong == "" {
				if err != nil {
					t.Error(err)
				}
				if _, err := client.Versions(t.Context(), "orders-value"); err != nil && strings.Contains(err.Error(), password) {
					t.Errorf("the error tells the password: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Fatalf("got %v, want an error that says %q", err, c.wrong)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, latest := client.Latest(ctx, "orders-value")
			for _, secret := range []string{password, token, "hunter2"} {
				if text := err.Error() + latest.Error(); strings.Contains(text, secret) {
					t.Errorf("an error tells a secret: %s", text)
				}
			}
		})
	}
}

func TestAccessThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		address string
		opt     registry.Option
		want    string
	}{
		{"http://bob:hunter2@reg istry", nil, "not an address"},
		{"http://registry", registry.WithCredentials(registry.Credentials{}), "need a user, or a token"},
		{"http://registry", registry.WithCredentials(registry.Credentials{User: "bob", Token: secure.Value(token)}), "not both"},
		{"http://registry", registry.WithCredentials(registry.Credentials{User: "bob"}), "stands in one place"},
		{"https://registry", registry.WithTLS(secure.TLS{CA: filepath.Join(t.TempDir(), "none")}), "no such file"},
	} {
		var opts []registry.Option
		if c.opt != nil {
			opts = append(opts, c.opt)
		}
		_, err := registry.New(c.address, opts...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error that says %q", c.address, err, c.want)
		}
	}
}
