package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What was looked at is served, each with its times; what is not there any more is not.
func TestCredentialsAreServed(t *testing.T) {
	t.Parallel()
	metrics := newMonitorMetrics()
	served := func() string {
		w := httptest.NewRecorder()
		promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	metrics.takeCredentials([]ops.Credential{
		{Name: "password in a", Since: time.Unix(1000, 0)},
		{Name: "authority", From: time.Unix(2000, 0), Until: time.Unix(3000, 0)},
	})
	for _, line := range []string{
		`trestle_monitor_credential_created_timestamp_seconds{credential="password in a"} 1000`,
		`trestle_monitor_certificate_expiry_timestamp_seconds{credential="authority"} 3000`,
	} {
		if !strings.Contains(served(), line+"\n") {
			t.Errorf("%s is not served:\n%s", line, served())
		}
	}
	if metrics.takeCredentials(nil); strings.Contains(served(), "credential=") {
		t.Errorf("what is gone is served:\n%s", served())
	}
}
