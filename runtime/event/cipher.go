package event

import (
	"cmp"
	"context"
	"errors"

	"github.com/omninode/trestle/runtime/encrypt"
)

// RecordCipher decrypts and encrypts the values of records in a way that is not Trestle's own, such as that of Confluent's clients: package runtime/encrypt/confluent. It may be
// used from many goroutines.
type RecordCipher interface {
	// Decrypt returns a record with what is encrypted of it decrypted; one in which nothing is, as it is. The error is an [encrypt.AwayError] where trying again may help.
	Decrypt(ctx context.Context, rec *Record) (Record, error)
	// Encrypt returns a record with what is to be encrypted of it encrypted; one in which nothing is, as it is. The error is as that of Decrypt.
	Encrypt(ctx context.Context, rec *Record) (Record, error)
}

// decrypted returns a record as the cipher has it. Even where that fails there is a record: the one that was given.
func (o *DecodeOptions) decrypted(rec *Record) (*Record, error) {
	if o.Cipher == nil {
		return rec, nil
	}
	opened, err := o.Cipher.Decrypt(cmp.Or(o.Context, context.Background()), rec)
	if away, ok := errors.AsType[*encrypt.AwayError](err); ok {
		return rec, &KeysAwayError{Key: away.ID, Err: err}
	}
	if err != nil {
		return rec, err
	}
	return &opened, nil
}
