package encrypt

import (
	"context"
	"encoding/binary"
)

// KEK wraps data keys with keys of its own, which never leave it: a KMS, or a file. It may be used from many goroutines.
//
// Errors wrap [ErrDenied], [ErrUnknownKEK], [ErrKEKDestroyed] or [ErrNotWrapped] where they are its answer; others say that there was none, and it is asked again.
type KEK interface {
	// Name is that of the key that Wrap wraps with now; empty where that is not known before.
	Name() string
	// Wrap returns a wrapped secret, and the name of the key it is wrapped with. The context is authenticated where the KEK can.
	Wrap(ctx context.Context, secret, context []byte) (name string, wrapped []byte, err error)
	// Unwrap returns the secret that was wrapped in that context with the key of that name.
	Unwrap(ctx context.Context, name string, wrapped, context []byte) (secret []byte, err error)
}

// wrapVersion begins the context of what is wrapped.
const wrapVersion = "trestle.key.v1"

// wrapContext is what a data key is bound to where it is wrapped: its class and its id.
func wrapContext(class string, id KeyID) []byte {
	b := binary.BigEndian.AppendUint32([]byte(wrapVersion), uint32(len(class)))
	return append(append(b, class...), id[:]...)
}
