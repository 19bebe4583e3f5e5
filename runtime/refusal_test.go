package trestle_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestClientsThatBrokersDontLetInSaySo has brokers refuse a publisher and a consumer, which say why long before the
// delivery timeout.
func TestClientsThatBrokersDontLetInSaySo(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(server.Close)
	encrypted := kfake.TLS(&tls.Config{Certificates: server.TLS.Certificates})
	for name, c := range map[string]struct {
		brokers func(*testing.T) []string
		conn    kafka.Connection
		want    string
	}{
		"wrong password": {refusingPasswords, kafka.Connection{SASL: []sasl.Mechanism{plain.Auth{User: "pub", Pass: "wrong"}.AsMechanism()}}, "SASL_AUTHENTICATION_FAILED"},
		"TLS to a plain broker, OnKafka": {func(t *testing.T) []string { return services.SharedKafka(t).Brokers() },
			kafka.Connection{TLS: &tls.Config{}}, "TLS"},
		"plain to a TLS broker":  {func(t *testing.T) []string { return startCluster(t, encrypted).brokers }, kafka.Connection{}, "TLS"},
		"untrusted certificates": {func(t *testing.T) []string { return startCluster(t, encrypted).brokers }, kafka.Connection{TLS: &tls.Config{}}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brokers := c.brokers(t)
			p := newPublisher(t, brokers, trestle.WithConnection(c.conn), trestle.WithDeliveryTimeout(testPatience))
			async := make(chan error, 1)
			if err := p.PublishAsync(t.Context(), &orderPlaced{OrderID: "a"}, func(_ trestle.Receipt, err error) { async <- err }); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"PublishAsync": <-async,
				"Publish":      p.Publish(t.Context(), &orderPlaced{OrderID: "a"}),
			} {
				failed, ok := errors.AsType[*trestle.PublishError](err)
				if !ok || failed.Retriable || failed.Fate != trestle.NotSent || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: got %+v, want one that retrying can't help, about %s", what, err, c.want)
				}
			}

			consumer, err := trestle.NewConsumer(brokers, testGroup, quick(trestle.WithConnection(c.conn))...)
			if err != nil {
				t.Fatal(err)
			}
			trestle.Handle(consumer, ok)
			ctx, cancel := context.WithTimeout(t.Context(), testPatience)
			defer cancel()
			if err := consumer.Run(ctx); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run: got %v, want an error about %s", err, c.want)
			}
		})
	}
}

// refusingPasswords starts a cluster that takes none.
func refusingPasswords(t *testing.T) []string {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "pub", "right"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.ControlKey(kmsg.SASLAuthenticate.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	return c.ListenAddrs()
}

// TestPublishErrorSaysWhetherTheEventCanBeWritten compares what errors say with what stands on the topic.
func TestPublishErrorSaysWhetherTheEventCanBeWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt   func(*cluster)
		want      trestle.Fate
		retriable bool
	}{
		"no broker is there": {func(c *cluster) { c.Close() }, trestle.NotSent, true},
		"brokers don't answer": {func(c *cluster) {
			c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				return nil, nil, true
			})
		}, trestle.FateUnknown, true},
		"the topic is missing": {func(c *cluster) { _ = c.DeleteTopic(orders.Name) }, trestle.Refused, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t)
			p := newPublisher(t, cluster.brokers, trestle.WithDeliveryTimeout(2*time.Second),
				trestle.WithKafka(kgo.MetadataMinAge(10*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond })))
			c.breakIt(cluster)
			answer := make(chan error, 1)
			if err := p.PublishAsync(t.Context(), &orderPlaced{OrderID: "a"}, func(_ trestle.Receipt, err error) { answer <- err }); err != nil {
				t.Fatal(err)
			}
			err := <-answer
			failed, ok := errors.AsType[*trestle.PublishError](err)
			if !ok || failed.Fate != c.want || failed.Retriable != c.retriable || !strings.Contains(err.Error(), c.want.String()) {
				t.Errorf("got %v, want %s, retriable %t", err, c.want, c.retriable)
			}
		})
	}
}
