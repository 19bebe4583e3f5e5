package integration_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	"github.com/omninode/trestle/runtime/acl"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// guarded is a broker that asks for TLS and SCRAM, or for a certificate, and lets users do what ACLs say alone.
type guarded struct {
	t         *testing.T
	brokers   []string // by which nobody is asked who they are
	secured   []string // by password
	mutual    []string // by certificate
	authority *services.Authority
	kafka     *kafka
}

func newGuarded(t *testing.T, more ...services.KafkaOption) *guarded {
	t.Helper()
	authority := services.NewAuthority(t)
	server := authority.Issue("server", time.Now().Add(24*time.Hour), "127.0.0.1")
	tls := map[string]string{"ssl.keystore.type": "PEM", "ssl.keystore.location": server.Both, "ssl.truststore.type": "PEM", "ssl.truststore.location": authority.File}
	secured, mutual := maps.Clone(tls), maps.Clone(tls)
	secured["sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
	secured["scram-sha-512.sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	mutual["ssl.client.auth"] = "required"
	cluster := services.Kafka(t, authorizer("User:ANONYMOUS", append(more, services.WithListener("SECURE", "SASL_SSL", secured), services.WithListener("MUTUAL", "SSL", mutual))...)...)
	return &guarded{t, cluster.Brokers(), cluster.Listener("SECURE"), cluster.Listener("MUTUAL"), authority, connect(t, cluster.Brokers())}
}

// as is the connection of a user.
func (g *guarded) as(user string, password secure.Secret) connection.Connection {
	g.t.Helper()
	conn, err := connection.Connection{Brokers: g.secured}.Secured(&secure.TLS{CA: g.authority.File},
		&connection.SASL{Mechanism: connection.ScramSHA512, User: user, Password: password})
	if err != nil {
		g.t.Fatal(err)
	}
	return conn
}

// let makes users, and lets them do what bindings say.
func (g *guarded) let(users []string, bindings []acl.Binding) {
	g.t.Helper()
	ctx := within(g.t, patience)
	var all []kadm.UpsertSCRAM
	for _, u := range users {
		all = append(all, kadm.UpsertSCRAM{User: u, Mechanism: kadm.ScramSha512, Password: stackPassword})
	}
	made, err := g.kafka.admin.AlterUserSCRAMs(ctx, nil, all)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	plan, err := acl.NewPlan(ctx, g.kafka.client, bindings, nil)
	if err == nil {
		err = plan.Apply(ctx, g.kafka.client, false)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// withRetries is a project whose pattern requests wait in a retry topic.
func withRetries(t *testing.T) string {
	t.Helper()
	dir := copyProject(t)
	editFile(t, filepath.Join(dir, "schemas/omninode/codegen/v1/pattern.proto"), `    reply: "CodegenPatternResponse"`,
		"    reply: \"CodegenPatternResponse\"\n    retries: [{topic: \"{topic}_retry\" delay_ms: 50}]")
	return dir
}

// part is what a service does, with what it uses of the runtime.
type part struct {
	service string
	uses    ops.Uses
	work    func(*actor)
	needs   []string // the rights that the use alone is tried without, as OPERATION and the end of a name; nil: each that no part before has been
}

var parts = []part{
	{"omniclaude", nil, (*actor).ask, nil},
	{"omniarchon", ops.Uses{grants.Transactions}, (*actor).answer, nil},
	{"omniarchon", ops.Uses{grants.HeldKeys}, (*actor).answer, nil},
	{"omniarchon", nil, (*actor).readLarge, nil},
	{"omniarchon", ops.Uses{grants.Outbox}, (*actor).relay, []string{"Write trestle-outbox-", "Write _response_pattern_v1", "Read _response_pattern_v1"}},
	{"omniarchon", ops.Uses{grants.Replay}, (*actor).replay, replayNeeds},
	{"omniarchon", ops.Uses{grants.BreakerReplay}, (*actor).outage, replayNeeds},
}

var replayNeeds = []string{
	"Write trestle-replay-omninode_codegen_dlq_pattern_v1", "Read _dlq_pattern_v1", "Write _request_pattern_v1", "Read trestle_resolutions_v1", "Write trestle_resolutions_v1",
}

// isTried says whether a part is to be tried without a right: how large records may be matters to who reads such alone.
func (p part) isTried(g grants.Grant) bool {
	if p.needs != nil {
		return slices.ContainsFunc(p.needs, func(need string) bool {
			operation, name, _ := strings.Cut(need, " ")
			return operation == string(g.Operation) && strings.HasSuffix(g.Name, name)
		})
	}
	if g.Operation == acl.DescribeConfigs {
		return p.service == "omniarchon" && p.uses == nil && g.Name == stepTopic
	}
	return p.service != "omniarchon" || p.uses != nil
}

// actor is somebody who does a part in an environment of its own, with rights that may lack one.
type actor struct {
	*guarded
	ctx   context.Context
	dir   string // for its files
	part  part
	env   ops.Environment
	conn  connection.Connection // the service's
	lines *heard
	lacks *grants.Grant // nil: nothing
}

// heard is what was said, in errors and in the log.
type heard struct {
	mu    sync.Mutex
	text  strings.Builder
	wants []string
	found context.CancelFunc // called once all is said that is wanted
}

// Write implements [io.Writer].
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(p)
	if len(h.wants) > 0 && slices.ContainsFunc(strings.Split(h.text.String(), "\n"), func(line string) bool {
		return !slices.ContainsFunc(h.wants, func(w string) bool { return !strings.Contains(line, w) })
	}) {
		h.wants = nil
		h.found()
	}
	return len(p), nil
}

func (h *heard) isFound() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wants == nil
}

// unexpected is what was said that is not of events that were to fail.
func (h *heard) unexpected() string {
	var out []string
	for line := range strings.Lines(h.String()) {
		if !slices.ContainsFunc([]string{"error=rejected", `error="no pattern"`, `error="not yet"`, `error="` + relayDied}, func(of string) bool { return strings.Contains(line, of) }) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// does notes how a part of the work went.
func (a *actor) does(what string, err error) {
	if err != nil && a.ctx.Err() == nil {
		fmt.Fprintf(a.lines, "%s: %v\n", what, err)
	}
}

// isOfPattern says whether a right is about what the parts do: the other operations' topics are like those of patterns.
func isOfPattern(g grants.Grant) bool {
	return g.Resource != acl.Topic || strings.Contains(g.Name, "_pattern_") || strings.Contains(g.Name, "status_session") || strings.Contains(g.Name, "resolutions")
}

// TestLeastPrivilege has services work as users who have the rights that follow from the schemas, and nothing else: with all of them everything is done; without one of
// them something fails, and what it says names the right.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	dir := withRetries(t)
	var actors []*actor
	var users []string
	var bindings []acl.Binding
	add := func(p part, lacks *grants.Grant) {
		a := &actor{guarded: g, part: p, lacks: lacks, lines: &heard{}, env: ops.Environment{Prefix: fmt.Sprintf("u%d.", len(actors)), Brokers: g.secured}}
		user := fmt.Sprintf("user-%d", len(actors))
		rights := a.rights(dir)
		for _, b := range rights.Bindings([]grants.Principal{{Name: "User:" + user}}) {
			if lacks == nil || b.Resource != lacks.Resource || b.Name != a.named(*lacks) || b.Operation != lacks.Operation {
				bindings = append(bindings, b)
				continue
			}
			for _, implied := range lacks.Implied { // what it implied stays
				b.Operation = implied
				bindings = append(bindings, b)
			}
		}
		a.conn = g.as(user, secure.Value(stackPassword))
		actors, users = append(actors, a), append(users, user)
	}
	known := map[string]bool{}
	for _, p := range parts {
		add(p, nil)
		a, tried := &actor{part: p}, 0
		for _, right := range a.rights(dir).Grants {
			key := fmt.Sprint(p.service, right.Resource, right.Name, right.Operation)
			if p.needs != nil {
				key += fmt.Sprint(p.uses)
			}
			if isOfPattern(right) && !known[key] && p.isTried(right) {
				known[key] = true
				tried++
				add(p, &right)
			}
		}
		if p.needs != nil && tried != len(p.needs) {
			t.Errorf("%s with %v: %d rights are tried, want %v", p.service, p.uses, tried, p.needs)
		}
	}
	g.let(users, bindings)
	g.makeTopics(actors)
	t.Logf("%d users, %d ACLs", len(users), len(bindings))
	for _, a := range actors {
		name := a.part.service + fmt.Sprint(a.part.uses)
		if a.lacks != nil {
			name += " without " + string(a.lacks.Operation) + " on " + acl.On(a.lacks.Resource, a.lacks.Name, a.lacks.Prefixed)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a.run(t, dir)
		})
	}
}

// rights are those that a service has to be allowed where the actor works.
func (a *actor) rights(dir string) grants.Service {
	p, err := ops.Open(dir)
	if err != nil {
		panic(err)
	}
	p.Config.Services = map[string]ops.Service{a.part.service: {Uses: a.part.uses}}
	rights, err := ops.ExplainService(context.Background(), p, a.env, a.part.service)
	if err != nil {
		panic(err)
	}
	return rights.Service
}

// isInTransaction says whether what is refused is refused with a whole transaction: of its topics the client does not tell which.
func (a *actor) isInTransaction() bool {
	return slices.Contains(a.part.uses, grants.Transactions) && a.lacks.Operation == acl.Write && a.lacks.Resource == acl.Topic &&
		(strings.Contains(a.lacks.Name, "response") || strings.Contains(a.lacks.Name, "status"))
}

// named is a right's name in the environment.
func (a *actor) named(g grants.Grant) string {
	switch {
	case g.Resource != acl.TransactionalID:
		return a.env.Prefix + g.Name
	case strings.HasPrefix(g.Name, "trestle-outbox-"):
		return g.Name
	default:
		for _, begin := range []string{"trestle-consumer-", "trestle-replay-"} {
			if rest, ok := strings.CutPrefix(g.Name, begin); ok {
				return begin + a.env.Prefix + rest
			}
		}
		panic(g.Name)
	}
}

// makeTopics makes what is of patterns in each environment.
func (g *guarded) makeTopics(actors []*actor) {
	g.t.Helper()
	ctx := within(g.t, patience)
	var specs []topics.Spec
	for _, a := range actors {
		for _, name := range []string{"request_pattern_v1", "request_pattern_v1_retry", "response_pattern_v1", "dlq_pattern_v1", "status_session_v1", "dlq_session_v1"} {
			specs = append(specs, topics.Spec{Name: a.env.Prefix + "omninode_codegen_" + name, Partitions: 1})
		}
		specs = append(specs, topics.Spec{Name: a.env.Prefix + "trestle_resolutions_v1", Partitions: 1})
	}
	plan, err := topics.NewPlan(ctx, g.kafka.client, specs)
	if err == nil {
		err = plan.Apply(ctx, g.kafka.client)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// workPatience is for how long an actor may work.
const workPatience = 25 * time.Second

func (a *actor) run(t *testing.T, dir string) {
	ctx, cancel := context.WithTimeout(t.Context(), workPatience)
	defer cancel()
	a.ctx, a.dir = ctx, t.TempDir()
	if a.lacks != nil {
		a.lines.found = cancel
		a.lines.wants = []string{string(a.lacks.Operation) + " on the " + string(a.lacks.Resource)}
		if !a.isInTransaction() {
			a.lines.wants = append(a.lines.wants, a.named(*a.lacks))
		}
	}
	a.part.work(a)
	if a.lacks != nil {
		if !a.lines.isFound() {
			t.Errorf("nothing said %q:\n%s", a.lines.wants, a.lines)
		}
		return
	}
	if ctx.Err() != nil || a.lines.unexpected() != "" {
		t.Fatalf("%v:\n%s", ctx.Err(), a.lines.unexpected())
	}
	// And nothing else.
	p, err := ops.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	p.Config.Services = map[string]ops.Service{a.part.service: {Uses: a.part.uses}}
	env := a.env
	env.TLS = &ops.TLSSettings{CA: a.authority.File}
	env.SASL = &ops.SASLSettings{Mechanism: connection.ScramSHA512, User: "user-" + strings.Trim(a.env.Prefix, "u."), Password: ops.Secret{Secret: secure.Value(stackPassword)}}
	verdict, err := ops.CheckRights(t.Context(), p, env, a.part.service)
	if err != nil || !verdict.OK {
		t.Errorf("what it may do: %v, %+v", err, verdict)
	}
}
