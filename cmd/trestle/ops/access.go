package ops

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/secure"
	"go.yaml.in/yaml/v3"
)

// TLSSettings say how connections are encrypted. Without any of them the system's authorities are trusted, and no certificate is shown. Files are relative
// to trestle.yaml.
type TLSSettings struct {
	// CA is a file of the authorities that are trusted instead of the system's.
	CA string `yaml:"ca"`
	// Cert and Key are files of the certificate that is shown, and of its key.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// ServerName is the name that the server's certificate has to be for, where that is not the host's.
	ServerName string `yaml:"server_name"`
}

// SASLSettings say who a client is to brokers.
type SASLSettings struct {
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM.
	Mechanism string `yaml:"mechanism"`
	User      string `yaml:"user"`
	Password  Secret `yaml:"password"`
	// Login has both of them in one place, as user:password, so that they change together.
	Login Secret `yaml:"login"`
	// Token is that of OAUTHBEARER; without it OAuth says where to get one.
	Token Secret         `yaml:"token"`
	OAuth *OAuthSettings `yaml:"oauth"`
}

// OAuthSettings say where a client gets its tokens.
type OAuthSettings struct {
	TokenURL     string       `yaml:"token_url"`
	ClientID     string       `yaml:"client_id"`
	ClientSecret Secret       `yaml:"client_secret"`
	Scopes       []string     `yaml:"scopes"`
	TLS          *TLSSettings `yaml:"tls"`
}

// RegistryAuth says who a client is to a registry: a user and a password, or a token.
type RegistryAuth struct {
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
	Token    Secret `yaml:"token"`
}

// Secret is where a secret stands, in trestle.yaml: {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT…]}.
type Secret struct{ secure.Secret }

// UnmarshalYAML implements [yaml.Unmarshaler]. Its errors do not repeat what stands there: it may be a secret.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error {
	wrong := func(n *yaml.Node, format string, args ...any) error {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
	}
	if node.Kind != yaml.MappingNode {
		return wrong(node, "a secret does not stand here itself: say {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT, …]}")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		var err error
		switch key.Value {
		case "env":
			err = value.Decode(&s.Env)
		case "file":
			err = value.Decode(&s.File)
		case "command":
			err = value.Decode(&s.Command)
		default:
			return wrong(key, "unknown key %s: a secret has env, file or command", key.Value)
		}
		if err != nil {
			return wrong(value, "%s has another form: env and file are text, command is a list of texts", key.Value)
		}
	}
	if err := s.Check(); err != nil {
		return wrong(node, "%v", err)
	}
	return nil
}

// at makes a file relative to trestle.yaml absolute.
func (p *Project) at(file *string) {
	if *file != "" && !filepath.IsAbs(*file) {
		*file = p.Path(*file)
	}
}

// placed returns the settings with their files' places.
func (t *TLSSettings) placed(p *Project) *TLSSettings {
	if t == nil {
		return nil
	}
	c := *t
	for _, file := range []*string{&c.CA, &c.Cert, &c.Key} {
		p.at(file)
	}
	return &c
}

// placed returns who the client is, with the secrets' places.
func (a *RegistryAuth) placed(p *Project) *RegistryAuth {
	if a == nil {
		return nil
	}
	c := *a
	p.at(&c.Password.File)
	p.at(&c.Token.File)
	return &c
}

// placeFiles has what an environment says of files be relative to trestle.yaml. What is shared with the project's configuration stays as it is.
func (e *Environment) placeFiles(p *Project) {
	e.TLS, e.RegistryTLS = e.TLS.placed(p), e.RegistryTLS.placed(p)
	if e.SASL != nil {
		sasl := *e.SASL
		p.at(&sasl.Password.File)
		p.at(&sasl.Token.File)
		p.at(&sasl.Login.File)
		if sasl.OAuth != nil {
			oauth := *sasl.OAuth
			p.at(&oauth.ClientSecret.File)
			oauth.TLS = oauth.TLS.placed(p)
			sasl.OAuth = &oauth
		}
		e.SASL = &sasl
	}
	e.RegistryAuth = e.RegistryAuth.placed(p)
	e.Registries = slices.Clone(e.Registries)
	for i, r := range e.Registries {
		e.Registries[i].RegistryTLS, e.Registries[i].RegistryAuth = r.RegistryTLS.placed(p), r.RegistryAuth.placed(p)
	}
	p.at(&e.StorePassword.File)
	e.Encryption = e.Encryption.placed(p)
}

// Access is what flags say of TLS and of who a client is. Files are relative to the working directory. Secrets stand in files, or in variables.
// Variables stand between flags and trestle.yaml: TRESTLE_TLS, TRESTLE_TLS_CA and so on; those of a secret's file have the secret itself without _FILE.
type Access struct {
	TLS                                                      bool
	TLSCA, TLSCert, TLSKey, TLSServerName                    string
	SASLMechanism, SASLUser, SASLPasswordFile, SASLTokenFile string
	RegistryUser, RegistryPasswordFile, RegistryTokenFile    string
	RegistryCA, RegistryCert, RegistryKey, StorePasswordFile string
}

// secretOf is where a secret stands by a flag, or else by variables: name has the secret itself, name_FILE its file.
func secretOf(file string, variable func(string) string, name string) Secret {
	switch file = cmp.Or(file, variable(name+"_FILE")); {
	case file != "":
		return Secret{secure.Secret{File: file}}
	case variable(name) != "":
		return Secret{secure.Secret{Env: name}}
	}
	return Secret{}
}

// override sets what flags or variables say otherwise.
func (e *Environment) override(a Access, variable func(string) string) error {
	on, err := a.TLS, error(nil)
	switch text := variable("TRESTLE_TLS"); strings.ToLower(text) {
	case "", "0", "false", "no":
	case "1", "true", "yes":
		on = true
	default:
		err = fmt.Errorf("TRESTLE_TLS is %q, want true or false", text)
	}
	tls := TLSSettings{
		cmp.Or(a.TLSCA, variable("TRESTLE_TLS_CA")), cmp.Or(a.TLSCert, variable("TRESTLE_TLS_CERT")),
		cmp.Or(a.TLSKey, variable("TRESTLE_TLS_KEY")), cmp.Or(a.TLSServerName, variable("TRESTLE_TLS_SERVER_NAME")),
	}
	e.TLS = e.TLS.with(tls, on)
	e.RegistryTLS = e.RegistryTLS.with(TLSSettings{
		CA: cmp.Or(a.RegistryCA, variable("TRESTLE_REGISTRY_CA")), Cert: cmp.Or(a.RegistryCert, variable("TRESTLE_REGISTRY_CERT")),
		Key: cmp.Or(a.RegistryKey, variable("TRESTLE_REGISTRY_KEY")),
	}, false)

	mechanism, user := cmp.Or(a.SASLMechanism, variable("TRESTLE_SASL_MECHANISM")), cmp.Or(a.SASLUser, variable("TRESTLE_SASL_USER"))
	password, token := secretOf(a.SASLPasswordFile, variable, "TRESTLE_SASL_PASSWORD"), secretOf(a.SASLTokenFile, variable, "TRESTLE_SASL_TOKEN")
	if mechanism != "" || user != "" || !password.IsZero() || !token.IsZero() {
		sasl := SASLSettings{}
		if e.SASL != nil {
			sasl = *e.SASL
		}
		sasl.Mechanism, sasl.User = cmp.Or(mechanism, sasl.Mechanism), cmp.Or(user, sasl.User)
		if !password.IsZero() {
			sasl.Password = password
		}
		if user != "" || !password.IsZero() || !token.IsZero() {
			sasl.Login = Secret{}
		}
		if !token.IsZero() {
			sasl.Token, sasl.OAuth = token, nil
		}
		e.SASL = &sasl
	}

	user = cmp.Or(a.RegistryUser, variable("TRESTLE_REGISTRY_USER"))
	password, token = secretOf(a.RegistryPasswordFile, variable, "TRESTLE_REGISTRY_PASSWORD"), secretOf(a.RegistryTokenFile, variable, "TRESTLE_REGISTRY_TOKEN")
	switch {
	case !token.IsZero():
		e.RegistryAuth = &RegistryAuth{Token: token}
	case user != "" || !password.IsZero():
		auth := RegistryAuth{}
		if e.RegistryAuth != nil {
			auth = *e.RegistryAuth
		}
		auth.User, auth.Token = cmp.Or(user, auth.User), Secret{}
		if !password.IsZero() {
			auth.Password = password
		}
		e.RegistryAuth = &auth
	}
	if secret := secretOf(a.StorePasswordFile, variable, "TRESTLE_STORE_PASSWORD"); !secret.IsZero() {
		e.StorePassword = secret
	}
	return err
}

// with returns the settings with what stands in front of them, nil where there is nothing and they are not switched on.
func (t *TLSSettings) with(front TLSSettings, on bool) *TLSSettings {
	if t == nil && !on && front == (TLSSettings{}) {
		return nil
	}
	if t == nil {
		return &front
	}
	c := TLSSettings{cmp.Or(front.CA, t.CA), cmp.Or(front.Cert, t.Cert), cmp.Or(front.Key, t.Key), cmp.Or(front.ServerName, t.ServerName)}
	return &c
}

func (t *TLSSettings) secure() *secure.TLS {
	if t == nil {
		return nil
	}
	return &secure.TLS{CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName}
}

func (s *SASLSettings) kafka() *kafka.SASL {
	if s == nil {
		return nil
	}
	out := &kafka.SASL{Mechanism: s.Mechanism, User: s.User, Password: s.Password.Secret, Login: s.Login.Secret, Token: s.Token.Secret}
	if o := s.OAuth; o != nil {
		out.OAuth = &kafka.ClientCredentials{
			TokenURL: o.TokenURL, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Secret, Scopes: slices.Clone(o.Scopes), TLS: o.TLS.secure(),
		}
	}
	return out
}

// connection says how the environment's cluster is reached. It contacts nothing.
func (e Environment) connection() (kafka.Connection, error) {
	if err := e.needBrokers(); err != nil {
		return kafka.Connection{}, err
	}
	conn, err := kafka.Connection{Brokers: e.Brokers}.Secured(e.TLS.secure(), e.SASL.kafka())
	if err != nil {
		return conn, fmt.Errorf("brokers %s: %w", strings.Join(e.Brokers, ","), err)
	}
	return conn, nil
}

// connect says how the environment's cluster is reached, once it has let the client in. What stands in the way it says within seconds.
func (e Environment) connect(ctx context.Context) (kafka.Connection, error) {
	conn, err := e.connection()
	if err != nil {
		return conn, err
	}
	return conn, conn.Check(ctx)
}

// registryOptions are those by which the environment's registry lets the client in.
func (e Environment) registryOptions() []registry.Option {
	var opts []registry.Option
	if e.RegistryTLS != nil {
		opts = append(opts, registry.WithTLS(*e.RegistryTLS.secure()))
	}
	if a := e.RegistryAuth; a != nil {
		opts = append(opts, registry.WithCredentials(registry.Credentials{User: a.User, Password: a.Password.Secret, Token: a.Token.Secret}))
	}
	if e.RegistryNormalize {
		opts = append(opts, registry.WithNormalization())
	}
	return opts
}
