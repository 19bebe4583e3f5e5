package ops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/runtime/secure"
)

// projectWith returns a project whose trestle.yaml says this.
func projectWith(t *testing.T, yaml string) (*Project, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(dir)
}

const production = `environments:
  production:
    brokers: [b1.internal:9093]
    tls: {ca: certs/ca.pem, cert: /etc/orders.pem, key: keys/orders.pem}
    sasl: {mechanism: SCRAM-SHA-512, user: orders, password: {file: secrets/kafka}}
    registry: https://registry.internal
    registry_tls: {ca: certs/ca.pem}
    registry_auth: {user: orders, password: {command: [pass, show, registry]}}
    store: postgres://orders@db.internal/traces
    store_password: {env: PGPASSWORD}
  tokens:
    brokers: [b1.internal:9093]
    tls: {}
    sasl:
      mechanism: OAUTHBEARER
      oauth: {token_url: https://idp.internal/token, client_id: orders, client_secret: {file: secrets/idp}, scopes: [kafka]}
`

func TestAccessOfAnEnvironment(t *testing.T) {
	p, err := projectWith(t, production)
	if err != nil {
		t.Fatal(err)
	}
	env, err := p.Environment(Addresses{Environment: "production"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&TLSSettings{CA: p.Path("certs/ca.pem"), Cert: "/etc/orders.pem", Key: p.Path("keys/orders.pem")}, env.TLS); diff != "" {
		t.Error(diff)
	}
	if got, want := env.SASL.Password.File, p.Path("secrets/kafka"); got != want || env.SASL.User != "orders" {
		t.Errorf("password in %s of user %s, want %s", got, env.SASL.User, want)
	}
	if diff := cmp.Diff([]string{"pass", "show", "registry"}, env.RegistryAuth.Password.Command); diff != "" || env.StorePassword.Env != "PGPASSWORD" {
		t.Errorf("registry and store: %s, %v", diff, env.StorePassword)
	}
	if again, _ := p.Environment(Addresses{Environment: "production"}); again.SASL.Password.File != env.SASL.Password.File {
		t.Errorf("asked again, the file is %s", again.SASL.Password.File)
	}

	env, err = p.Environment(Addresses{Environment: "tokens"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := env.connection()
	if err != nil {
		t.Fatal(err)
	}
	if conn.Dial == nil || len(conn.SASL) != 1 || conn.SASL[0].Name() != "OAUTHBEARER" || env.SASL.OAuth.ClientSecret.File != p.Path("secrets/idp") {
		t.Errorf("got %+v by %+v", conn, env.SASL.OAuth)
	}
}

func TestFlagsAndVariablesStandInFront(t *testing.T) {
	p, err := projectWith(t, production)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{
		"TRESTLE_SASL_USER": "billing", "TRESTLE_SASL_PASSWORD": "hunter2", "TRESTLE_TLS_CA": "other.pem",
		"TRESTLE_REGISTRY_TOKEN_FILE": "token", "TRESTLE_STORE_PASSWORD": "hunter2",
	}
	env, err := p.Environment(Addresses{
		Environment: "production", Variable: func(name string) string { return variables[name] },
		Access: Access{SASLUser: "shipping", TLSKey: "flag.pem"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if env.SASL.User != "shipping" || env.SASL.Mechanism != "SCRAM-SHA-512" || env.SASL.Password.Env != "TRESTLE_SASL_PASSWORD" || env.SASL.Password.File != "" {
		t.Errorf("SASL: %+v", env.SASL)
	}
	if diff := cmp.Diff(&TLSSettings{CA: "other.pem", Cert: "/etc/orders.pem", Key: "flag.pem"}, env.TLS); diff != "" {
		t.Error(diff)
	}
	if env.RegistryAuth.Token.File != "token" || env.RegistryAuth.User != "" || env.StorePassword.Env != "TRESTLE_STORE_PASSWORD" {
		t.Errorf("registry %+v, store %v", env.RegistryAuth, env.StorePassword)
	}

	env, err = p.Environment(Addresses{Brokers: "b:9093", Variable: func(name string) string { return map[string]string{"TRESTLE_TLS": "true"}[name] }})
	if err != nil || env.TLS == nil {
		t.Errorf("TRESTLE_TLS=true: %+v, %v", env.TLS, err)
	}
	if _, err = p.Environment(Addresses{Variable: func(name string) string { return map[string]string{"TRESTLE_TLS": "maybe"}[name] }}); err == nil || !strings.Contains(err.Error(), `TRESTLE_TLS is "maybe"`) {
		t.Errorf("TRESTLE_TLS=maybe: %v", err)
	}
	if env, err = p.Environment(Addresses{Brokers: "b:9092"}); err != nil || env.TLS != nil || env.SASL != nil || env.RegistryAuth != nil {
		t.Errorf("nothing said: %+v, %v", env, err)
	}
}

// Mistakes are told with their line, and never with what may be a secret.
func TestMistakesOfAccess(t *testing.T) {
	for line, want := range map[string]string{
		"sasl: {mechanism: PLAIN, user: a, password: hunter2}":                 ":3: a secret does not stand here itself",
		"sasl: {mechanism: PLAIN, user: a, password: [hunter2]}":               ":3: a secret does not stand here itself",
		"sasl: {mechanism: PLAIN, user: a, password: {value: hunter2}}":        ":3: unknown key value: a secret has env, file or command",
		"sasl: {mechanism: PLAIN, user: a, password: {env: [hunter2]}}":        ":3: env has another form",
		"sasl: {mechanism: PLAIN, user: a, password: {command: hunter2}}":      ":3: command has another form",
		"sasl: {mechanism: PLAIN, user: a, password: {env: A, file: hunter2}}": ":3: a secret stands in one place, got 2",
		"sasl: {mechanism: PLAIN, user: a, password: {}}":                      ":3: a secret stands in one place, got 0",
		"sasl: {mechanism: PLAIN, usr: a}":                                     ":3: unknown key usr",
		"tls: {cafile: hunter2}":                                               ":3: unknown key cafile",
		"store_password: hunter2":                                              ":3: a secret does not stand here itself",
	} {
		_, err := projectWith(t, "environments:\n  production:\n    "+line+"\n")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error that says %q", line, err, want)
		}
	}
	for _, c := range []struct {
		env  Environment
		want string
	}{
		{Environment{SASL: &SASLSettings{Mechanism: "GSSAPI"}}, `unknown SASL mechanism "GSSAPI"`},
		{Environment{SASL: &SASLSettings{Mechanism: "PLAIN"}}, "PLAIN needs a user"},
		{Environment{SASL: &SASLSettings{Mechanism: "PLAIN", User: "a"}}, "password of user a: a secret stands in one place"},
		{Environment{SASL: &SASLSettings{Mechanism: "OAUTHBEARER"}}, "needs one of: where its token stands"},
		{Environment{SASL: &SASLSettings{Mechanism: "OAUTHBEARER", User: "a", Token: Secret{secure.Value("t")}}}, "takes a token, and no user"},
		{Environment{TLS: &TLSSettings{CA: "none.pem"}}, "none.pem"},
	} {
		c.env.Brokers = []string{"b1.internal:9093"}
		if _, err := c.env.connection(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "b1.internal:9093") {
			t.Errorf("%+v: got %v, want an error that says %q", c.env, err, c.want)
		}
	}
}
