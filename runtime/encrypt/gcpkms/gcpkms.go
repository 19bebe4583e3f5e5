// Package gcpkms has Google Cloud KMS wrap data keys. It is a module of its own, so that nobody else's dependencies grow by the client.
//
//	client, err := kms.NewKeyManagementClient(ctx) // cloud.google.com/go/kms/apiv1
//	...
//	kek, err := gcpkms.NewKEK(client, "projects/shop/locations/europe-west3/keyRings/trestle/cryptoKeys/pii")
//	...
//	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek}})
//
// A program needs cloudkms.cryptoKeyVersions.useToEncrypt on the key to encrypt events, and useToDecrypt to decrypt them, and to encrypt with keys that others
// made: the roles roles/cloudkms.cryptoKeyEncrypter and roles/cloudkms.cryptoKeyDecrypter. The command trestle-kek-gcp does the same for programs in other
// languages, and for trestle itself.
//
// It was tested against a server in memory that does as the documentation of the API says, and not against Cloud KMS itself.
package gcpkms

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"sync/atomic"

	kms "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/omninode/trestle/runtime/encrypt"
)

// KEK is a key of Cloud KMS. It may be used from many goroutines.
type KEK struct {
	client    *kms.KeyManagementClient
	ring, key string
	name      atomic.Pointer[string] // of the version that wrapped last
}

var _ encrypt.KEK = (*KEK)(nil)

var keys = regexp.MustCompile(`^(projects/[^/]+/locations/[^/]+/keyRings/[^/]+)/cryptoKeys/[^/]+$`)

// NewKEK returns the KEK of a symmetric key (of purpose ENCRYPT_DECRYPT), by its resource name. It contacts nothing, and fails where that is none.
//
// Keys of the same key ring that wrapped before unwrap on; others never do, whatever an entry says.
func NewKEK(client *kms.KeyManagementClient, key string) (*KEK, error) {
	parts := keys.FindStringSubmatch(key)
	if parts == nil {
		return nil, fmt.Errorf("key of Cloud KMS %q: it is given as projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY", key)
	}
	return &KEK{client: client, ring: parts[1], key: key}, nil
}

// String names the key.
func (k *KEK) String() string { return k.key }

// Name implements [encrypt.KEK]. Until something was wrapped it is the key's, without a version.
func (k *KEK) Name() string {
	if name := k.name.Load(); name != nil {
		return *name
	}
	return k.key
}

// Wrap implements [encrypt.KEK]. The name is that of the key's primary version.
func (k *KEK) Wrap(ctx context.Context, secret, bound []byte) (name string, wrapped []byte, err error) {
	out, err := k.client.Encrypt(ctx, &kmspb.EncryptRequest{
		Name: k.key, Plaintext: secret, AdditionalAuthenticatedData: bound, PlaintextCrc32C: sum(secret), AdditionalAuthenticatedDataCrc32C: sum(bound),
	})
	if err != nil {
		return "", nil, typed(err)
	}
	// Sums that do not agree say that something was changed on the way, which another attempt does not see.
	if !out.VerifiedPlaintextCrc32C || !out.VerifiedAdditionalAuthenticatedDataCrc32C || !agrees(out.Ciphertext, out.CiphertextCrc32C) {
		return "", nil, errDamaged
	}
	k.name.Store(&out.Name)
	return out.Name, out.Ciphertext, nil
}

// Unwrap implements [encrypt.KEK].
func (k *KEK) Unwrap(ctx context.Context, name string, wrapped, bound []byte) ([]byte, error) {
	key, _, _ := strings.Cut(name, "/cryptoKeyVersions/") // what is wrapped says of which version it is
	parts := keys.FindStringSubmatch(key)
	if parts == nil || parts[1] != k.ring {
		return nil, fmt.Errorf("%w: %s is no key of %s", encrypt.ErrUnknownKEK, name, k.ring)
	}
	out, err := k.client.Decrypt(ctx, &kmspb.DecryptRequest{
		Name: key, Ciphertext: wrapped, AdditionalAuthenticatedData: bound, CiphertextCrc32C: sum(wrapped), AdditionalAuthenticatedDataCrc32C: sum(bound),
	})
	if err != nil {
		return nil, typed(err)
	}
	if !agrees(out.Plaintext, out.PlaintextCrc32C) {
		return nil, errDamaged
	}
	return out.Plaintext, nil
}

var errDamaged = errors.New("what Cloud KMS answered was changed on the way")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) *wrapperspb.Int64Value {
	return wrapperspb.Int64(int64(crc32.Checksum(b, castagnoli)))
}

func agrees(b []byte, said *wrapperspb.Int64Value) bool { return said.GetValue() == sum(b).GetValue() }

// typed says what an error answers; others are no answers: of the network, of quotas, of credentials.
func typed(err error) error {
	var is error
	message := status.Convert(err).Message()
	switch status.Code(err) {
	case codes.PermissionDenied:
		is = encrypt.ErrDenied
	case codes.NotFound:
		is = encrypt.ErrUnknownKEK
	case codes.InvalidArgument: // "Decryption failed: the ciphertext is invalid."
		if strings.Contains(message, "Decryption failed") {
			is = encrypt.ErrNotWrapped
		}
	case codes.FailedPrecondition: // "… is not enabled, current state is: DESTROYED."
		switch {
		case strings.Contains(message, "DESTROY"):
			is = encrypt.ErrKEKDestroyed
		case strings.Contains(message, "DISABLED"):
			is = encrypt.ErrDenied // until somebody enables it
		}
	}
	if is == nil {
		return err
	}
	return fmt.Errorf("%w: %w", is, err)
}
