package encrypt

import (
	"context"
	"sync"
)

// Record is an entry as a store keeps it: under its key's id, as text.
type Record struct{ Key, Value []byte }

// Store is where entries are kept, for all programs. It may be used from many goroutines. An error of it says that it can't be asked now.
type Store interface {
	// Append writes entries, and returns once they are durable. With an error they may have been written.
	Append(ctx context.Context, entries ...*Entry) error
	// Replace writes entries over others, as Append does. It calls next, which says which; of several programs that replace at once none writes between
	// another's next and its entries. Next may be called again, and looks again. With an error they may have been written.
	Replace(ctx context.Context, next func(context.Context) ([]*Entry, error)) error
	// Follow reads what is kept, from the first record on, and goes on with what is written, until the reader is closed.
	Follow(f Follower) Reader
}

// Follower takes the records of a store, in their order, from one goroutine at a time. Older ones may be missing over which others were written.
type Follower interface {
	Take(records []Record)
	// Restarted says that what was taken may be kept no longer: the store was made anew, or has lost records. All that it has is given again.
	Restarted()
}

// Reader reads a store.
type Reader interface {
	// Sync returns once the follower has taken all that was written, by anybody, before Sync was called. An error says why that can't be said.
	Sync(ctx context.Context) error
	// Close returns once the follower is called no more.
	Close()
}

// Memory is a store in memory, for tests and for work without a cluster. The zero value is empty.
type Memory struct {
	mu        sync.Mutex
	alone     sync.Mutex
	records   []Record
	followers map[*memoryReader]Follower
}

type memoryReader struct{ of *Memory }

// Append implements [Store].
func (m *Memory) Append(ctx context.Context, entries ...*Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		m.records = append(m.records, e.Record())
	}
	written := m.records[len(m.records)-len(entries):]
	for _, f := range m.followers {
		f.Take(written)
	}
	return nil
}

// Replace implements [Store].
func (m *Memory) Replace(ctx context.Context, next func(context.Context) ([]*Entry, error)) error {
	m.alone.Lock()
	defer m.alone.Unlock()
	entries, err := next(ctx)
	if err != nil {
		return err
	}
	return m.Append(ctx, entries...)
}

// Follow implements [Store].
func (m *Memory) Follow(f Follower) Reader {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &memoryReader{m}
	if m.followers == nil {
		m.followers = map[*memoryReader]Follower{}
	}
	m.followers[r] = f
	f.Take(m.records)
	return r
}

// Sync implements [Reader].
func (r *memoryReader) Sync(ctx context.Context) error { return ctx.Err() }

// Close implements [Reader].
func (r *memoryReader) Close() {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	delete(r.of.followers, r)
}
