// Package awskms has AWS KMS wrap data keys. It is a module of its own, so that nobody else's dependencies grow by the SDK.
//
//	cfg, err := config.LoadDefaultConfig(ctx) // github.com/aws/aws-sdk-go-v2/config
//	...
//	kek, err := awskms.NewKEK(kms.NewFromConfig(cfg), "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
//	...
//	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek}})
//
// A program needs kms:Encrypt on the key to encrypt events, and kms:Decrypt to decrypt them, and to encrypt with keys that others made. The command trestle-kek-aws
// does the same for programs in other languages, and for trestle itself.
//
// It was tested against moto, which does as KMS does, and not against KMS itself; and what it makes of KMS's errors, by their documentation alone.
package awskms

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/omninode/trestle/runtime/encrypt"
)

// contextName is the name in KMS's encryption context of what a data key is bound to. CloudTrail shows it: it has the data key's class and id.
const contextName = "trestle"

// KEK is a key of KMS. It may be used from many goroutines.
type KEK struct {
	client *kms.Client
	key    arn.ARN
	name   atomic.Pointer[string] // as KMS last said it
}

var _ encrypt.KEK = (*KEK)(nil)

// NewKEK returns the KEK of a symmetric key, by its ARN or that of an alias. It contacts nothing, and fails where it is none.
//
// Keys of the same account that wrapped before unwrap on; those of others never do, whatever an entry says.
func NewKEK(client *kms.Client, key string) (*KEK, error) {
	parsed, err := arn.Parse(key)
	if err != nil || parsed.Service != "kms" || !strings.HasPrefix(parsed.Resource, "key/") && !strings.HasPrefix(parsed.Resource, "alias/") {
		return nil, fmt.Errorf("key of KMS %q: it is given by its ARN, such as arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", key)
	}
	return &KEK{client: client, key: parsed}, nil
}

// String names the key.
func (k *KEK) String() string { return k.key.String() }

// Name implements [encrypt.KEK].
func (k *KEK) Name() string {
	if name := k.name.Load(); name != nil {
		return *name
	}
	return k.key.String()
}

func contextOf(bound []byte) map[string]string {
	return map[string]string{contextName: base64.StdEncoding.EncodeToString(bound)}
}

// Wrap implements [encrypt.KEK]. The name is the ARN of the key, of an alias that which it leads to.
func (k *KEK) Wrap(ctx context.Context, secret, bound []byte) (name string, wrapped []byte, err error) {
	out, err := k.client.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String(k.key.String()), Plaintext: secret, EncryptionContext: contextOf(bound)})
	if err != nil {
		return "", nil, typed(err)
	}
	k.name.Store(out.KeyId)
	return aws.ToString(out.KeyId), out.CiphertextBlob, nil
}

// Unwrap implements [encrypt.KEK].
func (k *KEK) Unwrap(ctx context.Context, name string, wrapped, bound []byte) ([]byte, error) {
	of, err := arn.Parse(name)
	if err != nil || of.Service != k.key.Service || of.Partition != k.key.Partition || of.AccountID != k.key.AccountID {
		return nil, fmt.Errorf("%w: %s is no key of the account of %v", encrypt.ErrUnknownKEK, name, k.key)
	}
	// A key of another region is asked for there: a multi-region key has replicas, and others are where they are.
	out, err := k.client.Decrypt(ctx, &kms.DecryptInput{KeyId: aws.String(name), CiphertextBlob: wrapped, EncryptionContext: contextOf(bound)},
		func(o *kms.Options) { o.Region = of.Region })
	if err != nil {
		return nil, typed(err)
	}
	return out.Plaintext, nil
}

// answers are what errors of KMS say; others are no answers: of the network, of throttling, of credentials that have expired.
var answers = map[string]error{
	"AccessDeniedException":      encrypt.ErrDenied,
	"DisabledException":          encrypt.ErrDenied, // until somebody enables it
	"InvalidKeyUsageException":   encrypt.ErrDenied, // not for encryption
	"NotFoundException":          encrypt.ErrUnknownKEK,
	"InvalidCiphertextException": encrypt.ErrNotWrapped,
	"IncorrectKeyException":      encrypt.ErrNotWrapped,
}

func typed(err error) error {
	answer, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	is := answers[answer.ErrorCode()]
	if answer.ErrorCode() == "KMSInvalidStateException" && strings.Contains(answer.ErrorMessage(), "pending deletion") {
		is = encrypt.ErrKEKDestroyed
	}
	if is == nil {
		return err
	}
	return fmt.Errorf("%w: %w", is, err)
}
