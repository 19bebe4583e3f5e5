//go:build chaos

package chaos

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

// What follows takes minutes and all of the machine, so that it is not built with the tests that run beside others.

var eventsFlag = flag.Int("events", 50_000, "events that TestChaosOnKafka publishes")

// memoryBound is how much memory an actor's process may take, in bytes: what a consumer may have in hand, several times over for
// what is being fetched and for garbage, and what a program takes that does nothing.
const memoryBound = 192 << 20

// TestChaosOnKafka is what TestChaos and TestChaosOfStores are, on three brokers that are killed and paused, with all actors in one world. Of what
// goes through the outbox and through spools there are a fifth as many events each.
func TestChaosOnKafka(t *testing.T) {
	const nodes, replicas, manyKeys, fewKeys = 3, 3, 500, 100
	db := services.OwnPostgres(t)
	cluster := services.Kafka(t, services.WithNodes(nodes))
	perKey := max(1, *eventsFlag/manyKeys)
	w := newWorld(t, seed(), cluster.Brokers(), replicas)
	w.processes = true
	w.patience = 4*time.Minute + time.Duration(*eventsFlag)*time.Millisecond // for the rest of so many, on a machine that has other things to do
	w.role.Session = 6 * time.Second                                         // the least that brokers take
	w.role.Room = 128 << 10                                                  // less than is published in an outage of some seconds
	w.withSteps(6, manyKeys, perKey)
	w.withStores(db.DSN(), 3, fewKeys, perKey)
	long := max(80*time.Second, time.Duration(*eventsFlag)*time.Second/4000)
	proxies := w.proxies()
	every := long / time.Duration(perKey)
	w.people(publishes, 2, every)
	w.people(consumes, 3, 0)
	w.peopleOfStores(every)
	node := func() int { return 1 + w.random.IntN(nodes) }
	outage := func(ids ...int) {
		cluster.Kill(ids...)
		w.pass(2 * time.Second)
		cluster.Start(ids...)
	}
	cut, heal := func() { setCut(true, proxies...) }, func() { setCut(false, proxies...) }
	w.suffer(long, time.Second, append([]fault{
		{"a broker is killed", func() { outage(node()) }},
		{"a broker stands still", func() {
			id := node()
			cluster.Pause(id)
			w.pass(5 * time.Second)
			cluster.Resume(id)
		}},
		{"two brokers are killed: too few in sync", func() {
			first := node()
			outage(first, first%nodes+1)
		}},
		{"the group's coordinator is killed", func() { outage(w.coordinator()) }},
		{"leaders move", w.moveLeaders},
		{"one broker is cut off", func() { w.cut(2*time.Second, proxies[w.random.IntN(nodes)]) }},
		{"all brokers are cut off", func() { w.cut(3*time.Second, proxies...) }},
		{"a consumer is killed", func() { w.killOne(time.Second, consumes) }},
		{"a publisher is killed", func() { w.killOne(time.Second, publishes) }},
		{"a consumer stands still", func() { w.pauseOne(w.role.Session+2*time.Second, consumes, batches, effects) }},
		{"a publisher stands still", func() { w.pauseOne(3*time.Second, publishes, spools, transacts, relays) }},
		{"partitions are added", func() { w.addPartitions(2) }},
		{"the topic is made anew", func() { w.quiet(func() { w.recreate(6) }) }},
	}, w.faultsOfStores(db, cut, heal, time.Second)...))
	w.judge()
	if w.peak > memoryBound {
		t.Errorf("an actor took %d MiB of memory, want at most %d", w.peak>>20, memoryBound>>20)
	}
}

// pauseOne stops one of several actors of each kind where it is, for a while.
func (w *world) pauseOne(d time.Duration, kinds ...string) {
	w.t.Helper()
	var hit []*actor
	for _, kind := range kinds {
		hit = append(hit, w.crew[kind][w.random.IntN(len(w.crew[kind]))])
	}
	signal := func(s os.Signal) {
		for _, a := range hit {
			if err := a.proc.Signal(s); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	signal(process.Pause)
	w.pass(d)
	signal(process.Resume)
}

// coordinator is the group's.
func (w *world) coordinator() (id int) {
	w.t.Helper()
	w.eventually("the group has a coordinator", func(ctx context.Context) error {
		found := w.admin.FindGroupCoordinators(ctx, stepGroup)
		if err := found.Error(); err != nil {
			return err
		}
		id = int(found[stepGroup].NodeID)
		return nil
	})
	return id
}

// moveLeaders has another replica lead each partition, the next in turn.
func (w *world) moveLeaders() {
	w.t.Helper()
	var moves kadm.AlterPartitionAssignmentsReq
	w.eventually("the topic's leaders are known", func(ctx context.Context) error {
		listed, err := w.admin.ListTopics(ctx, steps.Name)
		if err != nil {
			return err
		}
		if err := listed.Error(); err != nil {
			return err
		}
		moves = kadm.AlterPartitionAssignmentsReq{}
		for id, p := range listed[steps.Name].Partitions {
			at := slices.Index(p.Replicas, p.Leader)
			if at < 0 {
				return fmt.Errorf("partition %d has no leader", id)
			}
			moves.Assign(steps.Name, id, append(slices.Clone(p.Replicas[at+1:]), p.Replicas[:at+1]...))
		}
		return nil
	})
	w.eventually("the first replicas lead", func(ctx context.Context) error {
		if _, err := w.admin.AlterPartitionAssignments(ctx, moves); err != nil {
			return err
		}
		_, err := w.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, nil)
		return err
	})
}

// proxies stand before all brokers.
func (w *world) proxies() []*proxy {
	w.t.Helper()
	w.role.Routes = map[string]string{}
	var all []*proxy
	for _, broker := range w.role.Brokers {
		p := startProxy(w.t, broker)
		all = append(all, p)
		w.role.Routes[broker] = p.address()
	}
	return all
}

// cut lets nothing through some proxies for a while.
func (w *world) cut(d time.Duration, proxies ...*proxy) {
	setCut(true, proxies...)
	w.pass(d)
	setCut(false, proxies...)
}

func setCut(cut bool, proxies ...*proxy) {
	for _, p := range proxies {
		p.setCut(cut)
	}
}
