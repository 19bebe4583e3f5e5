package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
)

// OutboxStore is an outbox as a database has it: for publishers and relays both, with the transactions to write in.
type OutboxStore interface {
	outbox.Store
	Add(ctx context.Context, eventID string, record kafka.Record) error
}

// Outboxed is a database under test. The outbox is empty, and nobody has its lanes.
type Outboxed struct {
	Outbox OutboxStore
	// InTx calls f with a context that carries a transaction, which is committed if f returns nil.
	InTx func(ctx context.Context, f func(ctx context.Context) error) error
	// Overlaps says that transactions that write may be open at once.
	Overlaps bool
}

// Outbox tests a database against the contract of [outbox.Store] and of what publishers write. open returns a new one, which is
// closed when its test ends.
func Outbox(t *testing.T, open func(t *testing.T) Outboxed) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, db outboxTest)
	}{
		{"rows come back exactly", outboxExactly},
		{"rows of transactions that did not commit", outboxUncommitted},
		{"no transaction", outboxNoTransaction},
		{"in order, in batches", outboxBatches},
		{"a batch that is not finished", outboxBegun},
		{"what is stale is refused", outboxStale},
		{"a lower row commits later", outboxOverlapping},
		{"refused rows hold up their key alone", outboxRefused},
		{"refused rows in batches", outboxRefusedBatches},
		{"refused again and again", outboxBackoff},
		{"rows without a key", outboxKeyless},
		{"lanes are shared", outboxShares},
		{"lanes run out", outboxExpiry},
		{"status", outboxStatus},
		{"concurrently", outboxConcurrently},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, outboxTest{t, open(t)})
		})
	}
}

type outboxTest struct {
	*testing.T
	Outboxed
}

const (
	manyRows  = 100
	manyBytes = 1 << 20
	longLease = time.Hour
)

func orderRecord(key string, n int) kafka.Record {
	return kafka.Record{
		Topic: "orders", Key: []byte(key), Value: fmt.Appendf(nil, "%s#%d", key, n),
		Headers: []kafka.Header{{Key: "event-type", Value: []byte("OrderPlaced")}},
	}
}

func (t outboxTest) add(records ...kafka.Record) {
	t.Helper()
	err := t.InTx(t.Context(), func(ctx context.Context) error {
		for _, r := range records {
			if err := t.Outbox.Add(ctx, uuid.NewString(), r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// leases has a relay alone take all lanes.
func (t outboxTest) leases(relay string) []outbox.Lease {
	t.Helper()
	leases, share, err := t.Outbox.Lease(t.Context(), relay, longLease)
	if err != nil || share != outbox.Lanes || len(leases) != outbox.Lanes {
		t.Fatalf("%d leases, share %d, error %v", len(leases), share, err)
	}
	return leases
}

// leaseOf is the lease on the lane of a key on the topic orders.
func (t outboxTest) leaseOf(relay, key string) outbox.Lease {
	t.Helper()
	r := orderRecord(key, 0)
	_, lane := outbox.Place("", &r)
	return t.leases(relay)[lane]
}

func at(offset int64) func(string) outbox.Position {
	return func(string) outbox.Position { return outbox.Position{0: offset} }
}

func (t outboxTest) begun(lease outbox.Lease) outbox.Batch {
	t.Helper()
	b, err := t.Outbox.Begun(t.Context(), lease)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (t outboxTest) next(lease outbox.Lease, finished int64) outbox.Batch {
	t.Helper()
	b, err := t.Outbox.Next(t.Context(), lease, finished, manyRows, manyBytes, at(0))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func values(rows []outbox.Row) []string {
	var all []string
	for i := range rows {
		all = append(all, string(rows[i].Record.Value))
	}
	return all
}

func (t outboxTest) wantRows(b outbox.Batch, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, values(b.Rows)); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

// neighbours are keys of one lane.
func neighbours(n int) []string {
	var keys []string
	_, want := outbox.Place("", &kafka.Record{Topic: "orders", Key: []byte("k0")})
	for i := 0; len(keys) < n; i++ {
		key := fmt.Sprintf("k%d", i)
		if _, lane := outbox.Place("", &kafka.Record{Topic: "orders", Key: []byte(key)}); lane == want {
			keys = append(keys, key)
		}
	}
	return keys
}

func outboxExactly(t *testing.T, db outboxTest) {
	records := map[string]kafka.Record{}
	for _, r := range []kafka.Record{
		{Topic: "a", Key: []byte("key"), Value: []byte(`{"n":1}`), Headers: []kafka.Header{{Key: "x", Value: []byte{0, 255}}, {Key: "x"}, {Key: "é", Value: []byte{}}}},
		{Topic: "a", Key: []byte("key")},             // a deletion
		{Topic: "b", Key: []byte{}, Value: []byte{}}, // empty is not none
		{Topic: "c", Value: []byte{0}},
	} {
		id := uuid.NewString()
		records[id] = r
		if err := db.InTx(t.Context(), func(ctx context.Context) error { return db.Outbox.Add(ctx, id, r) }); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]kafka.Record{}
	for _, lease := range db.leases("r") {
		b, err := db.Outbox.Next(t.Context(), lease, 0, manyRows, manyBytes, at(7))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range b.Rows {
			got[row.EventID] = row.Record
			if age := time.Since(row.Created); age < -time.Hour || age > time.Hour || row.ID == 0 {
				t.Errorf("row %d was created at %v", row.ID, row.Created)
			}
		}
		again := db.begun(lease)
		if diff := cmp.Diff(b, again); diff != "" && len(b.Rows) > 0 {
			t.Errorf("begun differs from next (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(records, got); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
}

func outboxUncommitted(t *testing.T, db outboxTest) {
	errChanged := errors.New("changed its mind")
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if err := db.Outbox.Add(ctx, uuid.NewString(), orderRecord("a", 1)); err != nil {
			return err
		}
		return errChanged
	})
	if !errors.Is(err, errChanged) {
		t.Errorf("error %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = db.InTx(t.Context(), func(ctx context.Context) error {
			if err := db.Outbox.Add(ctx, uuid.NewString(), orderRecord("a", 2)); err != nil {
				t.Error(err)
			}
			panic("in the middle")
		})
	}()
	db.add(orderRecord("a", 3))
	db.wantRows(db.next(db.leaseOf("r", "a"), 0), "a#3")
}

func outboxNoTransaction(t *testing.T, db outboxTest) {
	if err := db.Outbox.Add(t.Context(), uuid.NewString(), orderRecord("a", 1)); !errors.Is(err, outbox.ErrNoTransaction) {
		t.Errorf("error %v", err)
	}
	if s, err := db.Outbox.Status(t.Context()); err != nil || s.Depth != 0 {
		t.Errorf("depth %d, error %v", s.Depth, err)
	}
}

func outboxBatches(t *testing.T, db outboxTest) {
	for n := range 7 {
		db.add(orderRecord("a", n))
	}
	lease := db.leaseOf("r", "a")
	size := len(orderRecord("a", 0).Value)
	next := func(finished int64, rows, bytes int) outbox.Batch {
		b, err := db.Outbox.Next(t.Context(), lease, finished, rows, bytes, at(0))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := next(0, 2, manyBytes)
	db.wantRows(b, "a#0", "a#1")
	b = next(b.Number, manyRows, 2*size)
	db.wantRows(b, "a#2", "a#3")
	b = next(b.Number, manyRows, 1) // one that is too large alone comes alone
	db.wantRows(b, "a#4")
	b = next(b.Number, manyRows, manyBytes)
	db.wantRows(b, "a#5", "a#6")
	b = next(b.Number, manyRows, manyBytes)
	db.wantRows(b)
	if again := next(b.Number, manyRows, manyBytes); again.Number != b.Number {
		t.Errorf("an idle lane counts on: from %d to %d", b.Number, again.Number)
	}
	if s, err := db.Outbox.Status(t.Context()); err != nil || s.Depth != 0 {
		t.Errorf("depth %d, error %v", s.Depth, err)
	}
}

func outboxBegun(t *testing.T, db outboxTest) {
	db.add(orderRecord("a", 0), orderRecord("a", 1))
	lease := db.leaseOf("first", "a")
	if b := db.begun(lease); len(b.Rows) != 0 {
		t.Errorf("begun with %d rows", len(b.Rows))
	}
	b, err := db.Outbox.Next(t.Context(), lease, 0, 1, manyBytes, at(42))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Outbox.Leave(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	lease = db.leaseOf("second", "a")
	begun := db.begun(lease)
	db.wantRows(begun, "a#0")
	if diff := cmp.Diff(b, begun); diff != "" {
		t.Errorf("another relay finds it otherwise (-want +got):\n%s", diff)
	}
	if begun.Position[0] != 42 {
		t.Errorf("position %v", begun.Position)
	}
	if err := db.Outbox.Release(t.Context(), lease, begun.Number); err != nil {
		t.Fatal(err)
	}
	lease = db.leaseOf("second", "a") // it takes the lane again
	begun = db.begun(lease)
	db.wantRows(begun)
	db.wantRows(db.next(lease, begun.Number), "a#1")
}

// outboxStale has a relay that lost its lane, or is behind, change nothing.
func outboxStale(t *testing.T, db outboxTest) {
	db.add(orderRecord("a", 0), orderRecord("a", 1))
	old := db.leaseOf("old", "a")
	first, err := db.Outbox.Next(t.Context(), old, 0, 1, manyBytes, at(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Outbox.Next(t.Context(), old, first.Number-1, 1, manyBytes, at(0)); !errors.Is(err, outbox.ErrLost) {
		t.Errorf("next after a batch that is not the last: %v", err)
	}
	if err := db.Outbox.Leave(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	lease := db.leaseOf("new", "a")
	for what, call := range map[string]func() error{
		"begun": func() error { _, err := db.Outbox.Begun(t.Context(), old); return err },
		"next": func() error {
			_, err := db.Outbox.Next(t.Context(), old, first.Number, 1, manyBytes, at(0))
			return err
		},
		"amend": func() error {
			return db.Outbox.Amend(t.Context(), old, outbox.Batch{Number: first.Number}, nil, outbox.Retry{})
		},
		"release": func() error { return db.Outbox.Release(t.Context(), old, first.Number) },
	} {
		if err := call(); !errors.Is(err, outbox.ErrLost) {
			t.Errorf("%s by a relay that lost the lane: %v", what, err)
		}
	}
	db.wantRows(db.begun(lease), "a#0")
}

// outboxOverlapping commits a row after one that was written later.
func outboxOverlapping(t *testing.T, db outboxTest) {
	if !db.Overlaps {
		return // one transaction writes at a time: this cannot be
	}
	keys := neighbours(2)
	lease := db.leaseOf("r", keys[0])
	var b outbox.Batch
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if err := db.Outbox.Add(ctx, uuid.NewString(), orderRecord(keys[0], 1)); err != nil {
			return err
		}
		db.add(orderRecord(keys[1], 1))
		b = db.next(lease, 0)
		db.wantRows(b, keys[1]+"#1") // nothing waits for the transaction that is open
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	db.wantRows(db.next(lease, b.Number), keys[0]+"#1")
}

func outboxRefused(t *testing.T, db outboxTest) {
	keys := neighbours(3)
	bad, good, other := keys[0], keys[1], keys[2]
	db.add(orderRecord(bad, 0), orderRecord(good, 0), orderRecord(bad, 1), orderRecord(other, 0))
	lease := db.leaseOf("r", bad)
	b := db.next(lease, 0)
	db.wantRows(b, bad+"#0", good+"#0", bad+"#1", other+"#0")
	refused := []outbox.Refusal{{Row: b.Rows[0], Err: "too large"}}
	b.Rows = []outbox.Row{b.Rows[1], b.Rows[3]}
	soon := outbox.Retry{Lowest: time.Millisecond, Highest: time.Millisecond}
	if err := db.Outbox.Amend(t.Context(), lease, b, refused, outbox.Retry{Lowest: longLease, Highest: longLease}); err != nil {
		t.Fatal(err)
	}
	db.wantRows(db.begun(lease), good+"#0", other+"#0")

	db.add(orderRecord(bad, 2), orderRecord(good, 1))
	b = db.next(lease, b.Number)
	db.wantRows(b, good+"#1")
	b = db.next(lease, b.Number)
	db.wantRows(b)
	if again := db.next(lease, b.Number); again.Number != b.Number {
		t.Errorf("a lane in which all are set aside counts on: from %d to %d", b.Number, again.Number)
	}

	// It is refused again, and then taken: what is behind it follows, in order.
	if err := db.Outbox.Amend(t.Context(), lease, b, refused, soon); err != nil {
		t.Fatal(err)
	}
	b = db.until(lease, b.Number)
	db.wantRows(b, bad+"#0")
	db.add(orderRecord(bad, 3))
	b = db.next(lease, b.Number)
	db.wantRows(b, bad+"#1", bad+"#2", bad+"#3")
	db.wantRows(db.next(lease, b.Number))
	if s, err := db.Outbox.Status(t.Context()); err != nil || s.Depth != 0 || s.RefusedKeys != 0 {
		t.Errorf("status %+v, error %v", s, err)
	}
}

// until waits for rows that are to be tried again.
func (t outboxTest) until(lease outbox.Lease, finished int64) outbox.Batch {
	t.Helper()
	for {
		b := t.next(lease, finished)
		if len(b.Rows) > 0 {
			return b
		}
		finished = b.Number
		if t.Context().Err() != nil {
			t.Fatal("nothing is tried again")
		}
		time.Sleep(time.Millisecond)
	}
}

// outboxRefusedBatches has rows of several keys be due at once: the bounds of a batch are theirs, too.
func outboxRefusedBatches(t *testing.T, db outboxTest) {
	keys := neighbours(5)
	var refused []outbox.Refusal
	for _, key := range keys {
		db.add(orderRecord(key, 0))
	}
	lease := db.leaseOf("r", keys[0])
	b := db.next(lease, 0)
	for _, row := range b.Rows {
		refused = append(refused, outbox.Refusal{Row: row, Err: "too large"})
	}
	b.Rows = nil
	if err := db.Outbox.Amend(t.Context(), lease, b, refused, outbox.Retry{Lowest: time.Millisecond, Highest: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	isDue := func() bool {
		s, err := db.Outbox.Status(t.Context())
		if err != nil || len(s.Refused) != len(keys) {
			t.Fatalf("%d refused, error %v", len(s.Refused), err)
		}
		return !slices.ContainsFunc(s.Refused, func(r outbox.RefusedRow) bool { return !r.Next.Before(s.Now) })
	}
	for !isDue() {
		time.Sleep(time.Millisecond)
	}
	size := len(refused[0].Row.Record.Value)
	var err error
	for _, limits := range []struct {
		rows, bytes int
		want        []string
	}{
		{2, manyBytes, []string{keys[0] + "#0", keys[1] + "#0"}},
		{manyRows, 2 * size, []string{keys[2] + "#0", keys[3] + "#0"}},
		{manyRows, 1, []string{keys[4] + "#0"}},
	} {
		if b, err = db.Outbox.Next(t.Context(), lease, b.Number, limits.rows, limits.bytes, at(0)); err != nil {
			t.Fatal(err)
		}
		db.wantRows(b, limits.want...)
	}
}

func outboxBackoff(t *testing.T, db outboxTest) {
	db.add(orderRecord("a", 0))
	lease := db.leaseOf("r", "a")
	b := db.next(lease, 0)
	rows := b.Rows
	var waits []time.Duration
	for range 4 {
		b.Rows = nil
		refused := []outbox.Refusal{{Row: rows[0], Err: "no such topic"}}
		if err := db.Outbox.Amend(t.Context(), lease, b, refused, outbox.Retry{Lowest: 100 * time.Second, Highest: 350 * time.Second}); err != nil {
			t.Fatal(err)
		}
		s, err := db.Outbox.Status(t.Context())
		if err != nil || len(s.Refused) != 1 {
			t.Fatalf("%d refused, error %v", len(s.Refused), err)
		}
		waits = append(waits, s.Refused[0].Next.Sub(s.Now).Round(50*time.Second))
	}
	if diff := cmp.Diff([]time.Duration{100 * time.Second, 200 * time.Second, 350 * time.Second, 350 * time.Second}, waits); diff != "" {
		t.Errorf("waits differ (-want +got):\n%s", diff)
	}
}

func outboxKeyless(t *testing.T, db outboxTest) {
	for range 40 {
		db.add(kafka.Record{Topic: "loose", Value: []byte("x")})
	}
	total := 0
	for _, lease := range db.leases("r") {
		b := db.next(lease, 0)
		total += len(b.Rows)
		if len(b.Rows) < 2 {
			t.Fatalf("%d rows in lane %d: they are not spread", len(b.Rows), lease.Lane)
		}
		refused := []outbox.Refusal{{Row: b.Rows[0], Err: "refused"}}
		rest := len(b.Rows) - 1
		b.Rows = nil // as if they had not been begun
		if err := db.Outbox.Amend(t.Context(), lease, b, refused, outbox.Retry{Lowest: longLease, Highest: longLease}); err != nil {
			t.Fatal(err)
		}
		if b = db.next(lease, b.Number); len(b.Rows) != rest {
			t.Errorf("%d rows go on, want %d: a row without a key holds up none", len(b.Rows), rest)
		}
	}
	if total != 40 {
		t.Errorf("%d rows, want 40", total)
	}
}

func lanesOf(leases []outbox.Lease) []int {
	var lanes []int
	for _, l := range leases {
		lanes = append(lanes, l.Lane)
	}
	return lanes
}

func outboxShares(t *testing.T, db outboxTest) {
	first := db.leases("first")
	ids := map[string]bool{}
	for _, l := range first {
		ids[l.TransactionalID] = true
	}
	if len(ids) != outbox.Lanes {
		t.Errorf("%d transactional ids", len(ids))
	}
	second, share, err := db.Outbox.Lease(t.Context(), "second", longLease)
	if err != nil || share != 2 || len(second) != 0 {
		t.Fatalf("while the first has all: %v, share %d, error %v", lanesOf(second), share, err)
	}
	first, share, err = db.Outbox.Lease(t.Context(), "first", longLease)
	if err != nil || share != 2 || len(first) != 4 {
		t.Fatalf("the first has %v, share %d, error %v", lanesOf(first), share, err)
	}
	for _, l := range first[share:] {
		if err := db.Outbox.Release(t.Context(), l, db.begun(l).Number); err != nil {
			t.Fatal(err)
		}
	}
	if first, _, err = db.Outbox.Lease(t.Context(), "first", longLease); err != nil || !slices.Equal(lanesOf(first), []int{0, 1}) {
		t.Errorf("the first has %v, error %v", lanesOf(first), err)
	}
	if second, _, err = db.Outbox.Lease(t.Context(), "second", longLease); err != nil || !slices.Equal(lanesOf(second), []int{2, 3}) {
		t.Errorf("the second has %v, error %v", lanesOf(second), err)
	}
	if err := db.Outbox.Leave(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	if second, share, err = db.Outbox.Lease(t.Context(), "second", longLease); err != nil || share != 4 || len(second) != 4 {
		t.Errorf("alone the second has %v, share %d, error %v", lanesOf(second), share, err)
	}
}

func outboxExpiry(t *testing.T, db outboxTest) {
	if _, _, err := db.Outbox.Lease(t.Context(), "dead", time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for {
		leases, share, err := db.Outbox.Lease(t.Context(), "heir", longLease)
		if err != nil {
			t.Fatal(err)
		}
		if len(leases) == outbox.Lanes && share == outbox.Lanes {
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("the heir has %v", lanesOf(leases))
		}
		time.Sleep(time.Millisecond)
	}
}

func outboxStatus(t *testing.T, db outboxTest) {
	s, err := db.Outbox.Status(t.Context())
	if err != nil || s.Depth != 0 || s.Lag() != 0 || !s.Oldest.IsZero() || s.RefusedKeys != 0 || len(s.Refused) != 0 {
		t.Errorf("empty: %+v, error %v", s, err)
	}
	db.add(orderRecord("a", 0), orderRecord("a", 1))
	lease := db.leaseOf("r", "a")
	b := db.next(lease, 0)
	refused := []outbox.Refusal{{Row: b.Rows[0], Err: "not authorised"}}
	b.Rows = nil
	if err := db.Outbox.Amend(t.Context(), lease, b, refused, outbox.Retry{Lowest: longLease, Highest: longLease}); err != nil {
		t.Fatal(err)
	}
	s, err = db.Outbox.Status(t.Context())
	if err != nil || s.Depth != 2 || s.Lag() < 0 || s.Lag() > time.Hour || s.RefusedKeys != 1 || len(s.Refused) != 1 {
		t.Fatalf("status %+v, error %v", s, err)
	}
	r := s.Refused[0]
	if r.ID != refused[0].Row.ID || r.Topic != "orders" || r.Attempts != 1 || r.Err != "not authorised" || r.Since.IsZero() || r.Next.Before(r.Since) {
		t.Errorf("refused %+v", r)
	}
}

// outboxConcurrently writes from several goroutines, some of whose transactions fail, while relays take lanes from each other.
func outboxConcurrently(t *testing.T, db outboxTest) {
	const writers, each = 4, 30
	errFails := errors.New("fails")
	var writing sync.WaitGroup
	want := map[string]bool{}
	for w := range writers {
		for n := range each {
			if n%3 != 2 {
				want[fmt.Sprintf("w%d#%d", w, n)] = true
			}
		}
		writing.Go(func() {
			for n := range each {
				err := db.InTx(t.Context(), func(ctx context.Context) error {
					if err := db.Outbox.Add(ctx, uuid.NewString(), orderRecord(fmt.Sprintf("w%d", w), n)); err != nil {
						return err
					}
					if n%3 == 2 {
						return errFails
					}
					return nil
				})
				if err != nil && !errors.Is(err, errFails) {
					t.Error(err)
				}
			}
		})
	}
	var (
		mu       sync.Mutex
		got      = map[string]int{}
		last     = map[string]int{}
		relaying sync.WaitGroup
	)
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == len(want)
	}
	for r := range 3 {
		relaying.Go(func() {
			relay := fmt.Sprintf("relay%d", r)
			for !enough() && t.Context().Err() == nil && !t.Failed() {
				leases, _, err := db.Outbox.Lease(t.Context(), relay, longLease)
				if err != nil {
					t.Error(err)
					return
				}
				for _, lease := range leases {
					b, err := db.Outbox.Begun(t.Context(), lease)
					if err == nil {
						b, err = db.Outbox.Next(t.Context(), lease, b.Number, 5, manyBytes, at(0))
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, row := range b.Rows {
						v := string(row.Record.Value)
						var n int
						key := string(row.Record.Key)
						if _, err := fmt.Sscanf(v[len(key):], "#%d", &n); err != nil {
							t.Error(err)
						}
						if before, ok := last[key]; ok && before >= n {
							t.Errorf("%s came after #%d", v, before)
						}
						last[key] = n
						got[v]++
					}
					mu.Unlock()
					if err := db.Outbox.Release(t.Context(), lease, b.Number); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	writing.Wait()
	relaying.Wait()
	for v := range want {
		if got[v] != 1 {
			t.Errorf("%s came %d times", v, got[v])
		}
	}
	for v := range got {
		if !want[v] {
			t.Errorf("%s came, whose transaction did not commit", v)
		}
	}
}
