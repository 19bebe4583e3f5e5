package secure_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/tls"

	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecretIsReadWhereItStands(t *testing.T) {
	t.Setenv("TRESTLE_TEST_SECRET", "from the environment")
	t.Setenv("TRESTLE_TEST_EMPTY", "")
	for _, c := range []struct {
		secret secure.Secret
		want   string // or what the error says, where it fails
		fails  bool
	}{
		{secure.Value("itself"), "itself", false},
		{secure.Secret{Env: "TRESTLE_TEST_SECRET"}, "from the environment", false},
		{secure.Secret{File: write(t, "line\r\n")}, "line", false},
		{secure.Secret{File: write(t, "two\nlines\n\n")}, "two\nlines\n", false},
		{secure.Secret{Command: []string{"echo", "printed"}}, "printed", false},
		{secure.Secret{}, "stands in one place, got 0", true},
		{secure.Secret{Env: "A", File: "b"}, "stands in one place, got 2", true},
		{secure.Secret{Env: "TRESTLE_TEST_UNSET"}, "environment variable TRESTLE_TEST_UNSET is not set", true},
		{secure.Secret{Env: "TRESTLE_TEST_EMPTY"}, "environment variable TRESTLE_TEST_EMPTY is empty", true},
		{secure.Secret{File: filepath.Join(t.TempDir(), "none")}, "no such file", true},
		{secure.Secret{File: write(t, "\n")}, "is empty", true},
		{secure.Secret{Command: []string{"sh", "-c", "echo printed; echo locked >&2; exit 3"}}, "command sh: exit status 3\nlocked", true},
		{secure.Secret{Command: []string{"sh", "-c", "echo printed; echo no: printed >&2; exit 3"}}, "command sh: exit status 3", true},
		{secure.Secret{Command: []string{"trestle-no-such-program"}}, "executable file not found", true},
	} {
		got, err := c.secret.Read(t.Context())
		switch {
		case c.fails && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "printed")):
			t.Errorf("%v: got %q and error %v, want an error that says %q", c.secret, got, err, c.want)
		case !c.fails && (err != nil || got != c.want):
			t.Errorf("%v: got %q and error %v, want %q", c.secret, got, err, c.want)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	type account struct {
		User     string
		Password secure.Secret
		hidden   secure.Secret
	}
	a := account{"bob", secure.Value("hunter2"), secure.Value("hunter2")}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("connecting", "password", a.Password, "account", fmt.Sprint(a))
	_, err := json.Marshal(a)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", a, a, a), fmt.Sprint(&a), logged.String(), fmt.Sprint(err)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("it is told: %s", text)
		}
	}
	if err == nil {
		t.Error("it was marshalled")
	}
}

func TestSecretIsKeptForAWhile(t *testing.T) {
	t.Setenv("TRESTLE_TEST_SECRET", "one")
	read := secure.Secret{Env: "TRESTLE_TEST_SECRET"}.Kept()
	for range 2 {
		if got, err := read(t.Context()); got != "one" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		t.Setenv("TRESTLE_TEST_SECRET", "two")
	}
}

// A file that was written anew is read at once: a connection that is made since then is of the new secret.
func TestSecretOfAFileIsReadAnew(t *testing.T) {
	path := write(t, "one")
	read := secure.Secret{File: path}.Kept()
	for _, text := range []string{"one", "two", "six"} {
		replace(t, path, text)
		if got, err := read(t.Context()); got != text || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, text)
		}
		if text == "two" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if got, err := read(t.Context()); got != text || err != nil {
				t.Fatalf("while the file is away: %q, %v", got, err)
			}
		}
	}
}

// fetch gets a page by a dialer.
func fetch(d *secure.Dialer, url string) error {
	client := &http.Client{Transport: &http.Transport{DialTLSContext: d.DialContext, DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err == nil {
		err = response.Body.Close()
	}
	return err
}

func serve(t *testing.T, c services.Certificate) *httptest.Server {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// An authority's file that was written anew counts from the next connection on, and one that can't be read leaves things as they are.
func TestDialerReadsItsFilesAnew(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	before, after := services.NewAuthority(t), services.NewAuthority(t)
	server := serve(t, after.Issue("server", tomorrow, "127.0.0.1"))
	trusted := write(t, read(t, before.File))
	dialer, err := secure.TLS{CA: trusted}.Dialer()
	if err != nil {
		t.Fatal(err)
	}
	if err := fetch(dialer, server.URL); err == nil || !strings.Contains(err.Error(), "give the file of the authority") {
		t.Fatalf("a server of another authority: %v", err)
	}
	replace(t, trusted, "half written")
	if err := fetch(dialer, server.URL); err == nil || !strings.Contains(err.Error(), "give the file of the authority") {
		t.Fatalf("with a file that is being written: %v", err)
	}
	replace(t, trusted, read(t, after.File))
	if err := fetch(dialer, server.URL); err != nil {
		t.Fatalf("once its authority is trusted: %v", err)
	}
}

func TestDialerSaysWhatIsWrong(t *testing.T) {
	authority := services.NewAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	expired := serve(t, authority.Issue("server", time.Now().Add(-time.Hour), "127.0.0.1"))
	dialer, err := secure.TLS{CA: authority.File}.Dialer()
	if err != nil {
		t.Fatal(err)
	}
	err = fetch(dialer, expired.URL)
	if handshake, ok := errors.AsType[*secure.HandshakeError](err); !ok || !strings.Contains(handshake.Error(), "has the server's certificate expired") {
		t.Errorf("an expired certificate: %v", err)
	}
	one, other := authority.Issue("one", tomorrow), authority.Issue("other", tomorrow)
	for _, c := range []struct {
		tls  secure.TLS
		want string
	}{
		{secure.TLS{CA: filepath.Join(t.TempDir(), "none")}, "no such file"},
		{secure.TLS{CA: one.Key}, "has no certificate in PEM form"},
		{secure.TLS{Cert: one.Cert}, "one of them is not given"},
		{secure.TLS{Cert: one.Cert, Key: other.Key}, "private key does not match"},
	} {
		if _, err := c.tls.Dialer(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want an error that says %q", c.tls, err, c.want)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var replaced int

// replace writes a file whose time differs from before, whatever the file system's clock can tell.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	replaced++
	later := time.Now().Add(time.Duration(replaced) * time.Second)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}
