package ops

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// tlsServer shows a certificate to who connects.
func tlsServer(t *testing.T, c services.Certificate) (address string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).HandshakeContext(t.Context())
				conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func TestRotation(t *testing.T) {
	t.Parallel()
	authority := services.NewAuthority(t)
	until := func(days int) time.Time { return time.Now().Add(time.Duration(days)*day + time.Hour) }
	password := func(age time.Duration) Secret {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		written := time.Now().Add(-age)
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
		return Secret{secure.Secret{File: file}}
	}
	client := func(days int) *TLSSettings {
		c := authority.Issue("client", until(days), "127.0.0.1")
		return &TLSSettings{CA: authority.File, Cert: c.Cert, Key: c.Key}
	}
	good := tlsServer(t, authority.Issue("server", until(40), "127.0.0.1"))
	for name, c := range map[string]struct {
		env    Environment
		policy RotationSettings
		want   []string // status and what is said
	}{
		"nothing": {},
		"all is well": {
			env:  Environment{TLS: client(50), Brokers: []string{good}, SASL: &SASLSettings{Password: password(89 * day)}, StorePassword: password(0)},
			want: []string{"ok 6 secrets and certificates, none of them older than 90 days, none that expires within 14"},
		},
		"an old password": {
			env:  Environment{SASL: &SASLSettings{Password: password(91 * day)}},
			want: []string{"warn password of the brokers in ", "is 91 days old, more than the 90"},
		},
		"a stricter policy": {
			env: Environment{StorePassword: password(8 * day)}, policy: RotationSettings{MaxAgeDays: 7},
			want: []string{"warn password of the store in ", "is 8 days old, more than the 7"},
		},
		"a client's certificate that expires": {
			env:  Environment{RegistryTLS: client(3)},
			want: []string{"warn certificate for the registry in ", "expires within 3 days: valid from "},
		},
		"one that has expired": {
			env:  Environment{RegistryTLS: client(-2)},
			want: []string{"fail certificate for the registry in ", "has expired: valid from "},
		},
		"a broker's that expires": {
			env:  Environment{TLS: &TLSSettings{CA: authority.File}, Brokers: []string{tlsServer(t, authority.Issue("server", until(5), "127.0.0.1"))}},
			want: []string{"warn certificate of broker 127.0.0.1:", "expires within 5 days"},
		},
		"a registry's that expires": {
			env:  Environment{RegistryTLS: &TLSSettings{CA: authority.File}, Registry: "https://" + tlsServer(t, authority.Issue("server", until(5), "127.0.0.1"))},
			want: []string{"warn certificate of registry 127.0.0.1:", "expires within 5 days"},
		},
		"an old key encryption key": {
			env:  Environment{Encryption: EncryptionSettings{KEK: &KEKSettings{File: password(91 * day).File}}},
			want: []string{"warn key encryption key in ", "is 91 days old, more than the 90"},
		},
		"an old data key": {
			env:  oldDataKey(t),
			want: []string{"warn data key of class pii is 100 days old, more than the 90"},
		},
		"a file that is not there": {
			env:  Environment{StorePassword: Secret{secure.Secret{File: "nowhere"}}},
			want: []string{"warn not all can be looked at: password of the store: ", "nowhere"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			d := &doctor{project: &Project{Config: Config{Rotation: c.policy}}, env: c.env, tell: func(check DoctorCheck) {
				said = append(said, string(check.Status)+" "+check.Detail)
			}}
			d.rotation(t.Context())
			all := strings.Join(said, "\n")
			for _, w := range c.want {
				if !strings.Contains(all, w) {
					t.Errorf("it does not say %q: %s", w, all)
				}
			}
			if len(c.want) == 0 && all != "" {
				t.Errorf("it says %s", all)
			}
			if failed := strings.Contains(all, "fail "); failed != d.failed {
				t.Errorf("failed %v: %s", d.failed, all)
			}
		})
	}
}

// oldDataKey is an environment whose data key is 100 days old.
func oldDataKey(t *testing.T) Environment {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, keytopic.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	file := filepath.Join(t.TempDir(), "kek")
	if err := kek.Create(file, "first"); err != nil {
		t.Fatal(err)
	}
	store, err := keytopic.New(kafka.Connection{Brokers: cluster.ListenAddrs()}, keytopic.Topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	then := func() time.Time { return time.Now().Add(-100 * day) }
	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile(file)}}, encrypt.WithClock(then))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	if _, err := keys.Rotate(t.Context(), "pii"); err != nil {
		t.Fatal(err)
	}
	return Environment{Brokers: cluster.ListenAddrs(), Encryption: EncryptionSettings{KEK: &KEKSettings{File: file}}}
}
