package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// writer changes the database and writes the events about it, in transactions some of which it rolls back.
type writer struct {
	t         testing.TB
	db        *database
	name      string
	committed map[string]bool // the values of its events
	next      map[string]int  // by key
}

var errChangedItsMind = errors.New("changed its mind")

// transact does one transaction, and finds out whether it was committed.
func (w *writer) transact(ctx context.Context, random *rand.Rand) {
	change := uuid.NewString()
	var values []string
	rollback := random.IntN(3) == 0
	err := w.db.inTx(ctx, func(ctx context.Context) error {
		if err := w.db.exec(ctx, fmt.Sprintf(`INSERT INTO changes (id) VALUES ('%s')`, change)); err != nil {
			return err
		}
		for range 1 + random.IntN(4) {
			key := fmt.Sprintf("%s-%d", w.name, random.IntN(3))
			r := record(key, w.next[key])
			w.next[key]++
			values = append(values, string(r.Value))
			if err := w.db.add(ctx, r); err != nil {
				return err
			}
		}
		if rollback {
			return errChangedItsMind
		}
		return nil
	})
	was := err == nil
	if err != nil && !errors.Is(err, errChangedItsMind) { // a connection broke, perhaps at the commit
		for {
			n, err := w.db.count(ctx, fmt.Sprintf(`SELECT count(*) FROM changes WHERE id = '%s'`, change))
			if err == nil {
				was = n == 1
				break
			}
			if ctx.Err() != nil {
				w.t.Errorf("%s: %v", w.name, err)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	if !was {
		return
	}
	for _, v := range values {
		w.committed[v] = true
	}
}

func writers(t testing.TB, db *database, n int) []*writer {
	var all []*writer
	for i := range n {
		all = append(all, &writer{t: t, db: db, name: fmt.Sprintf("w%d", i), committed: map[string]bool{}, next: map[string]int{}})
	}
	return all
}

func allCommitted(writers []*writer) map[string]bool {
	all := map[string]bool{}
	for _, w := range writers {
		for v := range w.committed {
			all[v] = true
		}
	}
	return all
}

// TestLedger writes and relays while relays die, connections to brokers and the database break, and brokers fail. In the end the log
// has each event of the transactions that were committed, once, in its key's order, and no other.
func TestLedger(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, open func(testing.TB) *database) {
		db, c := open(t), startCluster(t, topic)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		all := writers(t, db, 4)
		var writing sync.WaitGroup
		for i, w := range all {
			own := rand.New(rand.NewPCG(seed, uint64(i)+1))
			writing.Go(func() {
				ctx := deadline(t)
				for range 60 {
					w.transact(ctx, own)
					time.Sleep(time.Duration(own.IntN(5)) * time.Millisecond)
				}
			})
		}
		done := make(chan struct{})
		go func() { writing.Wait(); close(done) }()

		type process struct {
			*mortal
			*running
		}
		start := func() process {
			m := newMortal(db.outbox, 0)
			return process{m, relay(t, c.ListenAddrs(), m, outbox.WithBatch(1+random.IntN(20), 1<<20), m.kafka())}
		}
		var alive []process
		for range 3 {
			alive = append(alive, start())
		}
		failing := []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.EndTxn, kmsg.ListOffsets, kmsg.Fetch}
		faults := map[string]func(){
			"a relay dies": func() {
				i := random.IntN(len(alive))
				alive[i].kill()
				alive[i].cancel()
				alive[i] = start()
			},
			"a relay stops":        func() { i := random.IntN(len(alive)); alive[i].cancel(); alive[i] = start() },
			"a relay is cut off":   func() { alive[random.IntN(len(alive))].cut() },
			"the database is left": func() { _ = db.cut(t.Context()) },
			"the broker hangs up": func() {
				c.ControlKey(failing[random.IntN(len(failing))].Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
					return nil, errors.New("hang up"), true
				})
			},
			"the broker answers late": func() {
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce, kmsg.EndTxn}, Err: kerr.RequestTimedOut, Count: 1})
			},
			"the coordinator moves": func() {
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.EndTxn}, Err: kerr.NotCoordinator, TopLevel: true, Count: 2})
			},
		}
		var kinds []string
		for kind := range faults {
			kinds = append(kinds, kind)
		}
		// No more than that, however long the writing takes: what brokers are to fail at waits until it is asked of them.
		least, most := 3*len(kinds), 10*len(kinds)
		happened := 0
		for running := true; running; {
			if happened == most {
				<-done
				break
			}
			select {
			case <-done:
				running = happened < least
			case <-time.After(time.Duration(random.IntN(40)) * time.Millisecond):
			}
			faults[kinds[random.IntN(len(kinds))]]()
			happened++
		}
		db.drained(t)
		for _, p := range alive {
			p.stop()
		}
		want := allCommitted(all)
		if len(want) < 100 {
			t.Fatalf("only %d events were committed", len(want))
		}
		wantOnce(t, committed(t, c.ListenAddrs(), topic), want)
		t.Logf("%d events, %d faults", len(want), happened)
	})
}

// TestPostgresKilled kills the database while events are written and relayed, twice.
func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	server := services.OwnPostgres(t)
	db, c := postgresAt(t, server.DSN()).withTable(t), startCluster(t, topic)
	relay(t, c.ListenAddrs(), db.outbox, outbox.WithBatch(5, 1<<20))
	all := writers(t, db, 3)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for i, w := range all {
		own := rand.New(rand.NewPCG(1, uint64(i)))
		writing.Go(func() {
			ctx := deadline(t)
			for {
				select {
				case <-stop:
					return
				default:
					w.transact(ctx, own)
				}
			}
		})
	}
	relayed := func(n int) func() bool {
		return func() bool { return len(committed(t, c.ListenAddrs(), topic)) >= n }
	}
	for round := range 2 {
		eventually(t, "events go through", relayed((round+1)*50))
		server.Kill()
		server.Start()
	}
	before := len(committed(t, c.ListenAddrs(), topic))
	eventually(t, "events go through again", relayed(before+50))
	close(stop)
	writing.Wait()
	db.drained(t)
	wantOnce(t, committed(t, c.ListenAddrs(), topic), allCommitted(all))
}

// TestOnKafka relays on a real cluster, with relays that die.
func TestOnKafka(t *testing.T) {
	t.Parallel()
	cluster := services.SharedKafka(t)
	db := onPostgres(t)
	client := newClient(t, cluster.Brokers())
	own := strings.ReplaceAll(uuid.NewString(), "-", "")
	request := createTopic(own)
	if _, err := client.Request(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	n := 0
	for range 4 {
		for range 20 {
			r := record(fmt.Sprintf("key%d", n%5), n)
			r.Topic = own
			db.commit(t, r)
			want[string(r.Value)] = true
			n++
		}
		m := newMortal(db.outbox, 10+rand.Int64N(40))
		dying := relay(t, cluster.Brokers(), m, outbox.WithBatch(6, 1<<20), m.kafka())
		eventually(t, "it dies or ends its work", func() bool {
			s, err := db.outbox.Status(t.Context())
			return m.dead.Load() || err == nil && s.Depth == 0
		})
		m.kill()
		dying.stop()
	}
	relay(t, cluster.Brokers(), db.outbox)
	db.drained(t)
	wantOnce(t, committed(t, cluster.Brokers(), own), want)
}
