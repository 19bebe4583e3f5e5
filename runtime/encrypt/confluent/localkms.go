package confluent

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/omninode/trestle/runtime/encrypt"
)

// LocalType is the type of the KMS that is none: whoever knows its secret has its key. Confluent has it for development.
const LocalType = "local-kms"

// localKMS wraps with AES-128-GCM, a nonce of 12 bytes in front. Its key follows from the secret by HKDF-SHA256, without salt and info.
type localKMS struct{ gcm cipher.AEAD }

// LocalKMS returns the KMS of the type [LocalType] with a secret, which Confluent's clients take from the setting `secret` or the variable LOCAL_SECRET. Its only key
// goes by any name. It fails without a secret.
func LocalKMS(secret string) (encrypt.KEK, error) {
	if secret == "" {
		return nil, errors.New("the local KMS needs a secret")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "", 16)
	if err != nil {
		return nil, err
	}
	gcm, err := newGCM(key)
	return &localKMS{gcm}, err
}

// Name implements [encrypt.KEK].
func (k *localKMS) Name() string { return "" }

// Wrap implements [encrypt.KEK].
func (k *localKMS) Wrap(_ context.Context, secret, context []byte) (name string, wrapped []byte, err error) {
	return "", k.gcm.Seal(nil, nil, secret, context), nil
}

// Unwrap implements [encrypt.KEK].
func (k *localKMS) Unwrap(_ context.Context, _ string, wrapped, context []byte) ([]byte, error) {
	secret, err := k.gcm.Open(nil, nil, wrapped, context)
	if err != nil {
		return nil, fmt.Errorf("local KMS: %w", encrypt.ErrNotWrapped)
	}
	return secret, nil
}
