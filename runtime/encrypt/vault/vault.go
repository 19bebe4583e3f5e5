// Package vault has the transit engine of HashiCorp Vault, or of OpenBao, wrap data keys. It is a module of its own, so that nobody else's dependencies grow by the
// client.
//
//	client, err := api.NewClient(api.DefaultConfig()) // github.com/hashicorp/vault/api: VAULT_ADDR and VAULT_TOKEN
//	...
//	kek, err := vault.NewKEK(client, "transit", "pii")
//	...
//	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek}})
//
// The key is of a type that authenticates data beside what it encrypts: aes256-gcm96, which is the default, or another AEAD. A program needs update on
// transit/encrypt/pii to encrypt events, and on transit/decrypt/pii to decrypt them, and to encrypt with keys that others made. The command trestle-kek-vault
// does the same for programs in other languages, and for trestle itself.
//
// It was tested against a server in memory that does as the documentation of the API says, and not against Vault itself.
package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/vault/api"

	"github.com/omninode/trestle/runtime/encrypt"
)

// KEK is a key of a transit engine. It may be used from many goroutines.
type KEK struct {
	client     *api.Client
	mount, key string
	name       atomic.Pointer[string] // with the version that wrapped last
}

var _ encrypt.KEK = (*KEK)(nil)

// NewKEK returns the KEK of a key, by the path that the transit engine is mounted on, and its name there. It contacts nothing. The client's token is the
// caller's to renew.
//
// Other keys of the engine that wrapped before unwrap on; those of other engines never do, whatever an entry says.
func NewKEK(client *api.Client, mount, key string) (*KEK, error) {
	mount = strings.Trim(mount, "/")
	if mount == "" || strings.ContainsAny(mount, ":") {
		return nil, fmt.Errorf("transit engine %q: it is given by the path that it is mounted on, such as transit", mount)
	}
	if key == "" || strings.ContainsAny(key, "/:") {
		return nil, fmt.Errorf("key %q of the transit engine %s: it is given by its name there", key, mount)
	}
	return &KEK{client: client, mount: mount, key: key}, nil
}

// String names the engine and the key.
func (k *KEK) String() string { return k.mount + "/" + k.key }

// Name implements [encrypt.KEK]: it is transit/pii:v3, say. Until something was wrapped it has no version.
func (k *KEK) Name() string {
	if name := k.name.Load(); name != nil {
		return *name
	}
	return k.String()
}

// Wrap implements [encrypt.KEK].
func (k *KEK) Wrap(ctx context.Context, secret, bound []byte) (name string, wrapped []byte, err error) {
	text, err := k.ask(ctx, "encrypt", k.key, "ciphertext", map[string]any{"plaintext": base64.StdEncoding.EncodeToString(secret)}, bound)
	if err != nil {
		return "", nil, err
	}
	parts := strings.SplitN(text, ":", 3) // vault:v3:…
	if len(parts) != 3 || !strings.HasPrefix(parts[1], "v") {
		return "", nil, errors.New("the answer has no ciphertext as the transit engine writes it")
	}
	name = k.String() + ":" + parts[1]
	k.name.Store(&name)
	return name, []byte(text), nil
}

// Unwrap implements [encrypt.KEK].
func (k *KEK) Unwrap(ctx context.Context, name string, wrapped, bound []byte) ([]byte, error) {
	key, isOurs := strings.CutPrefix(name, k.mount+"/")
	key, _, _ = strings.Cut(key, ":") // what is wrapped says of which version it is
	if !isOurs || key == "" || strings.Contains(key, "/") {
		return nil, fmt.Errorf("%w: %s is no key of the transit engine %s", encrypt.ErrUnknownKEK, name, k.mount)
	}
	text, err := k.ask(ctx, "decrypt", key, "plaintext", map[string]any{"ciphertext": string(wrapped)}, bound)
	if err != nil {
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the transit engine's answer is not base64") // of which nothing is shown
	}
	return secret, nil
}

func (k *KEK) ask(ctx context.Context, op, key, member string, request map[string]any, bound []byte) (string, error) {
	request["associated_data"] = base64.StdEncoding.EncodeToString(bound)
	answer, err := k.client.Logical().WriteWithContext(ctx, k.mount+"/"+op+"/"+key, request)
	if err != nil {
		return "", typed(err)
	}
	if answer == nil {
		return "", errors.New("the transit engine answered with nothing")
	}
	text, ok := answer.Data[member].(string)
	if !ok {
		return "", fmt.Errorf("the transit engine's answer has no %s", member)
	}
	return text, nil
}

// answers are what errors of the transit engine say. Others are no answers: of the network, of a Vault that is sealed, of a token that has expired.
var answers = []struct {
	text string
	is   error
}{
	{"encryption key not found", encrypt.ErrUnknownKEK},
	{"version is too new", encrypt.ErrUnknownKEK},
	{"disallowed by policy (too old)", encrypt.ErrDenied}, // below min_decryption_version, which somebody may lower
	{"message authentication failed", encrypt.ErrNotWrapped},
	{"invalid ciphertext", encrypt.ErrNotWrapped},
}

func typed(err error) error {
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return err
	}
	said := strings.Join(answer.Errors, "; ")
	var is error
	switch answer.StatusCode {
	case http.StatusForbidden:
		if !strings.Contains(said, "invalid token") { // it is to be renewed
			is = encrypt.ErrDenied
		}
	case http.StatusBadRequest, http.StatusNotFound:
		for _, a := range answers {
			if strings.Contains(said, a.text) {
				is = a.is
				break
			}
		}
	}
	if is == nil {
		return err
	}
	return fmt.Errorf("%w: %s", is, said)
}
