package kek

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/omninode/trestle/runtime/encrypt"
)

// request is what a program is asked, as a line of JSON.
type request struct {
	Op      string `json:"op"`
	Name    string `json:"name"` // of the key that wrapped; empty to wrap
	Data    []byte `json:"data"` // in base64
	Context []byte `json:"context"`
}

// answer is a program's, as a line of JSON.
type answer struct {
	Name string `json:"name,omitempty"` // of the key that wraps
	Data []byte `json:"data,omitempty"`
	// Error says why there is no data; Denied that the program may not have it, and Reason, where asking again does not help, why.
	Error  string         `json:"error,omitempty"`
	Denied bool           `json:"denied,omitempty"`
	Reason encrypt.Reason `json:"reason,omitempty"`
}

const (
	opWrap   = "wrap"
	opUnwrap = "unwrap"
	// maxLine bounds a line of the protocol.
	maxLine = 1 << 20
)

// reasons are those of errors that a KEK answers with.
var reasons = []struct {
	reason encrypt.Reason
	err    error
}{
	{encrypt.Denied, encrypt.ErrDenied},
	{encrypt.UnknownKEK, encrypt.ErrUnknownKEK},
	{encrypt.Destroyed, encrypt.ErrKEKDestroyed},
	{encrypt.Broken, encrypt.ErrNotWrapped},
}

// err is the error that an answer is; nil: none.
func (a *answer) err() error {
	if a.Error == "" && !a.Denied && a.Reason == "" {
		return nil
	}
	if a.Denied {
		a.Reason = encrypt.Denied
	}
	for _, r := range reasons {
		if r.reason == a.Reason {
			said := strings.TrimPrefix(strings.TrimPrefix(a.Error, r.err.Error()), ": ") // a program that serves a KEK says it, too
			if said == "" {
				return r.err
			}
			return fmt.Errorf("%w: %s", r.err, said)
		}
	}
	return errors.New(a.Error)
}

func answerWith(err error) answer {
	a := answer{Error: err.Error(), Denied: errors.Is(err, encrypt.ErrDenied)}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			a.Reason = r.reason
			break
		}
	}
	return a
}

// Serve is the main part of a program that [Command] runs: it answers each line of in with a line on out, as the KEK says, until in ends. Requests and answers
// are JSON, bytes in it base64:
//
//	{"op":"wrap","name":"","data":"c2VjcmV0","context":"Y29udGV4dA=="}
//	{"name":"2026","data":"d3JhcHBlZA=="}
//	{"op":"unwrap","name":"2026","data":"d3JhcHBlZA==","context":"Y29udGV4dA=="}
//	{"error":"the KEK denies it to this program","denied":true,"reason":"denied"}
//
// The reasons are "denied", "unknown_kek", "destroyed" and "broken"; an error without one says that the KEK can't be reached now.
func Serve(ctx context.Context, kek encrypt.KEK, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var r request
		var a answer
		err := json.Unmarshal(lines.Bytes(), &r)
		switch {
		case err != nil:
			err = errors.New("a request that is not JSON") // of which nothing is shown
		case r.Op == opWrap:
			a.Name, a.Data, err = kek.Wrap(ctx, r.Data, r.Context)
		case r.Op == opUnwrap:
			a.Data, err = kek.Unwrap(ctx, r.Name, r.Data, r.Context)
		default:
			err = fmt.Errorf("a request for %q, which is neither wrap nor unwrap", r.Op)
		}
		if err != nil {
			a = answerWith(err)
		}
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read a request: %w", err)
	}
	return nil
}
