package kafka_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// guarded is a cluster that lets nobody in but on what its listeners ask for.
type guarded struct {
	cluster   *services.KafkaCluster
	authority *services.Authority
	client    services.Certificate
	issuer    *services.Issuer
}

const (
	scramPassword = "correct horse"
	plainPassword = "battery staple"
)

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{authority: services.NewAuthority(t), issuer: services.NewIssuer(t)}
	tomorrow := time.Now().Add(24 * time.Hour)
	server := g.authority.Issue("kafka", tomorrow, "127.0.0.1", "localhost")
	g.client = g.authority.Issue("orders", tomorrow)
	tls := map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.location": server.Both,
		"ssl.truststore.type": "PEM", "ssl.truststore.location": g.authority.File,
	}
	mutual := map[string]string{"ssl.client.auth": "required"}
	sasl := g.issuer.Properties()
	for name, value := range map[string]string{
		"sasl.enabled.mechanisms":        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"plain.sasl.jaas.config":         `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="` + plainPassword + `";`,
		"scram-sha-256.sasl.jaas.config": `org.apache.kafka.common.security.scram.ScramLoginModule required;`,
		"scram-sha-512.sasl.jaas.config": `org.apache.kafka.common.security.scram.ScramLoginModule required;`,
	} {
		sasl[name] = value
	}
	for name, value := range tls {
		mutual[name], sasl[name] = value, value
	}
	g.cluster = services.Kafka(t,
		services.WithListener("MUTUAL", "SSL", mutual),
		services.WithListener("SECURE", "SASL_SSL", sasl),
		services.WithJVMFlag(g.issuer.JVMFlag()),
	)
	client, err := kafka.Connection{Brokers: g.cluster.Brokers()}.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	g.setScram(t, kadm.NewClient(client), scramPassword)
	return g
}

func (g *guarded) setScram(t *testing.T, admin *kadm.Client, password string) {
	t.Helper()
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		answered, err := admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{User: "bob", Mechanism: mechanism, Password: password}})
		if err == nil {
			err = answered.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (g *guarded) trusting() *secure.TLS { return &secure.TLS{CA: g.authority.File} }

// Each way to say who one is lets in who says it right, and tells others, in seconds, what is wrong and what to do.
func TestSecuredConnections(t *testing.T) {
	g := newGuarded(t)
	stranger := services.NewAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	strangers := stranger.Issue("mallory", tomorrow)
	t.Setenv("TRESTLE_TEST_PASSWORD", scramPassword)
	file := func(text string) secure.Secret {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return secure.Secret{File: path}
	}
	env := secure.Secret{Env: "TRESTLE_TEST_PASSWORD"}
	wrong := secure.Value("wrong")
	credentials := func(secret secure.Secret) *kafka.ClientCredentials {
		return &kafka.ClientCredentials{TokenURL: g.issuer.TokenURL, ClientID: g.issuer.ClientID, ClientSecret: secret, Scopes: []string{"kafka"}}
	}
	registry := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(registry.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	secured, mutual, open := g.cluster.Listener("SECURE"), g.cluster.Listener("MUTUAL"), g.cluster.Brokers()
	for _, c := range []struct {
		name    string
		brokers []string
		tls     *secure.TLS
		sasl    *kafka.SASL
		wrong   string // what the error says; empty: it is let in
	}{
		{"plain", open, nil, nil, ""},
		{"PLAIN", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.Plain, User: "alice", Password: file(plainPassword)}, ""},
		{"SCRAM 256", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.ScramSHA256, User: "bob", Password: env}, ""},
		{"SCRAM 512", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.ScramSHA512, User: "bob", Password: secure.Secret{Command: []string{"printf", "%s", scramPassword}}}, ""},
		{"SCRAM 512, both in one place", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.ScramSHA512, Login: file("bob:" + scramPassword)}, ""},
		{"client credentials", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.OAuthBearer, OAuth: credentials(secure.Value(g.issuer.ClientSecret))}, ""},
		{"a token in a file", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.OAuthBearer, Token: file(g.issuer.Token(time.Hour))}, ""},
		{"client certificate", mutual, &secure.TLS{CA: g.authority.File, Cert: g.client.Cert, Key: g.client.Key}, nil, ""},
		{"another name", mutual, &secure.TLS{CA: g.authority.File, Cert: g.client.Cert, Key: g.client.Key, ServerName: "localhost"}, nil, ""},

		{"wrong password", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.ScramSHA512, User: "bob", Password: wrong}, "SASL_AUTHENTICATION_FAILED"},
		{"wrong user", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.Plain, User: "eve", Password: file(plainPassword)}, "are user and password"},
		{"unset password", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.ScramSHA512, User: "bob", Password: secure.Secret{Env: "TRESTLE_TEST_UNSET"}}, "environment variable TRESTLE_TEST_UNSET is not set"},
		{"a login without a user", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.ScramSHA512, Login: file(scramPassword)}, "holds no user:password"},
		{"expired token", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.OAuthBearer, Token: file(g.issuer.Token(-time.Hour))}, "or the token"},
		{"wrong client secret", secured, g.trusting(), &kafka.SASL{Mechanism: kafka.OAuthBearer, OAuth: credentials(wrong)}, "get a token from " + g.issuer.URL},
		{"no SASL", secured, g.trusting(), nil, "(SASL)"},
		{"no client certificate", mutual, g.trusting(), nil, "does the server ask for a client's certificate"},
		{"a stranger's client certificate", mutual, &secure.TLS{CA: g.authority.File, Cert: strangers.Cert, Key: strangers.Key}, nil, "does the server ask for a client's certificate"},
		{"unknown authority", secured, &secure.TLS{CA: stranger.File}, nil, "give the file of the authority that signed it"},
		{"wrong name", secured, &secure.TLS{CA: g.authority.File, ServerName: "example.org"}, nil, "connect by one of its names"},
		{"TLS to a plain port", open, g.trusting(), nil, "is it a plain port?"},
		{"plain to a TLS port", secured, nil, nil, "TLS"},
		{"plain with a password to a TLS port", secured, nil, &kafka.SASL{Mechanism: kafka.Plain, User: "alice", Password: file(plainPassword)}, "TLS"},
		{"a registry", []string{registry.Listener.Addr().String()}, nil, nil, "is it a registry?"},
		{"nobody", []string{closed.Addr().String()}, nil, nil, "is `trestle dev` running, or the cluster at another address?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := kafka.Connection{Brokers: c.brokers}.Secured(c.tls, c.sasl)
			if err != nil {
				t.Fatal(err)
			}
			err = conn.Check(t.Context())
			for _, secret := range []string{scramPassword, plainPassword, g.issuer.ClientSecret} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a secret: %v", err)
				}
			}
			switch {
			case c.wrong == "" && err != nil:
				t.Error(err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), c.brokers[0])):
				t.Errorf("got %v, want an error of %s that says %q", err, c.brokers[0], c.wrong)
			}
		})
	}
}

// A client goes on with a password and certificates that were changed while it ran.
func TestSecretsChangeWithoutARestart(t *testing.T) {
	g := newGuarded(t)
	password := filepath.Join(t.TempDir(), "password")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(password, scramPassword)
	conn, err := kafka.Connection{Brokers: g.cluster.Listener("SECURE")}.Secured(g.trusting(),
		&kafka.SASL{Mechanism: kafka.ScramSHA512, User: "bob", Password: secure.Secret{File: password}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	client, err := kafka.Connection{Brokers: g.cluster.Brokers()}.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	g.setScram(t, kadm.NewClient(client), "another")
	eventually(t, "the old password is refused", func(ctx context.Context) bool { return conn.Check(ctx) != nil })
	write(password, "another")
	eventually(t, "the new one is taken up", func(ctx context.Context) bool { return conn.Check(ctx) == nil })
}

func eventually(t *testing.T, what string, holds func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !holds(ctx) {
		if err := kafka.Sleep(ctx, 100*time.Millisecond); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}
