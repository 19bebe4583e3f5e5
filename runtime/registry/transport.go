package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

const (
	maxAttempts = 4
	maxAnswer   = 64 << 20 // bytes
	// longestWait is how long a registry may have a client wait that has asked too much of it. One that wants more gets its wish: the request fails.
	longestWait = 15 * time.Second
)

// transport reads answers whole, makes requests again that failed for a reason which may pass, and tells the answers of a registry from others. All
// requests of this package may be made twice: a registry gives a schema that it has the id that it has.
type transport struct {
	next    http.RoundTripper
	between kafka.Backoff // spaces the attempts of one request
}

// RoundTrip returns an answer of a registry, its body in memory. Any other answer is a [foreignError].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	for attempt := 1; ; attempt++ {
		response, err := t.once(r)
		wait := t.between.After(attempt)
		if asked := asks(response, err); asked > 0 {
			wait = asked
		}
		if attempt == maxAttempts || isOnce(ctx) || !mayPass(response, err) || ctx.Err() != nil {
			return response, err
		}
		if end, bounded := ctx.Deadline(); wait > longestWait || bounded && time.Until(end) < wait {
			return response, err
		}
		if kafka.Sleep(ctx, wait) != nil {
			return response, err
		}
		if r.GetBody != nil {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			r = r.Clone(ctx)
			r.Body = body
		}
	}
}

// once makes a request.
func (t *transport) once(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	response.Body.Close()
	switch {
	case err != nil:
		return nil, fmt.Errorf("its answer ended after %d bytes: %w", len(body), err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("its answer has more than %d MiB", maxAnswer>>20)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if r.Method == http.MethodHead {
		return response, nil
	}
	var no struct {
		Code    *int   `json:"error_code"` // of a registry, which may be 0
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &no)
	foreign := &foreignError{status: response.StatusCode, asked: retryAfter(response)}
	switch fine := response.StatusCode < 300; {
	case fine && no.Code != nil && *no.Code != 0:
		foreign.what = fmt.Sprintf("with an error in it: %d %s", *no.Code, no.Message)
	case fine && len(bytes.TrimSpace(body)) == 0:
		foreign.what = "with nothing in it"
	case fine && !json.Valid(body):
		foreign.what, foreign.cut = "with something that is no JSON: "+excerpt(body), strings.ContainsAny(string(body[:1]), "{[")
	case !fine && no.Code == nil:
	default:
		return response, nil
	}
	return nil, foreign
}

// excerpt is the beginning of a text in one line.
func excerpt(body []byte) string {
	const shown = 60
	text := strings.Join(strings.Fields(string(body[:min(len(body), 4*shown)])), " ")
	if len(text) > shown || len(body) > 4*shown {
		text = text[:min(len(text), shown)] + "…"
	}
	return strconv.Quote(text)
}

// foreignError is an answer that is none of a registry's.
type foreignError struct {
	status int
	what   string        // beside the status
	cut    bool          // it may have been one, and ends early
	asked  time.Duration // how long it wants to be left alone
}

func (e *foreignError) Error() string {
	text := fmt.Sprintf("it answered %d %s", e.status, http.StatusText(e.status))
	if e.what != "" {
		text += " " + e.what
	}
	if e.asked > 0 {
		text += fmt.Sprintf(", and asks to wait %s", e.asked)
	}
	return text
}

// asks is how long an answer, of a registry or not, asks to wait.
func asks(response *http.Response, err error) time.Duration {
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return foreign.asked
	}
	return retryAfter(response)
}

// retryAfter is how long an answer asks to wait; 0: it does not.
func retryAfter(response *http.Response) time.Duration {
	if response == nil {
		return 0
	}
	text := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// mayPass says whether another attempt may fare better.
func mayPass(response *http.Response, err error) bool {
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return foreign.cut || isPassing(foreign.status)
	}
	if err != nil {
		var timeout net.Error
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
			errors.As(err, &timeout) && timeout.Timeout()
	}
	return isPassing(response.StatusCode) && !isAnswerTo(response)
}

func isPassing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isAnswerTo says whether an answer is about what was asked, though its status is that of a trouble.
func isAnswerTo(response *http.Response) bool {
	code := errorCode(response)
	return isHelpless(response.StatusCode, code) && code != http.StatusInternalServerError
}

// isHelpless says whether a registry has said that it can't deal with a schema, as Apicurio can't with JSON Schema drafts after 7: with 500 each time, and
// none of the codes that stand for a trouble which passes. The code 500 is said to both.
func isHelpless(status, code int) bool {
	return status == http.StatusInternalServerError && code/100 != 500
}

// errorCode is that of an answer whose body is in memory, and stays there.
func errorCode(response *http.Response) int {
	body, _ := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	var no struct {
		Code int `json:"error_code"`
	}
	_ = json.Unmarshal(body, &no)
	return no.Code
}

var onceKey int

// once has requests made once: for whoever can do without the answer.
func once(ctx context.Context) context.Context { return context.WithValue(ctx, &onceKey, true) }

func isOnce(ctx context.Context) bool { return ctx.Value(&onceKey) != nil }
