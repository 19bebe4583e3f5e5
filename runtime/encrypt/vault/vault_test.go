package vault_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/vault"
)

// server does as the documentation of Vault's transit engine says: https://developer.hashicorp.com/vault/api-docs/secret/transit, with keys of aes256-gcm96.
type server struct {
	mu   sync.Mutex
	keys map[string]*key
	fail *failure // nil: none
}

type key struct {
	versions []cipher.AEAD // the first is version 1
	least    int           // min_decryption_version
}

type failure struct {
	status int
	errors []string
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (k *key) rotate() {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	block, err := aes.NewCipher(raw)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	k.versions = append(k.versions, gcm)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	refuse := func(status int, errs ...string) { answer(status, map[string]any{"errors": errs}) }
	var in struct {
		Plaintext      []byte `json:"plaintext"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData []byte `json:"associated_data"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case s.fail != nil:
		refuse(s.fail.status, s.fail.errors...)
		return
	case r.Header.Get("X-Vault-Token") != "root":
		refuse(http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
		return
	case len(parts) != 3 || parts[0] != "transit" || r.Method != http.MethodPut && r.Method != http.MethodPost:
		refuse(http.StatusNotFound, fmt.Sprintf("no handler for route %q. route entry not found.", r.URL.Path))
		return
	}
	k := s.keys[parts[2]]
	switch {
	case k == nil && parts[1] == "encrypt": // who may not create it
		refuse(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	case k == nil:
		refuse(http.StatusBadRequest, "encryption key not found")
	case parts[1] == "encrypt":
		version := len(k.versions)
		sealed := k.versions[version-1].Seal(nil, nil, in.Plaintext, in.AssociatedData)
		answer(http.StatusOK, map[string]any{"data": map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", version, base64.StdEncoding.EncodeToString(sealed)), "key_version": version}})
	default:
		text := strings.SplitN(in.Ciphertext, ":", 3)
		if len(text) != 3 || text[0] != "vault" || !strings.HasPrefix(text[1], "v") {
			refuse(http.StatusBadRequest, "invalid ciphertext: no prefix")
			return
		}
		version, err := strconv.Atoi(text[1][1:])
		switch {
		case err != nil:
			refuse(http.StatusBadRequest, "invalid ciphertext: version number could not be decoded")
			return
		case version > len(k.versions):
			refuse(http.StatusBadRequest, "invalid ciphertext: version is too new")
			return
		case version < k.least:
			refuse(http.StatusBadRequest, "ciphertext or signature version is disallowed by policy (too old)")
			return
		}
		sealed, err := base64.StdEncoding.DecodeString(text[2])
		if err != nil {
			refuse(http.StatusBadRequest, "invalid ciphertext: could not decode base64")
			return
		}
		opened, err := k.versions[version-1].Open(nil, nil, sealed, in.AssociatedData)
		if err != nil {
			refuse(http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		answer(http.StatusOK, map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(opened)}})
	}
}

var secret, bound = bytes.Repeat([]byte{7}, 32), []byte("context")

func start(t *testing.T) (*server, *api.Client) {
	t.Helper()
	s := &server{keys: map[string]*key{"pii": {}, "other": {}}}
	for _, k := range s.keys {
		k.rotate()
	}
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	cfg := api.DefaultConfig()
	cfg.Address, cfg.MaxRetries = listening.URL, 0
	client, err := api.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken("root")
	return s, client
}

func newKEK(t *testing.T, client *api.Client, key string) encrypt.KEK {
	t.Helper()
	k, err := vault.NewKEK(client, "transit", key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A KEK of Vault keeps to what package encrypt asks of one, by the library and by the command, and so do data keys.
func TestKEK(t *testing.T) {
	s, client := start(t)
	t.Setenv("VAULT_ADDR", client.Address())
	t.Setenv("VAULT_TOKEN", "root")
	program := filepath.Join(t.TempDir(), "trestle-kek-vault")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/trestle-kek-vault").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	keks := map[string]encrypt.KEK{"library": newKEK(t, client, "pii"), "command": kek.NewCommand(program, "-key", "pii")}
	var all [][]byte
	for name, k := range keks {
		by, wrapped, err := k.Wrap(t.Context(), secret, bound)
		if err != nil || by != "transit/pii:v1" || k.Name() != by || bytes.Contains(wrapped, secret) {
			t.Fatalf("%s: wrapped with %s as %s, its name is %s: %v", name, by, wrapped, k.Name(), err)
		}
		all = append(all, wrapped)
	}
	for name, k := range keks {
		for _, wrapped := range all {
			if got, err := k.Unwrap(t.Context(), "transit/pii:v1", wrapped, bound); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%s: %x, %v", name, got, err)
			}
		}
		changed := append(bytes.Clone(all[0][:len(all[0])-8]), "AAAAAAA="...)
		for what, test := range map[string]struct {
			name           string
			wrapped, bound []byte
			want           error
		}{
			"changed":                      {"transit/pii:v1", changed, bound, encrypt.ErrNotWrapped},
			"not Vault's":                  {"transit/pii:v1", []byte("x"), bound, encrypt.ErrNotWrapped},
			"in another context":           {"transit/pii:v1", all[0], []byte("other"), encrypt.ErrNotWrapped},
			"with another key":             {"transit/other:v1", all[0], bound, encrypt.ErrNotWrapped},
			"with an unknown key":          {"transit/what:v1", all[0], bound, encrypt.ErrUnknownKEK},
			"with a version to come":       {"transit/pii:v7", bytes.Replace(all[0], []byte(":v1:"), []byte(":v7:"), 1), bound, encrypt.ErrUnknownKEK},
			"with a key of another engine": {"cubbyhole/pii:v1", all[0], bound, encrypt.ErrUnknownKEK},
			"with a path":                  {"transit/../pii:v1", all[0], bound, encrypt.ErrUnknownKEK},
		} {
			if got, err := k.Unwrap(t.Context(), test.name, test.wrapped, test.bound); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %x, %v", name, what, got, err)
			}
		}
	}

	var store encrypt.Memory
	keys := func(k encrypt.KEK) *encrypt.Keys {
		keys, err := encrypt.NewKeys(&store, map[string]encrypt.Class{"pii": {KEK: k}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(keys.Close)
		return keys
	}
	made, err := keys(keks["library"]).Current(t.Context(), "pii", "ann")
	if err != nil {
		t.Fatal(err)
	}
	s.set(s.keys["pii"].rotate)
	if n, err := keys(keks["command"]).Rewrap(t.Context(), "pii"); err != nil || n != 1 {
		t.Errorf("%d wrapped with another version, %v", n, err)
	}
	s.set(func() { s.keys["pii"].least = 2 })
	if found, err := keys(keks["command"]).ByID(t.Context(), made.ID()); err != nil || found.ID() != made.ID() {
		t.Errorf("%v, %v", found, err)
	}
	for name, k := range keks {
		if _, err := k.Unwrap(t.Context(), "transit/pii:v1", all[0], bound); !errors.Is(err, encrypt.ErrDenied) {
			t.Errorf("%s, with a version that may not be used any more: %v", name, err)
		}
	}
	if _, _, err := newKEK(t, client, "what").Wrap(t.Context(), secret, bound); !errors.Is(err, encrypt.ErrDenied) {
		t.Errorf("wrapped with a key that is not there: %v", err)
	}
}

// What Vault answers is told apart from that it did not answer.
func TestErrors(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	k := newKEK(t, client, "pii")
	for _, test := range []struct {
		fail failure
		want error
	}{
		{failure{403, []string{"1 error occurred:\n\t* permission denied\n\n"}}, encrypt.ErrDenied},
		{failure{403, []string{"permission denied", "invalid token"}}, nil},
		{failure{404, []string{`no handler for route "transit/decrypt/pii". route entry not found.`}}, nil},
		{failure{503, []string{"Vault is sealed"}}, nil},
		{failure{500, []string{"internal error"}}, nil},
		{failure{429, nil}, nil},
	} {
		s.set(func() { s.fail = &test.fail })
		_, _, wrapErr := k.Wrap(context.Background(), secret, bound)
		_, unwrapErr := k.Unwrap(context.Background(), "transit/pii:v1", secret, bound)
		for _, err := range []error{wrapErr, unwrapErr} {
			for _, is := range []error{encrypt.ErrDenied, encrypt.ErrUnknownKEK, encrypt.ErrKEKDestroyed, encrypt.ErrNotWrapped} {
				if err == nil || errors.Is(err, is) != (is == test.want) {
					t.Errorf("%v: %v is, or is not, %v", test.fail, err, is)
				}
			}
		}
	}
	for _, of := range [][2]string{{"", "pii"}, {"transit", ""}, {"transit", "a/b"}, {"transit", "a:b"}, {"a:b", "pii"}} {
		if _, err := vault.NewKEK(client, of[0], of[1]); err == nil {
			t.Errorf("there is a KEK of %q", of)
		}
	}
}
