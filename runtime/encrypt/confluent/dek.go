package confluent

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/daead/subtle"
	gcmpb "github.com/tink-crypto/tink-go/v2/proto/aes_gcm_go_proto"
	sivpb "github.com/tink-crypto/tink-go/v2/proto/aes_siv_go_proto"
	"google.golang.org/protobuf/proto"
)

// algorithm is how a data key encrypts, by the name that rules and the DEK registry have for it.
type algorithm string

// The algorithms. None puts anything of its own in front of what it encrypts (Tink's output prefix RAW), and none authenticates anything beside it.
const (
	aes128GCM algorithm = "AES128_GCM"
	aes256GCM algorithm = "AES256_GCM"
	aes256SIV algorithm = "AES256_SIV"
)

// size is how many bytes a key has.
func (a algorithm) size() int {
	switch a {
	case aes128GCM:
		return 16
	case aes256SIV:
		return 64
	}
	return 32
}

func (a algorithm) check() error {
	switch a {
	case aes128GCM, aes256GCM, aes256SIV:
		return nil
	}
	return fmt.Errorf("algorithm %q: there are %s, %s and %s: a newer release may know more", string(a), aes128GCM, aes256GCM, aes256SIV)
}

// newMaterial makes a key as it is wrapped: the serialized message of Tink, without the key set around it.
func (a algorithm) newMaterial() ([]byte, error) {
	secret := make([]byte, a.size())
	_, _ = rand.Read(secret) // it does not fail
	if a == aes256SIV {
		return proto.Marshal(&sivpb.AesSivKey{KeyValue: secret})
	}
	return proto.Marshal(&gcmpb.AesGcmKey{KeyValue: secret})
}

// dataKey encrypts values.
type dataKey struct {
	gcm cipher.AEAD
	siv *subtle.AESSIV // nil: it is gcm
}

// parse reads a key that was wrapped.
func (a algorithm) parse(material []byte) (*dataKey, error) {
	var secret []byte
	var version uint32
	var err error
	if a == aes256SIV {
		var key sivpb.AesSivKey
		err = proto.Unmarshal(material, &key)
		secret, version = key.KeyValue, key.Version
	} else {
		var key gcmpb.AesGcmKey
		err = proto.Unmarshal(material, &key)
		secret, version = key.KeyValue, key.Version
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is no key of %s", a)
	case version != 0:
		return nil, fmt.Errorf("it is a key of version %d of Tink's, and this reads version 0", version)
	case len(secret) != a.size():
		return nil, fmt.Errorf("it has %d bytes, and keys of %s have %d", len(secret), a, a.size())
	}
	if a == aes256SIV {
		siv, err := subtle.NewAESSIV(secret)
		return &dataKey{siv: siv}, err
	}
	gcm, err := newGCM(secret)
	return &dataKey{gcm: gcm}, err
}

func newGCM(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block) // 12 bytes in front
}

func (k *dataKey) encrypt(plain []byte) ([]byte, error) {
	if k.siv != nil {
		return k.siv.EncryptDeterministically(plain, nil)
	}
	return k.gcm.Seal(nil, nil, plain, nil), nil
}

// errTampered says of what is encrypted that it is not what the key has encrypted.
var errTampered = errors.New("it was changed, or was not encrypted with that key")

func (k *dataKey) decrypt(sealed []byte) ([]byte, error) {
	var plain []byte
	var err error
	if k.siv != nil {
		plain, err = k.siv.DecryptDeterministically(sealed, nil)
	} else {
		plain, err = k.gcm.Open(nil, nil, sealed, nil)
	}
	if err != nil {
		return nil, errTampered
	}
	return plain, nil
}

// Where keys expire, the version of the key stands in front of what it has encrypted, behind a zero byte.
const versionHeader = 5

func appendVersion(b []byte, version int) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0), uint32(version))
}

func cutVersion(b []byte) (version int, sealed []byte, err error) {
	if len(b) < versionHeader || b[0] != 0 {
		return 0, nil, errors.New("it does not begin with the version of a key: was it written before keys began to expire?")
	}
	version = int(int32(binary.BigEndian.Uint32(b[1:])))
	if version < 1 {
		return 0, nil, fmt.Errorf("it begins with the version %d of a key", version)
	}
	return version, b[versionHeader:], nil
}
