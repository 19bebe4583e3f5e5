package gcpkms_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	kms "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/gcpkms"
	"github.com/omninode/trestle/runtime/encrypt/kek"
)

const (
	ring  = "projects/shop/locations/europe-west3/keyRings/trestle"
	key   = ring + "/cryptoKeys/pii"
	other = ring + "/cryptoKeys/other"
)

// server does as the documentation of Cloud KMS says: https://cloud.google.com/kms/docs/reference/rpc/google.cloud.kms.v1, with keys of GOOGLE_SYMMETRIC_ENCRYPTION.
type server struct {
	kmspb.UnimplementedKeyManagementServiceServer
	mu    sync.Mutex
	keys  map[string][]*version // the last one is primary
	fail  error
	wrong bool // what it answers is damaged on the way
}

type version struct {
	gcm   cipher.AEAD
	state string // empty: enabled
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) rotate(key string) {
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
	s.keys[key] = append(s.keys[key], &version{gcm: gcm})
}

func sum(b []byte) int64 { return int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) }

func (s *server) find(name string) ([]*version, error) {
	versions := s.keys[name]
	switch {
	case s.fail != nil:
		return nil, s.fail
	case versions == nil:
		return nil, status.Errorf(codes.NotFound, "CryptoKey %s not found.", name)
	}
	return versions, nil
}

func (v *version) check(name string, n int) error {
	if v.state == "" {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition, "%s/cryptoKeyVersions/%d is not enabled, current state is: %s.", name, n, v.state)
}

func (s *server) Encrypt(_ context.Context, in *kmspb.EncryptRequest) (*kmspb.EncryptResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	versions, err := s.find(in.Name)
	if err != nil {
		return nil, err
	}
	n := len(versions)
	if err := versions[n-1].check(in.Name, n); err != nil {
		return nil, err
	}
	sealed := append([]byte{byte(n)}, versions[n-1].gcm.Seal(nil, nil, in.Plaintext, in.AdditionalAuthenticatedData)...)
	out := &kmspb.EncryptResponse{
		Name: fmt.Sprintf("%s/cryptoKeyVersions/%d", in.Name, n), Ciphertext: sealed, CiphertextCrc32C: wrapperspb.Int64(sum(sealed)),
		VerifiedPlaintextCrc32C:                   in.PlaintextCrc32C.GetValue() == sum(in.Plaintext),
		VerifiedAdditionalAuthenticatedDataCrc32C: in.AdditionalAuthenticatedDataCrc32C.GetValue() == sum(in.AdditionalAuthenticatedData),
	}
	if s.wrong {
		out.Ciphertext = append(out.Ciphertext, 0)
	}
	return out, nil
}

func (s *server) Decrypt(_ context.Context, in *kmspb.DecryptRequest) (*kmspb.DecryptResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	versions, err := s.find(in.Name)
	if err != nil {
		return nil, err
	}
	failed := status.Error(codes.InvalidArgument, "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
	if in.CiphertextCrc32C.GetValue() != sum(in.Ciphertext) || in.AdditionalAuthenticatedDataCrc32C.GetValue() != sum(in.AdditionalAuthenticatedData) {
		return nil, status.Error(codes.InvalidArgument, "The checksum in field ciphertext_crc32c did not match the data in field ciphertext.")
	}
	if len(in.Ciphertext) == 0 || int(in.Ciphertext[0]) > len(versions) || in.Ciphertext[0] == 0 {
		return nil, failed
	}
	n := int(in.Ciphertext[0])
	if err := versions[n-1].check(in.Name, n); err != nil {
		return nil, err
	}
	opened, err := versions[n-1].gcm.Open(nil, nil, in.Ciphertext[1:], in.AdditionalAuthenticatedData)
	if err != nil {
		return nil, failed
	}
	out := &kmspb.DecryptResponse{Plaintext: opened, PlaintextCrc32C: wrapperspb.Int64(sum(opened))}
	if s.wrong {
		out.Plaintext = append(out.Plaintext, 0)
	}
	return out, nil
}

var secret, bound = bytes.Repeat([]byte{7}, 32), []byte("context")

func start(t *testing.T) (s *server, client *kms.KeyManagementClient, address string) {
	t.Helper()
	s = &server{keys: map[string][]*version{}}
	s.rotate(key)
	s.rotate(other)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := grpc.NewServer()
	kmspb.RegisterKeyManagementServiceServer(serving, s)
	go func() { _ = serving.Serve(listener) }() // until it is stopped
	t.Cleanup(serving.Stop)
	address = listener.Addr().String()
	client, err = kms.NewKeyManagementClient(t.Context(), option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return s, client, address
}

func newKEK(t *testing.T, client *kms.KeyManagementClient, key string) encrypt.KEK {
	t.Helper()
	k, err := gcpkms.NewKEK(client, key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A KEK of Cloud KMS keeps to what package encrypt asks of one, by the library and by the command, and so do data keys.
func TestKEK(t *testing.T) {
	s, client, address := start(t)
	t.Setenv("TRESTLE_KMS_EMULATOR", address)
	program := filepath.Join(t.TempDir(), "trestle-kek-gcp")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/trestle-kek-gcp").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const first = key + "/cryptoKeyVersions/1"
	keks := map[string]encrypt.KEK{"library": newKEK(t, client, key), "command": kek.NewCommand(program, "-key", key)}
	var all [][]byte
	for name, k := range keks {
		by, wrapped, err := k.Wrap(t.Context(), secret, bound)
		if err != nil || by != first || k.Name() != by || bytes.Contains(wrapped, secret) {
			t.Fatalf("%s: wrapped with %s as %x, its name is %s: %v", name, by, wrapped, k.Name(), err)
		}
		all = append(all, wrapped)
	}
	for name, k := range keks {
		for _, wrapped := range all {
			if got, err := k.Unwrap(t.Context(), first, wrapped, bound); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%s: %x, %v", name, got, err)
			}
		}
		changed := bytes.Clone(all[0])
		changed[len(changed)-1] ^= 1
		for what, test := range map[string]struct {
			name           string
			wrapped, bound []byte
			want           error
		}{
			"changed":                    {first, changed, bound, encrypt.ErrNotWrapped},
			"in another context":         {first, all[0], []byte("other"), encrypt.ErrNotWrapped},
			"with another key":           {other + "/cryptoKeyVersions/1", all[0], bound, encrypt.ErrNotWrapped},
			"with an unknown key":        {ring + "/cryptoKeys/what/cryptoKeyVersions/1", all[0], bound, encrypt.ErrUnknownKEK},
			"with a key of another ring": {strings.Replace(first, "/shop/", "/thief/", 1), all[0], bound, encrypt.ErrUnknownKEK},
			"with what is no key":        {"2026", all[0], bound, encrypt.ErrUnknownKEK},
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
	s.set(func() { s.rotate(key) })
	if n, err := keys(keks["command"]).Rewrap(t.Context(), "pii"); err != nil || n != 1 {
		t.Errorf("%d wrapped with another version, %v", n, err)
	}
	for state, want := range map[string]error{"DISABLED": encrypt.ErrDenied, "DESTROYED": encrypt.ErrKEKDestroyed, "DESTROY_SCHEDULED": encrypt.ErrKEKDestroyed} {
		s.set(func() { s.keys[key][0].state = state })
		for name, k := range keks {
			if _, err := k.Unwrap(t.Context(), first, all[0], bound); !errors.Is(err, want) {
				t.Errorf("%s, with a version that is %s: %v", name, state, err)
			}
		}
	}
	if found, err := keys(keks["command"]).ByID(t.Context(), made.ID()); err != nil || found.ID() != made.ID() {
		t.Errorf("%v, %v", found, err)
	}
	s.set(func() { s.wrong = true })
	for name, k := range keks {
		_, wrapped, wrapErr := k.Wrap(t.Context(), secret, bound)
		got, err := k.Unwrap(t.Context(), key+"/cryptoKeyVersions/2", all[0], bound)
		if wrapErr == nil || err == nil {
			t.Errorf("%s: what was changed on the way was taken: %x, %x", name, wrapped, got)
		}
	}
}

// What Cloud KMS answers is told apart from that it did not answer.
func TestErrors(t *testing.T) {
	t.Parallel()
	s, client, _ := start(t)
	k := newKEK(t, client, key)
	for _, test := range []struct {
		fail error
		want error
	}{
		{status.Error(codes.PermissionDenied, "Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource"), encrypt.ErrDenied},
		{status.Error(codes.NotFound, "CryptoKey not found."), encrypt.ErrUnknownKEK},
		{status.Error(codes.InvalidArgument, "something is too long"), nil},
		{status.Error(codes.FailedPrecondition, "current state is: PENDING_GENERATION."), nil},
		{status.Error(codes.Unauthenticated, "Request had invalid authentication credentials."), nil},
		{status.Error(codes.ResourceExhausted, "Quota exceeded"), nil},
	} {
		s.set(func() { s.fail = test.fail })
		_, _, wrapErr := k.Wrap(t.Context(), secret, bound)
		_, unwrapErr := k.Unwrap(t.Context(), key+"/cryptoKeyVersions/1", secret, bound)
		for _, err := range []error{wrapErr, unwrapErr} {
			for _, is := range []error{encrypt.ErrDenied, encrypt.ErrUnknownKEK, encrypt.ErrKEKDestroyed, encrypt.ErrNotWrapped} {
				if err == nil || errors.Is(err, is) != (is == test.want) {
					t.Errorf("%v: %v is, or is not, %v", test.fail, err, is)
				}
			}
		}
	}
	for _, key := range []string{"", "pii", ring, key + "/cryptoKeyVersions/1"} {
		if _, err := gcpkms.NewKEK(client, key); err == nil {
			t.Errorf("there is a KEK of %q", key)
		}
	}
}
