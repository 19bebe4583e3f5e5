package ops

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/omninode/trestle/runtime/kafka"
)

// WebhookSettings say where alerts are posted.
type WebhookSettings struct {
	// URL gets each alert as JSON; empty: there is none. What is in it behind the host is never printed: it may be a secret.
	URL string `yaml:"url"`
	// Secret is sent along in the header, which is Authorization unless another is named; there "Bearer " stands before it.
	Secret Secret `yaml:"secret"`
	Header string `yaml:"header"`
}

// with returns the settings with what stands before them, once they can be right.
func (w WebhookSettings) with(o AlertOptions, p *Project) (WebhookSettings, error) {
	variable := o.Variable
	if variable == nil {
		variable = func(string) string { return "" }
	}
	p.at(&w.Secret.File)
	w.URL = cmp.Or(o.Webhook, variable("TRESTLE_WEBHOOK"), w.URL)
	if secret := secretOf(o.WebhookSecretFile, variable, "TRESTLE_WEBHOOK_SECRET"); !secret.IsZero() {
		w.Secret = secret
	}
	if w.URL == "" {
		return w, nil
	}
	at, err := url.Parse(w.URL)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return w, errors.New("the webhook is no URL such as https://alerts.example.org/hook")
	}
	return w, nil
}

// webhook posts alerts.
type webhook struct {
	settings WebhookSettings
	told     string // the file of what it was told; who tells it more holds the lock beside it
}

// A webhook has so many attempts at an alert, each for so long.
const (
	webhookAttempts = 4
	webhookPatience = 10 * time.Second
)

var webhookBackoff = kafka.Backoff{Lowest: 500 * time.Millisecond, Highest: 5 * time.Second}

// webhookClient follows nobody elsewhere: the secret is for the one that was named.
var webhookClient = &http.Client{
	Timeout:       webhookPatience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (w *webhook) raised(context.Context) (raisedAlerts, error) { return readTold(w.told) }

func (w *webhook) tell(ctx context.Context, next func(raisedAlerts) *Alert) error {
	if err := os.MkdirAll(filepath.Dir(w.told), 0o755); err != nil {
		return err
	}
	lock := flock.New(w.told + ".lock")
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another process that tells the webhook: %w", err)
	}
	defer lock.Unlock()
	raised, err := readTold(w.told)
	if err != nil {
		return err
	}
	a := next(raised)
	if a == nil {
		return nil
	}
	if err := w.deliver(ctx, a); err != nil {
		return err
	}
	raised.take(a.Name, a.State, a.Time)
	return writeTold(w.told, raised)
}

// deliver posts an alert, and again where that may help.
func (w *webhook) deliver(ctx context.Context, a *Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		again, err := w.post(ctx, body)
		if err == nil {
			return nil
		}
		if !again || n == webhookAttempts || kafka.Sleep(ctx, webhookBackoff.After(n)) != nil {
			return fmt.Errorf("webhook at %s: %w", w.shown(), err)
		}
	}
}

// post makes one attempt, and says of one that failed whether another may do better.
func (w *webhook) post(ctx context.Context, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.settings.URL, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("it is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", source.ServiceName)
	if !w.settings.Secret.IsZero() {
		secret, err := w.settings.Secret.Read(ctx)
		if err != nil {
			return false, err
		}
		if w.settings.Header == "" {
			secret = "Bearer " + secret
		}
		request.Header.Set(cmp.Or(w.settings.Header, "Authorization"), secret)
	}
	response, err := webhookClient.Do(request)
	if named, ok := errors.AsType[*url.Error](err); ok {
		err = named.Err // without the URL
	}
	if err != nil {
		return true, err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
	switch code := response.StatusCode; {
	case code/100 == 2:
		return false, nil
	case code/100 == 5 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return true, fmt.Errorf("it answers %s", response.Status)
	default:
		return false, fmt.Errorf("it answers %s", response.Status)
	}
}

// shown is the webhook as it may be printed.
func (w *webhook) shown() string {
	at, err := url.Parse(w.settings.URL)
	if err != nil {
		return "?"
	}
	return at.Scheme + "://" + at.Host
}
