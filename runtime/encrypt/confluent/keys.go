package confluent

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/registry"
)

// keyUse is what a rule says of the key that it encrypts with.
type keyUse struct {
	kek        string
	kmsType    string // that, and kmsKeyID, with which the KEK is made where there is none; empty: it is whatever the KEK has
	kmsKeyID   string
	algorithm  algorithm
	expiryDays int // 0: keys do not expire, and what they encrypt has no version in front
}

// keyEncryptionKey is a KEK as the registry has it: the name of a key that a KMS has.
type keyEncryptionKey struct {
	Name     string            `json:"name"`
	KMSType  string            `json:"kmsType"`
	KMSKeyID string            `json:"kmsKeyId"`
	KMSProps map[string]string `json:"kmsProps,omitempty"`
	// Shared says that the registry may use the KMS itself: it makes data keys, and has them in clear for those who may read them there.
	Shared bool `json:"shared"`
}

// alternates is the property of a KEK that names further keys of its KMS with which data keys may be wrapped.
const alternates = "encrypt.alternate.kms.key.ids"

// ids are the names of its keys in the KMS, in the order in which they are tried.
func (k *keyEncryptionKey) ids() []string {
	out := []string{k.KMSKeyID}
	for id := range strings.SplitSeq(k.KMSProps[alternates], ",") {
		if id = strings.TrimSpace(id); id != "" {
			out = append(out, id)
		}
	}
	return out
}

// wrappedKey is a data key as the registry has it.
type wrappedKey struct {
	Subject   string    `json:"subject"`
	Version   int       `json:"version"`
	Algorithm algorithm `json:"algorithm"`
	Wrapped   string    `json:"encryptedKeyMaterial,omitempty"`
	Material  string    `json:"keyMaterial,omitempty"` // of a shared KEK alone
	Made      int64     `json:"ts,omitempty"`          // in milliseconds
}

// keyID is a data key's place in the registry.
type keyID struct {
	kek, subject string
	algorithm    algorithm
	version      int // newest: the newest
}

const newest = -1

func (id keyID) String() string {
	version := "newest version"
	if id.version != newest {
		version = "version " + strconv.Itoa(id.version)
	}
	return fmt.Sprintf("data key of subject %s, %s, %s", id.subject, id.algorithm, version)
}

// knownKey is a data key that was unwrapped.
type knownKey struct {
	*dataKey
	version int
	made    time.Time
}

// keys are the data keys of a registry. What was unwrapped is kept: a key does not change.
type keys struct {
	client *registry.Client
	kms    map[string]encrypt.KEK
	now    func() time.Time

	mu   sync.Mutex
	keks map[string]*keyEncryptionKey
	deks map[keyID]*knownKey
}

const keksPath = "/dek-registry/v1/keks"

// forReading returns a key that a value was encrypted with.
func (k *keys) forReading(ctx context.Context, use *keyUse, subject string, version int) (*dataKey, error) {
	id := keyID{use.kek, subject, use.algorithm, version}
	if known := k.known(id); known != nil {
		return known.dataKey, nil
	}
	kek, err := k.kek(ctx, use)
	if errors.Is(err, registry.ErrNotFound) {
		err = &encrypt.UnavailableError{Reason: encrypt.UnknownKEK, Class: use.kek, Err: err}
	}
	if err != nil {
		return nil, err
	}
	known, err := k.find(ctx, kek, id, true)
	if errors.Is(err, registry.ErrNotFound) {
		err = &encrypt.UnavailableError{Reason: encrypt.UnknownKey, Class: use.kek, Err: fmt.Errorf("%v: %w", id, err)}
	}
	if err != nil {
		return nil, err
	}
	return known.dataKey, nil
}

// forWriting returns the key that values are encrypted with now: the only one or, where keys expire, the newest. Where there is none, or it has expired, one is made.
func (k *keys) forWriting(ctx context.Context, use *keyUse, subject string) (*knownKey, error) {
	id := keyID{use.kek, subject, use.algorithm, 1}
	if use.expiryDays > 0 {
		id.version = newest
	}
	if known := k.known(id); known != nil && !k.expired(known, use) {
		return known, nil
	}
	kek, err := k.kek(ctx, use)
	if errors.Is(err, registry.ErrNotFound) {
		kek, err = k.makeKEK(ctx, use)
	}
	if err != nil {
		return nil, err
	}
	known, err := k.find(ctx, kek, id, false)
	next := id
	switch {
	case errors.Is(err, registry.ErrNotFound):
		next.version = 1
	case err != nil:
		return nil, err
	case !k.expired(known, use):
		return known, nil
	default:
		next.version = known.version + 1
	}
	err = k.make(ctx, kek, next)
	if err != nil && !isConflict(err) { // of one that another has made meanwhile
		return nil, err
	}
	known, err = k.find(ctx, kek, id, false)
	return known, deleted(use.kek, err)
}

// deleted is the error of looking for what the registry has said that it has already.
func deleted(kek string, err error) error {
	if errors.Is(err, registry.ErrNotFound) {
		return &encrypt.UnavailableError{Reason: encrypt.Destroyed, Class: kek, Err: fmt.Errorf("it was deleted, and can't be made anew: %w", err)}
	}
	return err
}

func (k *keys) expired(known *knownKey, use *keyUse) bool {
	return use.expiryDays > 0 && k.now().Sub(known.made) > time.Duration(use.expiryDays)*24*time.Hour
}

func (k *keys) known(id keyID) *knownKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.deks[id]
}

// kek returns the KEK that a rule names. The error is [registry.ErrNotFound] where there is none.
func (k *keys) kek(ctx context.Context, use *keyUse) (*keyEncryptionKey, error) {
	k.mu.Lock()
	kek := k.keks[use.kek]
	k.mu.Unlock()
	if kek == nil {
		kek = new(keyEncryptionKey)
		err := k.client.Ask(ctx, http.MethodGet, keksPath+"/"+url.PathEscape(use.kek), url.Values{"deleted": {"false"}}, nil, kek)
		if err != nil {
			return nil, k.away(use.kek, err)
		}
		k.mu.Lock()
		k.keks[use.kek] = kek
		k.mu.Unlock()
	}
	if use.kmsType != "" && kek.KMSType != use.kmsType || use.kmsKeyID != "" && kek.KMSKeyID != use.kmsKeyID {
		return nil, &encrypt.UnavailableError{Reason: encrypt.Broken, Class: use.kek, Err: fmt.Errorf("the rule has it with the key %s://%s, and the DEK registry with %s://%s: which is right?",
			use.kmsType, use.kmsKeyID, kek.KMSType, kek.KMSKeyID)}
	}
	return kek, nil
}

// makeKEK makes the KEK that a rule names.
func (k *keys) makeKEK(ctx context.Context, use *keyUse) (*keyEncryptionKey, error) {
	if use.kmsType == "" || use.kmsKeyID == "" {
		return nil, &encrypt.UnavailableError{Reason: encrypt.UnknownKEK, Class: use.kek, Err: fmt.Errorf("the DEK registry has no such KEK, and to make it the rule needs the parameters %s and %s",
			paramKMSType, paramKMSKeyID)}
	}
	made := keyEncryptionKey{Name: use.kek, KMSType: use.kmsType, KMSKeyID: use.kmsKeyID}
	err := k.client.Ask(ctx, http.MethodPost, keksPath, nil, made, new(keyEncryptionKey))
	if err != nil && !isConflict(err) { // of one that another has made meanwhile
		if errors.Is(err, registry.ErrNotFound) {
			err = &encrypt.UnavailableError{Reason: encrypt.UnknownKEK, Class: use.kek, Err: fmt.Errorf("make the KEK: %w: has that registry data keys?", err)}
		}
		return nil, k.away(use.kek, err)
	}
	kek, err := k.kek(ctx, use)
	return kek, deleted(use.kek, err)
}

// find returns a data key that the registry has, unwrapped. The error is [registry.ErrNotFound] where it has none.
func (k *keys) find(ctx context.Context, kek *keyEncryptionKey, id keyID, deleted bool) (*knownKey, error) {
	path := keksPath + "/" + url.PathEscape(kek.Name) + "/deks/" + url.PathEscape(id.subject) + "/versions/" + strconv.Itoa(id.version)
	var found wrappedKey
	query := url.Values{"algorithm": {string(id.algorithm)}, "deleted": {strconv.FormatBool(deleted)}}
	if err := k.client.Ask(ctx, http.MethodGet, path, query, nil, &found); err != nil {
		return nil, k.away(id.kek, err)
	}
	if found.Version < 1 || id.version != newest && found.Version != id.version || found.Algorithm != id.algorithm {
		return nil, &encrypt.AwayError{Class: id.kek, Err: fmt.Errorf("%v: the registry answered with version %d, %q", id, found.Version, found.Algorithm)}
	}
	material, err := k.material(ctx, kek, &found)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", id, err)
	}
	key, err := id.algorithm.parse(material)
	if err != nil {
		return nil, &encrypt.UnavailableError{Reason: encrypt.Broken, Class: id.kek, Err: fmt.Errorf("%v: %w", id, err)}
	}
	known := &knownKey{dataKey: key, version: found.Version, made: time.UnixMilli(found.Made)}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.deks[id] = known
	return known, nil
}

// material is the secret of a data key, as Tink writes it.
func (k *keys) material(ctx context.Context, kek *keyEncryptionKey, found *wrappedKey) ([]byte, error) {
	text := found.Material
	if text == "" {
		text = found.Wrapped
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil, &encrypt.UnavailableError{Reason: encrypt.Broken, Class: kek.Name, Err: errors.New("the registry has no key in base64")}
	}
	if found.Material != "" {
		return raw, nil
	}
	var secret []byte
	err = k.each(kek, func(kms encrypt.KEK, id string) (err error) {
		secret, err = kms.Unwrap(ctx, id, raw, nil)
		return err
	})
	return secret, err
}

// make adds a data key to the registry.
func (k *keys) make(ctx context.Context, kek *keyEncryptionKey, id keyID) error {
	made := wrappedKey{Subject: id.subject, Version: id.version, Algorithm: id.algorithm}
	if !kek.Shared {
		material, err := id.algorithm.newMaterial()
		if err != nil {
			return err
		}
		err = k.each(kek, func(kms encrypt.KEK, id string) error {
			name, wrapped, err := kms.Wrap(ctx, material, nil)
			if err == nil && name != "" && name != id {
				return fmt.Errorf("%w: it wraps with %s, and readers will ask for %s", encrypt.ErrUnknownKEK, name, id)
			}
			made.Wrapped = base64.StdEncoding.EncodeToString(wrapped)
			return err
		})
		if err != nil {
			return fmt.Errorf("%v: %w", id, err)
		}
	}
	path := keksPath + "/" + url.PathEscape(kek.Name) + "/deks/"
	err := k.client.Ask(ctx, http.MethodPost, path+url.PathEscape(id.subject), nil, made, new(wrappedKey))
	if answer, ok := errors.AsType[*sr.ResponseError](err); ok && answer.StatusCode == http.StatusMethodNotAllowed { // older registries have the subject in the body alone
		err = k.client.Ask(ctx, http.MethodPost, strings.TrimSuffix(path, "/"), nil, made, new(wrappedKey))
	}
	return k.away(id.kek, err)
}

// each tries the keys of a KEK in its KMS one after the other. Its error says that the KMS could not be asked, where one of them could not.
func (k *keys) each(kek *keyEncryptionKey, try func(kms encrypt.KEK, id string) error) error {
	var failed error
	for _, id := range kek.ids() {
		kms := k.kms[kek.KMSType+"://"+id]
		if kms == nil {
			kms = k.kms[kek.KMSType]
		}
		var err error
		if kms == nil {
			err = &encrypt.UnavailableError{Reason: encrypt.NoKEK, Class: kek.Name, Err: fmt.Errorf("no KMS of type %s is configured", kek.KMSType)}
		} else if err = try(kms, id); err == nil {
			return nil
		} else {
			err = encrypt.KEKError(kek.Name, uuid.Nil, fmt.Errorf("%s://%s: %w", kek.KMSType, id, err))
		}
		if _, away := errors.AsType[*encrypt.AwayError](err); away || failed == nil {
			failed = err
		}
	}
	return failed
}

// away is the error of a request: that the registry can't be asked now, unless it says that it has no such thing or that it has it already, or the error says more itself.
func (k *keys) away(kek string, err error) error {
	if err == nil || isKeyError(err) || isConflict(err) {
		return err
	}
	if errors.Is(err, registry.ErrNotFound) {
		return err
	}
	return &encrypt.AwayError{Class: kek, Err: err}
}

func isKeyError(err error) bool {
	_, unavailable := errors.AsType[*encrypt.UnavailableError](err)
	_, away := errors.AsType[*encrypt.AwayError](err)
	return unavailable || away
}

func isConflict(err error) bool {
	answer, ok := errors.AsType[*sr.ResponseError](err)
	return ok && answer.StatusCode == http.StatusConflict
}
