package ops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/cluster"
	"github.com/omninode/trestle/runtime/groups"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Status is how one check ended.
type Status string

// The ways that a check ends.
const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, and somebody should look at it
	Fail Status = "fail" // it does not work
)

// DoctorCheck is what was found of one thing, and what to do about it.
type DoctorCheck struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Advice string `json:"advice"` // empty where there is nothing to do
}

// LagLimit is how old an event may be that a group has not read, before the doctor warns.
const LagLimit = 5 * time.Minute

// doctor collects what is found.
type doctor struct {
	project *Project
	env     Environment
	tell    func(DoctorCheck)
	failed  bool
}

// Doctor looks at the project and all that its environment names: brokers and whether they can be reached where they say they are, partitions, topics, groups
// and their lag, dead letters, the registry and its subjects, how old secrets and certificates are, this machine's clock, the store. It changes nothing. Each finding is told as soon as it is
// there. What can't be looked at since something else fails is left out. It says whether nothing fails.
func Doctor(ctx context.Context, p *Project, env Environment, tell func(DoctorCheck)) (healthy bool, err error) {
	d := &doctor{project: p, env: env, tell: tell}
	set := d.schemas(ctx)
	d.rotation(ctx)
	d.brokers(ctx, set)
	if ctx.Err() == nil {
		d.registry(ctx)
	}
	if ctx.Err() == nil {
		d.store(ctx)
	}
	return !d.failed, ctx.Err()
}

func (d *doctor) say(name string, status Status, advice, format string, args ...any) {
	d.failed = d.failed || status == Fail
	d.tell(DoctorCheck{name, status, fmt.Sprintf(format, args...), advice})
}

// schemas loads the project's schemas; nil: there are none, or they are wrong.
func (d *doctor) schemas(ctx context.Context) *schema.Set {
	if d.project.missing != nil {
		d.say("schemas", Warn, "run it in a project's folder to compare the cluster with its schemas", "this is no project")
		return nil
	}
	set, err := d.project.loadIn(ctx, d.env)
	if err != nil {
		d.say("schemas", Fail, "mend the schemas", "%v", err)
		return nil
	}
	d.say("schemas", OK, "", "%d topics, %d groups", len(set.Topics), len(set.Groups))
	return set
}

func (d *doctor) brokers(ctx context.Context, set *schema.Set) {
	if len(d.env.Brokers) == 0 {
		d.say("brokers", Warn, "give --brokers or name an environment with --env", "none are named")
		return
	}
	conn, err := d.env.connect(ctx)
	if err != nil {
		d.say("brokers", Fail, "", "%v", err)
		return
	}
	d.say("brokers", OK, "", "%s let this client in", strings.Join(d.env.Brokers, ","))
	cl, err := conn.Client()
	if err != nil {
		d.say("brokers", Fail, "", "%v", err)
		return
	}
	defer cl.Close()
	d.advertised(ctx, cl, conn)
	d.partitions(ctx, cl)
	if set != nil {
		d.topics(ctx, cl, set)
		d.groups(ctx, cl, set)
		d.deadLetters(ctx, conn, set)
	}
}

// advertised looks whether brokers can be reached where they say that they are: clients go there, whatever address they began with.
func (d *doctor) advertised(ctx context.Context, cl *kgo.Client, conn kafka.Connection) {
	const name = "advertised addresses"
	info, err := cluster.Read(ctx, cl)
	if err != nil {
		d.say(name, Fail, "", "%v", err)
		return
	}
	sound := true
	for _, b := range info.Brokers {
		address := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := net.DefaultResolver.LookupHost(asking, b.Host)
		cancel()
		if err != nil {
			sound = false
			d.say(name, Fail, "give the name an address on this machine (DNS, /etc/hosts), or have the broker advertise another (advertised.listeners)",
				"broker %d says that it is at %s, a name that this machine can't resolve: %v", b.ID, address, err)
			continue
		}
		one := conn
		one.Brokers = []string{address}
		if err := one.Check(ctx); err != nil && ctx.Err() == nil {
			sound = false
			d.say(name, Fail, "have the broker advertise an address that is reached from here (advertised.listeners)", "broker %d: %v", b.ID, err)
		}
	}
	if sound {
		d.say(name, OK, "", "%d brokers of cluster %s (%s), all reached where they say they are", len(info.Brokers), info.ID, info.Version)
	}
}

func (d *doctor) partitions(ctx context.Context, cl *kgo.Client) {
	const name = "partitions"
	health, err := cluster.Check(ctx, cl)
	switch {
	case err != nil:
		d.say(name, Fail, "", "%v", err)
	case len(health.Offline) > 0:
		p := health.Offline[0]
		d.say(name, Fail, "start the brokers that have them: `trestle cluster health` names them", "%d have no leader, such as %s/%d", len(health.Offline), p.Topic, p.Partition)
	case len(health.UnderReplicated) > 0:
		p := health.UnderReplicated[0]
		d.say(name, Warn, "see which broker is away or behind: `trestle cluster health` names them",
			"%d have fewer replicas in sync than they should, such as %s/%d", len(health.UnderReplicated), p.Topic, p.Partition)
	default:
		d.say(name, OK, "", "all have a leader and their replicas")
	}
}

func (d *doctor) topics(ctx context.Context, cl *kgo.Client, set *schema.Set) {
	const name = "topics"
	plan, err := topics.NewPlan(ctx, cl, topicSpecs(set, d.env))
	if err != nil {
		d.say(name, Fail, "", "%v", err)
		return
	}
	missing, different := 0, 0
	for _, t := range plan.Topics {
		switch t.Action {
		case topics.Create:
			missing++
		case topics.Update, topics.Refused:
			different++
		}
	}
	switch {
	case missing > 0:
		d.say(name, Fail, "run `trestle topics apply`", "%d of %d declared topics are missing", missing, len(plan.Topics))
	case different > 0:
		d.say(name, Warn, "see `trestle topics plan`", "%d of %d are not as declared", different, len(plan.Topics))
	default:
		d.say(name, OK, "", "%d, all as declared", len(plan.Topics))
	}
}

func (d *doctor) groups(ctx context.Context, cl *kgo.Client, set *schema.Set) {
	const name = "groups"
	if len(set.Groups) == 0 {
		return
	}
	sound, unread := true, 0
	for _, g := range set.Groups { // by their names in the environment
		found, err := groups.Describe(ctx, cl, g.Name)
		if errors.Is(err, groups.ErrNone) {
			unread++
			continue
		}
		if err != nil {
			sound = false
			d.say(name, Fail, "", "%v", err)
			continue
		}
		switch {
		case len(found.Members) == 0 && found.Lag() > 0:
			sound = false
			d.say(name, Warn, "start its consumers", "%s has no members, and %d records that it has not read", g.Name, found.Lag())
		case found.LagTime() > LagLimit:
			sound = false
			d.say(name, Warn, fmt.Sprintf("see `trestle groups describe %s`", g.Name), "%s is %v behind, with %d records", g.Name, found.LagTime().Round(time.Second), found.Lag())
		}
	}
	if sound {
		text := fmt.Sprintf("%d declared", len(set.Groups))
		if unread > 0 {
			text += fmt.Sprintf(", %d of which nobody has read for yet", unread)
		}
		d.say(name, OK, "", "%s", text)
	}
}

func (d *doctor) deadLetters(ctx context.Context, conn kafka.Connection, set *schema.Set) {
	const name = "dead letters"
	from := deadLetterTopics(set)
	resolutions, ok := resolutionsTopic(set, d.env.Names())
	if len(from) == 0 || !ok {
		return
	}
	r, err := replay.New(conn, replay.Options{Resolutions: resolutions})
	if err != nil {
		d.say(name, Fail, "", "%v", err)
		return
	}
	selection, err := r.Select(ctx, replay.Filter{Topics: from})
	for {
		missing, ok := errors.AsType[*replay.MissingTopicError](err)
		if !ok {
			break
		}
		from = slices.DeleteFunc(from, func(topic string) bool { return topic == missing.Topic }) // that it is missing is said of topics already
		if len(from) == 0 {
			return
		}
		selection, err = r.Select(ctx, replay.Filter{Topics: from})
	}
	var stats *replay.Stats
	if err == nil {
		stats, err = selection.Stats(ctx)
	}
	switch {
	case err != nil:
		d.say(name, Fail, "", "%v", err)
	case stats.Unresolved > 0:
		cause := stats.Causes[0]
		d.say(name, Warn, "`trestle dlq stats` tells the causes, `trestle dlq replay` sends them back", "%d are not resolved; of most, %d, the cause is %s", stats.Unresolved, cause.Count, cause.ID)
	default:
		d.say(name, OK, "", "none that are not resolved")
	}
}

func (d *doctor) registry(ctx context.Context) {
	const name = "registry"
	if d.env.Registry == "" {
		d.say(name, Warn, "give --registry or name an environment with --env", "none is named")
		return
	}
	client, err := d.env.registryClient(ctx)
	if err != nil {
		d.say(name, Fail, "", "%v", err)
		return
	}
	d.say(name, OK, "", "%s lets this client in", client.Address())
	if theirs, ok := client.Clock(ctx); ok {
		switch off := time.Since(theirs).Abs(); {
		case off > 30*time.Second:
			d.say("clock", Warn, "set this machine's clock (NTP): events carry its time, and timeouts go by it", "it is %v off the registry's", off.Round(time.Second))
		default:
			d.say("clock", OK, "", "within %v of the registry's", max(time.Second, off.Round(time.Second)))
		}
	}
	if d.project.missing != nil {
		return
	}
	all, err := PlanSubjects(ctx, d.project, d.env)
	if err != nil {
		d.say("subjects", Fail, "", "%v", err)
		return
	}
	plan := all.Subjects()
	missing, different, refused := 0, 0, len(plan.Refused())
	for _, s := range plan.Subjects {
		switch s.Action {
		case "create":
			missing++
		case "update":
			different++
		}
	}
	switch {
	case refused > 0:
		d.say("subjects", Fail, "see `trestle register --dry-run`", "%d of %d can't take their schema: it breaks a stored version", refused, len(plan.Subjects))
	case missing+different > 0:
		d.say("subjects", Warn, "run `trestle register`", "%d of %d are missing, %d have an older schema or another level", missing, len(plan.Subjects), different)
	default:
		d.say("subjects", OK, "", "%d, all as declared", len(plan.Subjects))
	}
}

func (d *doctor) store(ctx context.Context) {
	const name = "store"
	if d.env.Store == "" {
		d.say(name, Warn, "give --store or name an environment with --env, to trace events", "none is named")
		return
	}
	lacking, err := d.env.lacksMigrations(ctx)
	switch {
	case err != nil:
		d.say(name, Fail, "", "%v", err)
	case lacking:
		d.say(name, Warn, "the next `trestle trace run` makes them", "it lacks tables, or is of an older version")
	default:
		d.say(name, OK, "", "it answers, and has all its tables")
	}
}
