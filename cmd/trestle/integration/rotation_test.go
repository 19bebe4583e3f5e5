package integration_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/cmd/trestle/ops"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// reauthentication is for how long brokers believe who a connection is of.
const reauthentication = 2 * time.Second

// TestRotationUnderLoad gives a publisher and a consumer other users and passwords while events flow: neither is restarted, no publish fails, and no event is lost; in
// the end the users of before are gone.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, services.WithProperty("listener.name.secure.scram-sha-512.connections.max.reauth.ms", "2000"))
	dir := copyProject(t)
	p, err := ops.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	env := ops.Environment{
		Brokers: g.brokers,
		Principals: ops.Principals{
			"omniclaude": {{Name: "User:claude-a"}, {Name: "User:claude-b"}},
			"omniarchon": {{Name: "User:archon-a"}, {Name: "User:archon-b"}},
		},
		Users: ops.UserSettings{HandOver: ops.HandOver{File: filepath.Join(dir, "logins/{service}")}},
	}
	ctx := within(t, patience)
	for _, plan := range []func(context.Context, *ops.Project, ops.Environment) (*ops.Plan, error){ops.PlanTopics, ops.PlanACLs, ops.PlanUsers} {
		made, err := plan(ctx, p, env)
		if err == nil {
			err = made.Apply(ctx, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	as := func(service string) connection.Connection {
		conn, err := connection.Connection{Brokers: g.secured}.Secured(&secure.TLS{CA: g.authority.File},
			&connection.SASL{Mechanism: connection.ScramSHA512, Login: secure.Secret{File: filepath.Join(dir, "logins", service)}})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	pub, err := trestle.NewPublisher(g.secured, trestle.WithConnection(as("omniclaude")), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close(context.Background())
	group := codegenv1.GroupOmniarchonCodegenIntelligence
	group.Start = trestle.Earliest
	archon, err := trestle.NewConsumer(g.secured, group, trestle.WithConnection(as("omniarchon")), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	published, handled := map[string]bool{}, map[string]bool{}
	trestle.Handle(archon, func(_ context.Context, r *codegenv1.CodegenPatternRequest) error {
		mu.Lock()
		defer mu.Unlock()
		handled[r.GetCorrelationId()] = true
		return nil
	})
	running, stop := context.WithCancel(ctx)
	loading, stopLoad := context.WithCancel(ctx)
	var work, load sync.WaitGroup
	work.Go(func() {
		if err := archon.Run(running); err != nil {
			t.Errorf("the consumer ended: %v", err)
		}
	})
	failed := 0
	load.Go(func() {
		for loading.Err() == nil {
			id := uuid.NewString()
			err := pub.Publish(ctx, &codegenv1.CodegenPatternRequest{
				CorrelationId: id, SessionId: stagedSession, NodeDescription: new("a"), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
			})
			mu.Lock()
			if published[id] = true; err != nil {
				failed++
				t.Errorf("a publish failed: %v", err)
			}
			mu.Unlock()
			_ = connection.Sleep(loading, 5*time.Millisecond)
		}
	})
	rotate := func(service string, o ops.RotateOptions) {
		t.Helper()
		done, err := ops.RotateUser(ctx, p, env, service, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s %s", service, done.Changes[0].Action, done.Changes[0].Name)
	}
	wait := func(d time.Duration) { _ = connection.Sleep(ctx, d) }
	wait(reauthentication)
	for _, service := range []string{"omniclaude", "omniarchon"} {
		before, err := os.ReadFile(filepath.Join(dir, "logins", service))
		if err != nil {
			t.Fatal(err)
		}
		rotate(service, ops.RotateOptions{})
		info, err := os.Stat(filepath.Join(dir, "logins", service))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the login of %s is %v, %v", service, info.Mode(), err)
		}
		after, _ := os.ReadFile(filepath.Join(dir, "logins", service))
		user, password, _ := strings.Cut(strings.TrimSpace(string(after)), ":")
		if slices.Equal(before, after) || !strings.HasSuffix(user, "-b") || len(password) < 32 {
			t.Errorf("the login of %s is of %s, with %d characters", service, user, len(password))
		}
	}
	wait(5*time.Second + 2*reauthentication) // a login that was looked up is kept for 5 s
	for _, service := range []string{"omniclaude", "omniarchon"} {
		rotate(service, ops.RotateOptions{Finish: true})
		if _, err := ops.RotateUser(ctx, p, env, service, ops.RotateOptions{Finish: true}); err == nil {
			t.Errorf("a rotation of %s that is finished can be finished", service)
		}
	}
	wait(2 * reauthentication) // whoever was the old user is asked again
	stopLoad()
	load.Wait()
	g.kafka.eventually("all is handled", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		for id := range published {
			if !handled[id] {
				return os.ErrNotExist
			}
		}
		return nil
	})
	stop()
	work.Wait()
	t.Logf("%d events published, %d failed, %d handled", len(published), failed, len(handled))
	if err := g.as("claude-a", secure.Value("whatever")).Check(ctx); err == nil {
		t.Error("the user of before is let in")
	}
}
