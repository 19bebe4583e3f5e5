package scram_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/scram"
	"github.com/omninode/trestle/runtime/secure"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "bob", "bob"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	as := func(mechanism, user, password string) kafka.Connection {
		conn, err := kafka.Connection{Brokers: c.ListenAddrs()}.Secured(nil, &kafka.SASL{Mechanism: mechanism, User: user, Password: secure.Value(password)})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	admin, err := as(kafka.Plain, "admin", "admin").Client()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	bob, err := as(kafka.Plain, "bob", "bob").Client()
	if err != nil {
		t.Fatal(err)
	}
	defer bob.Close()

	if err := scram.Set(t.Context(), bob, "billing", "secret", scram.DefaultIterations); err == nil || !strings.Contains(err.Error(), "allow this user Alter on the cluster?") {
		t.Errorf("without Alter: %v", err)
	}
	if _, err := scram.List(t.Context(), bob, "billing"); err == nil || !strings.Contains(err.Error(), "allow this user Describe on the cluster?") {
		t.Errorf("without Describe: %v", err)
	}
	if err := scram.Set(t.Context(), admin, "billing", "secret", 100); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("with 100 iterations: %v", err)
	}
	if err := scram.Set(t.Context(), admin, "billing", "secret", scram.DefaultIterations); err != nil {
		t.Fatal(err)
	}
	if known, err := scram.List(t.Context(), admin, "billing", "nobody"); err != nil || len(known) != 1 || known["billing"] != scram.DefaultIterations {
		t.Errorf("there are %v, %v", known, err)
	}
	if err := scram.Remove(t.Context(), admin, "billing"); err != nil {
		t.Fatal(err)
	}
	if known, err := scram.List(t.Context(), admin, "billing", "nobody"); err != nil || len(known) != 0 {
		t.Errorf("after it was removed there are %v, %v", known, err)
	}
}
