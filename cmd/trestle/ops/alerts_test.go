package ops

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hook is a server that takes alerts, and answers as it is told.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []int // to what comes next; then 200
	attempts int
	taken    []string // name and state
	headers  http.Header
}

func newHook(t *testing.T, answers ...int) *hook {
	h := &hook{answers: answers}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.attempts, h.headers = h.attempts+1, r.Header
		status := http.StatusOK
		if len(h.answers) > 0 {
			status, h.answers = h.answers[0], h.answers[1:]
		}
		body, _ := io.ReadAll(r.Body)
		var a Alert
		if err := json.Unmarshal(body, &a); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, body, err)
		}
		if status == http.StatusOK {
			h.taken = append(h.taken, a.Name+" "+a.State)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) got() (taken []string, attempts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken), h.attempts
}

func seen(thresholds ...Threshold) *Monitored { return &Monitored{time.Now(), thresholds} }

func threshold(name string, value float64) Threshold {
	return Threshold{Name: name, Limit: 10, Value: value, Passed: value > 10}
}

// An alert is posted once when it begins and once when it ends, whatever is looked at in between and however often the monitor is started; with its secret.
func TestWebhook(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := projectWith(t, "monitor: {alerts: {webhook: {url: "+h.URL+", secret: {file: "+secret+"}}}}\n")
	if err != nil {
		t.Fatal(err)
	}
	look := func(environment string, thresholds ...Threshold) {
		t.Helper()
		alerting, err := NewAlerting(t.Context(), p, Environment{name: environment}, AlertOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer alerting.Close()
		if err := alerting.Tell(t.Context(), seen(thresholds...)); err != nil {
			t.Fatal(err)
		}
	}
	look("", threshold("lag:a", 10), threshold("lag:b", 11))
	look("", threshold("lag:a", 10), threshold("lag:b", 12))
	look("") // what is not looked at stays as it is
	look("production", threshold("lag:b", 12))
	look("", threshold("lag:a", 30), threshold("lag:b", 10)) // which may not last
	look("", threshold("lag:a", 30), threshold("lag:b", 5))
	look("", threshold("lag:a", 30), threshold("lag:b", 5))
	want := []string{"lag:b raised", "lag:b raised", "lag:a raised", "lag:b cleared"}
	if taken, attempts := h.got(); !slices.Equal(taken, want) || attempts != len(want) {
		t.Errorf("it got %q by %d attempts, want %q", taken, attempts, want)
	}
	if got := h.headers.Get("Authorization"); got != "Bearer s3cret" {
		t.Errorf("Authorization: %q", got)
	}
}

// Another header has the secret as it is; what flags say stands before trestle.yaml.
func TestWebhookHeader(t *testing.T) {
	h := newHook(t)
	p, err := projectWith(t, "monitor: {alerts: {webhook: {url: http://127.0.0.1:1/, header: X-Token}}}\n")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("token", []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	alerting, err := NewAlerting(t.Context(), p, Environment{}, AlertOptions{Webhook: h.URL, WebhookSecretFile: "token"})
	if err != nil {
		t.Fatal(err)
	}
	defer alerting.Close()
	if err := alerting.Tell(t.Context(), seen(threshold("lag:a", 11))); err != nil {
		t.Fatal(err)
	}
	if got := h.headers.Get("X-Token"); got != "s3cret" {
		t.Errorf("X-Token: %q", got)
	}
}

// A webhook that fails is tried again so often, and then at the next look; an answer that no other attempt can better ends it. Nothing of the URL's path is said.
func TestWebhookFails(t *testing.T) {
	t.Parallel()
	const path = "/T0K3N"
	h := newHook(t, 503, 429, 400, 500, 500, 500, 500)
	p, err := projectWith(t, "monitor: {alerts: {webhook: {url: "+h.URL+path+"}}}\n")
	if err != nil {
		t.Fatal(err)
	}
	alerting, err := NewAlerting(t.Context(), p, Environment{}, AlertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer alerting.Close()
	failing := func(attempts int, want string) {
		t.Helper()
		err := alerting.Tell(t.Context(), seen(threshold("lag:a", 11)))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, got := h.got(); got != attempts {
			t.Errorf("%d attempts, want %d", got, attempts)
		}
	}
	failing(3, "lag:a is raised, and that could not be told: webhook at "+h.URL+": it answers 400")
	failing(7, "it answers 500")
	if err := alerting.Tell(t.Context(), seen(threshold("lag:a", 11))); err != nil {
		t.Error(err)
	}
	h.Close()
	failing = func(_ int, want string) {
		t.Helper()
		if err := alerting.Tell(t.Context(), seen(threshold("lag:a", 1))); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	failing(0, "refused")
}

// receiver is told by a function, and remembers what it was told.
type receiver struct {
	told   func(context.Context, Alert) error
	before raisedAlerts
}

func (r *receiver) raised(context.Context) (raisedAlerts, error) { return r.before, nil }

func (r *receiver) tell(ctx context.Context, next func(raisedAlerts) *Alert) error {
	a := next(r.before)
	if a == nil {
		return nil
	}
	err := r.told(ctx, *a)
	if err == nil {
		r.before.take(a.Name, a.State, a.Time)
	}
	return err
}

// Somebody who hangs holds up neither the looks nor the others, and is told of the last look once he can be. What could not be told counts as not told.
func TestAlertingHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var hanging, failing, other []string
		a := &Alerting{}
		tries := 0
		for _, told := range []func(context.Context, Alert) error{
			func(ctx context.Context, a Alert) error {
				select {
				case <-release:
				case <-ctx.Done():
					return ctx.Err()
				}
				hanging = append(hanging, a.Name+" "+a.State)
				return nil
			},
			func(_ context.Context, a Alert) error {
				if tries++; tries == 1 {
					return errors.New("not now")
				}
				failing = append(failing, a.Name+" "+a.State)
				return nil
			},
			func(_ context.Context, a Alert) error {
				other = append(other, a.Name+" "+a.State)
				return nil
			},
		} {
			a.senders = append(a.senders, &alertSender{
				to: &receiver{told, raisedAlerts{}}, alarm: newAlarm(alertSettle), latest: make(chan *Monitored, 1), failed: func(error) {},
			})
		}
		a.Start(t.Context())
		for _, value := range []float64{11, 12, 1, 13} {
			a.Take(seen(threshold("lag:a", value)))
			synctest.Wait()
		}
		want := []string{"lag:a raised", "lag:a cleared", "lag:a raised"}
		if !slices.Equal(other, want) || !slices.Equal(failing, want) || len(hanging) != 0 {
			t.Errorf("others were told %q and %q, who hangs %q", other, failing, hanging)
		}
		close(release)
		synctest.Wait()
		if !slices.Equal(hanging, want[:1]) {
			t.Errorf("who hung was told %q, want %q", hanging, want[:1])
		}
		a.Close()
	})
}

// A part of events is worth telling where a single letter is not too many already.
func TestDeadLetterRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		letters, events int64
		want            float64
	}{{0, 1000, 0}, {1, 99, 0}, {1, 100, 0.01}, {3, 200, 0.015}, {50, 0, 0}, {200, 0, 1}} {
		if got := deadLetterRate(c.letters, c.events, 0.01); got != c.want {
			t.Errorf("%d of %d: %v, want %v", c.letters, c.events, got, c.want)
		}
	}
}
