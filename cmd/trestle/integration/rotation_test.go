package integration_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"

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
// the end the users of before are gone, and nobody works as one of them.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	t.Run("where brokers ask again who one is", func(t *testing.T) {
		t.Parallel()
		rotateUsers(t, services.WithProperty("listener.name.secure.scram-sha-512.connections.max.reauth.ms", "2000"))
	})
	t.Run("where they believe it as long as a connection lasts", func(t *testing.T) {
		t.Parallel()
		rotateUsers(t)
	})
}

func rotateUsers(t *testing.T, more ...services.KafkaOption) {
	seen := newAccessLog(t, "DEBUG")
	g := newGuarded(t, append(more, seen.option())...)
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
	f := begin(ctx, t, as("omniclaude"), as("omniarchon"))
	rotate := func(service string, o ops.RotateOptions) {
		t.Helper()
		done, err := ops.RotateUser(ctx, p, env, service, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s %s", service, done.Changes[0].Action, done.Changes[0].Name)
	}
	f.flow(50)
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
	f.awaitRenewal(seen, "User:claude-", "a", "b")
	f.awaitRenewal(seen, "User:archon-", "a", "b")
	for _, service := range []string{"omniclaude", "omniarchon"} {
		rotate(service, ops.RotateOptions{Finish: true})
		if _, err := ops.RotateUser(ctx, p, env, service, ops.RotateOptions{Finish: true}); err == nil {
			t.Errorf("a rotation of %s that is finished can be finished", service)
		}
	}
	g.takeRights(ctx, "User:claude-a", "User:archon-a")
	_ = connection.Sleep(ctx, 2*reauthentication) // whoever was the old user is asked again
	f.flow(200)
	f.end(g)
	if err := g.as("claude-a", secure.Value("whatever")).Check(ctx); err == nil {
		t.Error("the user of before is let in")
	}
}

// TestCertificatesUnderLoad gives a publisher and a consumer other certificates while events flow: neither is restarted, no publish fails, no event is lost, and the new
// certificates are those that brokers see.
func TestCertificatesUnderLoad(t *testing.T) {
	t.Parallel()
	seen := newAccessLog(t, "DEBUG")
	g := newGuarded(t, seen.option())
	dir := copyProject(t)
	p, err := ops.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	env := ops.Environment{Brokers: g.brokers, Principals: ops.Principals{
		"omniclaude": {{Name: "User:CN=claude-1"}, {Name: "User:CN=claude-2"}},
		"omniarchon": {{Name: "User:CN=archon-1"}, {Name: "User:CN=archon-2"}},
	}}
	ctx := within(t, patience)
	for _, plan := range []func(context.Context, *ops.Project, ops.Environment) (*ops.Plan, error){ops.PlanTopics, ops.PlanACLs} {
		made, err := plan(ctx, p, env)
		if err == nil {
			err = made.Apply(ctx, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := func(service, what string) string { return filepath.Join(dir, service+"-"+what+".pem") }
	// issue writes a certificate over that of before, its two files one after the other, as they are found by whoever looks in between.
	issue := func(service, name string) {
		t.Helper()
		made := g.authority.Issue(name, time.Now().Add(time.Hour))
		for what, from := range map[string]string{"cert": made.Cert, "key": made.Key} {
			text, err := os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(file(service, what), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			_ = connection.Sleep(ctx, 1500*time.Millisecond)
		}
	}
	as := func(service string) connection.Connection {
		issue(service, service+"-1")
		conn, err := connection.Connection{Brokers: g.mutual}.Secured(&secure.TLS{CA: g.authority.File, Cert: file(service, "cert"), Key: file(service, "key")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	f := begin(ctx, t, as("claude"), as("archon"))
	f.flow(50)
	issue("claude", "claude-2")
	issue("archon", "archon-2")
	f.awaitRenewal(seen, "User:CN=claude-", "1", "2")
	f.awaitRenewal(seen, "User:CN=archon-", "1", "2")
	g.takeRights(ctx, "User:CN=claude-1", "User:CN=archon-1")
	f.flow(200)
	f.end(g)
}

// flow is events that flow: requests, from a publisher to a consumer.
type flow struct {
	t              *testing.T
	ctx            context.Context
	stopLoad, stop context.CancelFunc
	load, work     sync.WaitGroup

	mu                 sync.Mutex
	published, handled map[string]bool
	failed             int
}

func begin(ctx context.Context, t *testing.T, publishes, consumes connection.Connection) *flow {
	t.Helper()
	pub, err := trestle.NewPublisher(publishes.Brokers, trestle.WithConnection(publishes), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close(context.Background()) })
	group := codegenv1.GroupOmniarchonCodegenIntelligence
	group.Start = trestle.Earliest
	archon, err := trestle.NewConsumer(consumes.Brokers, group, trestle.WithConnection(consumes), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	f := &flow{t: t, ctx: ctx, published: map[string]bool{}, handled: map[string]bool{}}
	trestle.Handle(archon, func(_ context.Context, r *codegenv1.CodegenPatternRequest) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.handled[r.GetCorrelationId()] = true
		return nil
	})
	var running, loading context.Context
	running, f.stop = context.WithCancel(ctx)
	loading, f.stopLoad = context.WithCancel(ctx)
	f.work.Go(func() {
		if err := archon.Run(running); err != nil {
			t.Errorf("the consumer ended: %v", err)
		}
	})
	f.load.Go(func() {
		for loading.Err() == nil {
			id := uuid.NewString()
			err := pub.Publish(ctx, &codegenv1.CodegenPatternRequest{
				CorrelationId: id, SessionId: stagedSession, NodeDescription: new("a"), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
			})
			f.mu.Lock()
			if f.published[id] = true; err != nil {
				f.failed++
				t.Errorf("a publish failed: %v", err)
			}
			f.mu.Unlock()
			_ = connection.Sleep(loading, 5*time.Millisecond)
		}
	})
	return f
}

// flow waits until more events are handled.
func (f *flow) flow(more int) {
	f.t.Helper()
	count := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.handled)
	}
	for want := count() + more; count() < want; {
		if err := connection.Sleep(f.ctx, 20*time.Millisecond); err != nil {
			f.t.Fatalf("%d of %d events are handled: %v", count(), want, err)
		}
	}
}

// end has no more events published, and all handled.
func (f *flow) end(g *guarded) {
	f.t.Helper()
	f.stopLoad()
	f.load.Wait()
	g.kafka.eventually("all is handled", func(context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for id := range f.published {
			if !f.handled[id] {
				return fmt.Errorf("event %s is not", id)
			}
		}
		return nil
	})
	f.stop()
	f.work.Wait()
	f.t.Logf("%d events published, %d failed, %d handled", len(f.published), f.failed, len(f.handled))
}

// awaitRenewal waits until brokers see the new user alone.
func (f *flow) awaitRenewal(seen *accessLog, principal, old, renewed string) {
	f.t.Helper()
	begun := time.Now()
	for {
		_, from := seen.accesses(0)
		f.flow(100)
		users := seen.users(from)
		if users[principal+renewed] > 0 && users[principal+old] == 0 {
			f.t.Logf("brokers see %s%s after %v", principal, renewed, time.Since(begun).Round(time.Millisecond))
			return
		}
		if f.ctx.Err() != nil {
			f.t.Fatalf("brokers see %v", users)
		}
	}
}

// takeRights removes all ACLs of principals: whoever still works as one of them fails.
func (g *guarded) takeRights(ctx context.Context, principals ...string) {
	g.t.Helper()
	all := kadm.NewACLs().AnyResource().ResourcePatternType(kadm.ACLPatternAny).Operations().Allow(principals...).AllowHosts()
	removed, err := g.kafka.admin.DeleteACLs(ctx, all)
	n := 0
	for _, one := range removed {
		if one.Err != nil {
			err = one.Err
		}
		n += len(one.Deleted)
	}
	if err != nil || n == 0 {
		g.t.Fatalf("%d ACLs of %v were removed, %v", n, principals, err)
	}
}
