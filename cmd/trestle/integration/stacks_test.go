package integration_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// stack is what commands are run against: a cluster, a registry and a trace store.
type stack struct {
	dir string // of the project, whose environment stackEnvironment is the stack
	// brokers are those by which the test itself goes in, where nobody is asked who they are.
	brokers  []string
	replicas int
	store    store.Database // the commands' own
	// needs, where brokers have ACLs, are what commands need; nil: who runs them may do anything.
	needs []need
	tried map[string]bool // what was run without a right, by command and right
	// oldKey is the id of a data key that is not current any more.
	oldKey string
}

// stackEnvironment is the name of a stack's environment in trestle.yaml.
const stackEnvironment = "stack"

// stackAudit is the topic that changes are written down on.
const stackAudit = "changes"

// stackPassword is that of every user of a stack.
const stackPassword = "correct horse"

// newStack makes a project whose environment is described by settings, which begin with a newline.
func newStack(t *testing.T, dir string, brokers []string, replicas int, dsn, settings string) *stack {
	t.Helper()
	editFile(t, filepath.Join(dir, "trestle.yaml"), "schemas: schemas\n", "schemas: schemas\naudit: {topic: "+stackAudit+"}\n")
	editFile(t, filepath.Join(dir, "trestle.yaml"), "environments:\n",
		fmt.Sprintf("environments:\n  %s:\n    replication_factor: %d\n    principals: {\"*\": [\"User:service-{service}-a\", \"User:service-{service}-b\"]}\n    users: {hand_over: {file: \"logins/{service}\"}}%s\n", stackEnvironment, replicas, strings.ReplaceAll(settings, "\n", "\n    ")))
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &stack{dir: dir, brokers: brokers, replicas: replicas, store: db}
}

// embeddedStack is that of `trestle dev`.
func embeddedStack(t *testing.T) *stack {
	started, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { started.Close() })
	return newStack(t, copyProject(t), strings.Split(started.Brokers, ","), 1, started.Store,
		fmt.Sprintf("\nbrokers: [%s]\nregistry: %s\nstore: %s", started.Brokers, started.Registry, started.Store))
}

// authorizer has brokers let users do what ACLs say alone, but for those who may do everything.
func authorizer(superUsers string, more ...services.KafkaOption) []services.KafkaOption {
	return append(more, services.WithProperty("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
		services.WithProperty("allow.everyone.if.no.acl.found", "false"), services.WithProperty("super.users", superUsers))
}

// plainStack is one broker of Kafka, a registry and a store that ask nobody who they are.
func plainStack(t *testing.T) *stack {
	brokers, dsn := services.Kafka(t, authorizer("User:ANONYMOUS")...).Brokers(), services.Postgres(t)
	return newStack(t, copyProject(t), brokers, 1, dsn,
		fmt.Sprintf("\nbrokers: [%s]\nregistry: %s\nstore: %s", strings.Join(brokers, ", "), services.Registry(t), dsn))
}

// securedStack is three brokers that ask for TLS and SCRAM, and let users do what ACLs say alone; a registry that asks for TLS and a password; and a store that
// asks for a password.
func securedStack(t *testing.T) *stack {
	authority := services.NewAuthority(t)
	server := authority.Issue("server", time.Now().Add(24*time.Hour), "127.0.0.1")
	kafka := services.Kafka(t, authorizer("User:ANONYMOUS", services.WithNodes(3), services.WithListener("SECURE", "SASL_SSL", map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.location": server.Both, "sasl.enabled.mechanisms": "SCRAM-SHA-512",
		"scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
	}))...)
	dsn := services.OwnPostgres(t)
	user := dsn.WithUser("orders", stackPassword)
	dir := copyProject(t)
	secret := filepath.Join(dir, "secret")
	writeFile(t, secret, stackPassword+"\n")
	s := newStack(t, dir, kafka.Brokers(), 3, dsn.DSN(), fmt.Sprintf(`
brokers: [%[1]s]
tls: {ca: %[2]s}
sasl: {mechanism: SCRAM-SHA-512, user: orders, password: {file: secret}}
registry: %[3]s
registry_tls: {ca: %[2]s}
registry_auth: {user: orders, password: {command: [cat, %[4]s]}}
store: %[5]s
store_password: {file: secret}`, strings.Join(kafka.Listener("SECURE"), ", "), authority.File, guardedRegistry(t, server, func(r *http.Request) bool {
		user, given, _ := r.BasicAuth()
		return user == "orders" && given == stackPassword
	}), secret, user))
	s.needs, s.tried = readNeeds(t), map[string]bool{}
	setRights(t, s.brokers, s.needs)
	return s
}

// tokenStack is one broker that asks for the tokens of an issuer, and a registry that asks for one, too.
func tokenStack(t *testing.T) *stack {
	authority, issuer := services.NewAuthority(t), services.NewIssuer(t)
	server := authority.Issue("server", time.Now().Add(24*time.Hour), "127.0.0.1")
	properties := issuer.Properties()
	properties["ssl.keystore.type"], properties["ssl.keystore.location"] = "PEM", server.Both
	kafka := services.Kafka(t, authorizer("User:ANONYMOUS;User:"+issuer.ClientID,
		services.WithListener("SECURE", "SASL_SSL", properties), services.WithJVMFlag(issuer.JVMFlag()))...)
	dsn, dir := services.Postgres(t), copyProject(t)
	const token = "a token of the registry's"
	writeFile(t, filepath.Join(dir, "secret"), issuer.ClientSecret+"\n")
	writeFile(t, filepath.Join(dir, "token"), token+"\n")
	return newStack(t, dir, kafka.Brokers(), 1, dsn, fmt.Sprintf(`
brokers: [%[1]s]
tls: {ca: %[2]s}
sasl:
  mechanism: OAUTHBEARER
  oauth: {token_url: %[3]s, client_id: %[4]s, client_secret: {file: secret}, scopes: [kafka]}
registry: %[5]s
registry_tls: {ca: %[2]s}
registry_auth: {token: {file: token}}
store: %[6]s`, kafka.Listener("SECURE")[0], authority.File, issuer.TokenURL, issuer.ClientID,
		guardedRegistry(t, server, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+token }), dsn))
}

// guardedRegistry is a registry of the test's own behind a server that speaks TLS and lets in whom it may.
func guardedRegistry(t *testing.T, c services.Certificate, may func(*http.Request) bool) string {
	t.Helper()
	behind, err := url.Parse(services.Registry(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !may(r) {
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
