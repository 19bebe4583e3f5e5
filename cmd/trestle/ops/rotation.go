package ops

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/secure"
)

// RotationSettings say when secrets and certificates are due to be replaced. Zero fields take the defaults.
type RotationSettings struct {
	// MaxAgeDays is how old a secret's file, or a client's certificate and key, may be; default 90.
	MaxAgeDays int `yaml:"max_age_days"`
	// BeforeExpiryDays is how many days before it expires a certificate has to be replaced; default 14.
	BeforeExpiryDays int `yaml:"before_expiry_days"`
}

func (r RotationSettings) orDefaults() RotationSettings {
	r.MaxAgeDays, r.BeforeExpiryDays = cmp.Or(r.MaxAgeDays, 90), cmp.Or(r.BeforeExpiryDays, 14)
	return r
}

const day = 24 * time.Hour

// Credential is a secret in a file, or a certificate: what has to be replaced from time to time.
type Credential struct {
	// Name says what it is, of what, and where it was found, such as `password of the brokers in FILE`.
	Name string
	// Since is when it was made; zero: of what others replace, only when it ends counts.
	Since time.Time
	// From and Until are when a certificate is valid; zero: it is none.
	From, Until time.Time
	// Replace says how it is replaced; empty: clients take what stands in files up.
	Replace string
}

// days since a time, or to it where it is negative.
func days(now, at time.Time) float64 { return now.Sub(at).Hours() / 24 }

// Credentials are the secrets in files and the certificates by which an environment is entered, and those that brokers and registries show. What
// can't be read, or reached, is in the error.
func (e Environment) Credentials(ctx context.Context) ([]Credential, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	f := &credentialFinder{}
	f.tls("brokers", e.TLS)
	if s := e.SASL; s != nil {
		f.secret("password of the brokers", s.Password)
		f.secret("login of the brokers", s.Login)
		f.secret("token of the brokers", s.Token)
		if s.OAuth != nil {
			f.secret("secret of "+s.OAuth.ClientID, s.OAuth.ClientSecret)
			f.tls("the token's issuer", s.OAuth.TLS)
		}
	}
	if e.TLS != nil {
		for _, address := range e.Brokers {
			f.server(ctx, "broker "+address, address, e.TLS)
		}
	}
	registries, err := e.eachRegistry()
	if err != nil {
		return nil, err
	}
	for _, r := range registries {
		f.registry(ctx, r)
	}
	f.secret("password of the store", e.StorePassword)
	f.keys(ctx, e)
	return f.found, errors.Join(f.errs...)
}

type credentialFinder struct {
	found []Credential
	errs  []error
}

// keys adds the files of KEKs, and the data keys with which events are encrypted now.
func (f *credentialFinder) keys(ctx context.Context, e Environment) {
	if e.Encryption.isEmpty() {
		return
	}
	for _, path := range e.Encryption.files() {
		before := len(f.found)
		f.secret("key encryption key", Secret{secure.Secret{File: path}})
		for i := before; i < len(f.found); i++ {
			f.found[i].Replace = "add another (`trestle keys new FILE --name NAME --add`), and wrap data keys with it (`trestle keys rewrap CLASS`)"
		}
	}
	if len(e.Brokers) == 0 {
		return
	}
	keys, _, err := e.keyRing(ctx, nil)
	if err != nil {
		f.errs = append(f.errs, err)
		return
	}
	all, err := keys.List(ctx)
	if err != nil {
		f.errs = append(f.errs, err)
	}
	for _, k := range all {
		if k.State == encrypt.StateCurrent {
			f.found = append(f.found, Credential{Name: "data key of class " + k.Class, Since: k.Created, Replace: "make a new one: `trestle keys rotate " + k.Class + "`"})
		}
	}
}

// secret adds what stands in a file. How old other secrets are, nobody can tell from here.
func (f *credentialFinder) secret(what string, s Secret) {
	if s.File == "" {
		return
	}
	if info, err := os.Stat(s.File); err != nil {
		f.errs = append(f.errs, fmt.Errorf("%s: %w", what, err))
	} else {
		f.found = append(f.found, Credential{Name: what + " in " + s.File, Since: info.ModTime()})
	}
}

// tls adds the files of a connection: certificates by what they say, a key by when its file was written.
func (f *credentialFinder) tls(of string, t *TLSSettings) {
	if t == nil {
		return
	}
	f.certificates("authority of "+of, t.CA, false)
	f.certificates("certificate for "+of, t.Cert, true)
	f.secret("key for "+of, Secret{secure.Secret{File: t.Key}})
}

func (f *credentialFinder) certificates(what, file string, ours bool) {
	if file == "" {
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		f.errs = append(f.errs, fmt.Errorf("%s: %w", what, err))
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s in %s: %w", what, file, err))
			continue
		}
		f.certificate(what+" in "+file, certificate, ours)
		ours = false // those behind it are its authorities'
	}
}

func (f *credentialFinder) certificate(what string, certificate *x509.Certificate, ours bool) {
	c := Credential{Name: what, From: certificate.NotBefore, Until: certificate.NotAfter}
	if ours {
		c.Since = certificate.NotBefore
	}
	f.found = append(f.found, c)
}

// registry adds by what a registry is entered, and what it shows.
func (f *credentialFinder) registry(ctx context.Context, e Environment) {
	f.tls("the registry", e.RegistryTLS)
	if a := e.RegistryAuth; a != nil {
		f.secret("password of the registry", a.Password)
		f.secret("token of the registry", a.Token)
	}
	at, err := url.Parse(e.Registry)
	if err != nil || at.Scheme != "https" {
		return
	}
	settings := e.RegistryTLS
	if settings == nil {
		settings = &TLSSettings{}
	}
	f.server(ctx, "registry "+at.Host, at.Hostname()+":"+cmp.Or(at.Port(), "443"), settings)
}

// server adds the certificate that a server shows.
func (f *credentialFinder) server(ctx context.Context, what, address string, t *TLSSettings) {
	dialer, err := t.secure().Dialer()
	if err != nil {
		f.errs = append(f.errs, err)
		return
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		f.errs = append(f.errs, fmt.Errorf("certificate of %s: %w", what, err))
		return
	}
	defer conn.Close()
	if shaken, ok := conn.(*tls.Conn); ok {
		f.certificate("certificate of "+what, shaken.ConnectionState().PeerCertificates[0], false)
	}
}

// rotation looks how old secrets and certificates are, and when they end.
func (d *doctor) rotation(ctx context.Context) {
	const name, advice = "rotation", "replace it: clients take what stands in files up without a restart"
	policy := d.project.Config.Rotation.orDefaults()
	all, err := d.env.Credentials(ctx)
	if err != nil {
		d.say(name, Warn, "", "not all can be looked at: %v", err)
	}
	now, sound := time.Now(), true
	for _, c := range all {
		validity := fmt.Sprintf("valid from %s to %s", c.From.UTC().Format(time.DateOnly), c.Until.UTC().Format(time.DateOnly))
		switch {
		case c.Until.IsZero():
		case now.After(c.Until):
			sound = false
			d.say(name, Fail, advice, "%s has expired: %s", c.Name, validity)
			continue
		case now.Before(c.From):
			sound = false
			d.say(name, Fail, "wait, replace it, or set this machine's clock", "%s is not valid yet: %s", c.Name, validity)
			continue
		case now.Add(time.Duration(policy.BeforeExpiryDays) * day).After(c.Until):
			sound = false
			d.say(name, Warn, advice, "%s expires within %.0f days: %s", c.Name, max(1, -days(now, c.Until)), validity)
			continue
		}
		advice := cmp.Or(c.Replace, advice)
		if age := days(now, c.Since); !c.Since.IsZero() && age > float64(policy.MaxAgeDays) {
			sound = false
			d.say(name, Warn, advice, "%s is %.0f days old, more than the %d that trestle.yaml has under rotation", c.Name, age, policy.MaxAgeDays)
		}
	}
	if sound && len(all) > 0 {
		d.say(name, OK, "", "%d secrets and certificates, none of them older than %d days, none that expires within %d", len(all), policy.MaxAgeDays, policy.BeforeExpiryDays)
	}
}
