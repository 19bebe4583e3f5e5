package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/omninode/trestle/runtime/event"
)

// Options are the settings of a spool. Zero fields take the defaults.
type Options struct {
	// MaxBytes is how much its files may take on the disk; default 256 MiB. A segment counts until all of its records are done.
	MaxBytes int64
	// SegmentBytes is how large a segment grows before the next one is begun; default 8 MiB, at most an eighth of MaxBytes.
	SegmentBytes int64
}

// Entry is a record that was accepted.
type Entry struct {
	Seq    uint64 // grows with each entry of a folder
	Record event.Record
}

// LogValue is what slog writes of the entry: its record's key and value may hold what is sensitive, and are left out, as they are in what package fmt prints.
func (e Entry) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", e)) }

// Stats says what a spool holds.
type Stats struct {
	Records int       // that are not done
	Bytes   int64     // on the disk
	Oldest  time.Time // when the first of them was published; zero: there is none
}

// ErrInUse is why a folder is not opened that a spool has open, in this process or in another.
var ErrInUse = errors.New("a spool has it open already")

// ErrClosed is the error of what is asked of a spool that was closed.
var ErrClosed = errors.New("spool is closed")

// FullError says that a record was not accepted as there is no room for it: within the spool's limit or, where Err says so, on the disk.
type FullError struct {
	Dir          string
	Bytes, Limit int64 // that the files take, and may take
	Err          error // the disk's; nil: it is the limit
}

// Error says what is full.
func (e *FullError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("spool %s: disk is full, with %d bytes of it: %v", e.Dir, e.Bytes, e.Err)
	}
	return fmt.Sprintf("spool %s is full: it has %d of %d bytes", e.Dir, e.Bytes, e.Limit)
}

// Unwrap returns the disk's error, if it is that.
func (e *FullError) Unwrap() error { return e.Err }

// CorruptError says that a file holds what no crash leaves behind. It is not read any further, nor changed: moved out of the
// folder, the others can be opened without it.
type CorruptError struct {
	File string
	Err  error
}

// Error names the file and what was found.
func (e *CorruptError) Error() string { return fmt.Sprintf("spool file %s: %v", e.File, e.Err) }

// Unwrap returns what was found.
func (e *CorruptError) Unwrap() error { return e.Err }

// Spool is a folder with records that wait to be sent. It is safe for concurrent use.
type Spool struct {
	dir  string
	opts Options
	disk disk
	lock *flock.Flock
	root *os.Root
	seed maphash.Seed

	writers sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	broken   error // nothing is accepted any more: what a segment holds is not known
	segments []*segment
	active   file   // of the last segment; nil: the next group begins one
	next     uint64 // the sequence number of the next entry
	group    *group // what the next write writes; nil: nothing
	writing  bool
	more     chan struct{} // closed when there is more to read; nil: nobody waits
	ahead    []Entry       // that were read, and not given out

	given    uint64            // up to which entries were given out
	position uint64            // all before it is done
	done     map[uint64]bool   // behind it
	left     map[uint64]*entry // that are not done
	keys     map[uint64]int    // how many of those each key has
	noted    uint64            // the position that stands in its file
	notedAt  time.Time
}

// entry is what is known of an entry that is not done.
type entry struct {
	key uint64
	at  time.Time
}

type segment struct {
	name        string
	first, next uint64 // the sequence numbers of its entries
	size        int64
	groups      []place
}

// place is where a group stands.
type place struct {
	first uint64
	at    int64
}

// group is what is written and synced at once.
type group struct {
	bytes   []byte
	entries []*entry
	written chan struct{} // closed when err is set
	err     error
}

const (
	suffix       = ".spool"
	positionFile = "position"
	lockFile     = "lock"
)

// Open opens the spool of a folder, which it makes if it is not there. It cuts off what a crash has left of a write that
// nobody was told of. It fails with [ErrInUse] where the folder is open already, and with a [*CorruptError].
func Open(dir string, opts Options) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	locked, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("spool %s: lock: %w", dir, err)
	case !locked:
		return nil, fmt.Errorf("spool %s: %w: give each process a folder of its own", dir, ErrInUse)
	}
	root, err := os.OpenRoot(dir)
	var s *Spool
	if err == nil {
		if s, err = open(dir, folder{root}, opts); err != nil {
			_ = root.Close()
		}
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	s.lock, s.root = lock, root
	return s, nil
}

func open(dir string, d disk, opts Options) (*Spool, error) {
	if opts.MaxBytes < 0 || opts.SegmentBytes < 0 {
		return nil, fmt.Errorf("spool %s: limits must not be negative, got %+v", dir, opts)
	}
	opts.MaxBytes = cmp.Or(opts.MaxBytes, 256<<20)
	opts.SegmentBytes = max(1, min(cmp.Or(opts.SegmentBytes, 8<<20), opts.MaxBytes/8))
	s := &Spool{
		dir: dir, opts: opts, disk: d, seed: maphash.MakeSeed(), next: 1,
		done: map[uint64]bool{}, left: map[uint64]*entry{}, keys: map[uint64]int{},
	}
	s.position = s.readPosition()
	if err := s.load(); err != nil {
		return nil, err
	}
	s.next = max(s.next, s.position)
	if len(s.segments) > 0 {
		s.position = max(s.position, s.segments[0].first)
	} else {
		s.position = s.next
	}
	s.given = s.position
	s.removeDone()
	return s, nil
}

// load reads what the folder holds.
func (s *Spool) load() error {
	files, err := s.disk.ReadDir()
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f.Name(), suffix) {
			names = append(names, f.Name())
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if err := s.loadSegment(name, i == len(names)-1); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) loadSegment(name string, last bool) error {
	b, err := s.disk.ReadFile(name)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	corrupt := func(err error) error { return &CorruptError{File: filepath.Join(s.dir, name), Err: err} }
	seg := &segment{name: name}
	if _, err := fmt.Sscanf(name, "%020d"+suffix, &seg.first); err != nil || segmentName(seg.first) != name {
		return corrupt(errors.New("its name is not one of a segment"))
	}
	if len(s.segments) > 0 && (seg.first < s.next || seg.first > max(s.next, s.position)) {
		return corrupt(fmt.Errorf("it begins with entry %d, where %d is due", seg.first, s.next))
	}
	seg.next = seg.first
	var disorder error
	end, err := scan(b, func(at int64, entries []Entry) {
		seg.groups = append(seg.groups, place{seg.next, at})
		for _, e := range entries {
			if e.Seq != seg.next && disorder == nil {
				disorder = fmt.Errorf("at byte %d: entry %d where %d is due", at, e.Seq, seg.next)
			}
			seg.next++
			if e.Seq >= s.position {
				s.note(e.Seq, &entry{s.keyOf(e.Record.Topic, e.Record.Key), e.Record.Timestamp})
			}
		}
	})
	if err = errors.Join(err, disorder); err != nil {
		return corrupt(err)
	}
	if end < int64(len(b)) && !last {
		return corrupt(fmt.Errorf("it can't be read from byte %d on", end))
	}
	if end < int64(len(b)) {
		if err := s.cut(name, end); err != nil {
			return fmt.Errorf("spool file %s: cut off what was written in part: %w", filepath.Join(s.dir, name), err)
		}
	}
	if seg.next == seg.first {
		if err := s.disk.Remove(name); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		return nil
	}
	seg.size = end
	s.segments = append(s.segments, seg)
	s.next = seg.next
	return nil
}

// cut ends a file.
func (s *Spool) cut(name string, end int64) error {
	f, err := s.disk.Append(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(end), f.Sync(), f.Close())
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, suffix) }

func (s *Spool) keyOf(topic string, key []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(topic)
	_ = h.WriteByte(0)
	_, _ = h.Write(key)
	return h.Sum64()
}

// note takes in an entry that is not done. It needs mu.
func (s *Spool) note(seq uint64, e *entry) {
	s.left[seq] = e
	s.keys[e.key]++
}

// bytes is what the files take. It needs mu.
func (s *Spool) bytes() int64 {
	n := int64(0)
	for _, seg := range s.segments {
		n += seg.size
	}
	return n
}

// Append accepts a record: when it returns nil, the record is on the disk. Those that come while others are being written are synced
// together. The record is not kept. It fails with a [*FullError], when the disk fails, and once the spool is closed;
// then the record was not accepted. After a failure of which it is not known what the disk has, each further call fails: the next
// [Open] finds out.
func (s *Spool) Append(r *event.Record) error {
	s.mu.Lock()
	if err := s.refuses(); err != nil {
		s.mu.Unlock()
		return err
	}
	g := s.group
	if g == nil {
		g = &group{bytes: newGroup(0), written: make(chan struct{})}
		s.group = g
	}
	before := len(g.bytes)
	g.bytes = appendEntry(g.bytes, r)
	if have := s.bytes(); have+int64(len(g.bytes)+headerSize) > s.opts.MaxBytes || len(g.bytes) > maxGroup {
		g.bytes = g.bytes[:before]
		if len(g.entries) == 0 {
			s.group = nil
		}
		s.mu.Unlock()
		return &FullError{Dir: s.dir, Bytes: have, Limit: s.opts.MaxBytes}
	}
	g.entries = append(g.entries, &entry{s.keyOf(r.Topic, r.Key), r.Timestamp})
	if !s.writing {
		s.writing = true
		s.writers.Go(s.write)
	}
	s.mu.Unlock()
	<-g.written
	return g.err
}

// refuses says why nothing is accepted. It needs mu.
func (s *Spool) refuses() error {
	if s.closed {
		return ErrClosed
	}
	return s.broken
}

// write writes groups until there is none.
func (s *Spool) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.group != nil {
		g := s.group
		s.group = nil
		if g.err = s.broken; g.err == nil {
			g.err = s.writeGroup(g)
		}
		close(g.written)
	}
	s.writing = false
}

// writeGroup needs mu, and lets go of it while the disk works. Only one is written at a time.
func (s *Spool) writeGroup(g *group) error {
	var seg *segment
	if s.active != nil {
		if seg = s.segments[len(s.segments)-1]; seg.size >= s.opts.SegmentBytes {
			_ = s.active.Close()
			s.active, seg = nil, nil
		}
	}
	f, first := s.active, s.next
	for i := range 8 {
		g.bytes[groupHeader+i] = byte(first >> (8 * i))
	}
	seal(g.bytes)
	s.mu.Unlock()
	var err error
	begun := seg == nil
	if begun {
		seg = &segment{name: segmentName(first), first: first, next: first, size: int64(headerSize)}
		f, err = s.begin(seg.name)
	}
	if err == nil {
		if _, err = f.Write(g.bytes); err == nil {
			err = f.Sync()
		}
	}
	var taken error
	if err != nil {
		taken = s.takeBack(f, seg, begun)
	}
	s.mu.Lock()
	if err != nil {
		s.active = nil // the next group begins a segment: after a failed sync nobody knows of this one what the disk has
		if taken != nil {
			s.broken = fmt.Errorf("spool %s: nothing is accepted any more, as a write failed and could not be taken back: %w", s.dir, errors.Join(err, taken))
			return s.broken
		}
		if errors.Is(err, syscall.ENOSPC) {
			return &FullError{Dir: s.dir, Bytes: s.bytes(), Limit: s.opts.MaxBytes, Err: err}
		}
		return fmt.Errorf("spool %s: %w", s.dir, err)
	}
	if begun {
		s.segments, s.active = append(s.segments, seg), f
	}
	seg.groups = append(seg.groups, place{first, seg.size})
	seg.size += int64(len(g.bytes))
	for _, e := range g.entries {
		s.note(s.next, e)
		s.next++
	}
	seg.next = s.next
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return nil
}

// begin makes a segment's file.
func (s *Spool) begin(name string) (file, error) {
	f, err := s.disk.Create(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(append([]byte(magic), version)); err != nil {
		return f, err
	}
	return f, s.disk.Sync()
}

// takeBack removes what a write has left of a group that is not accepted.
func (s *Spool) takeBack(f file, seg *segment, begun bool) error {
	if f == nil {
		return nil // its file could not be made
	}
	if begun {
		_ = f.Close()
		return s.disk.Remove(seg.name)
	}
	err := f.Truncate(seg.size)
	_ = f.Close()
	return err
}

// Held is how many records of a topic and key are in the spool that are not done; those of a few other keys may count with them.
func (s *Spool) Held(topic string, key []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[s.keyOf(topic, key)]
}

// Stats says what the spool holds.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := Stats{Records: len(s.left), Bytes: s.bytes()}
	for _, e := range s.left {
		if stats.Oldest.IsZero() || e.at.Before(stats.Oldest) {
			stats.Oldest = e.at
		}
	}
	return stats
}

// Close waits for what is being written, notes how far all is done, and lets the folder go. What is not done stays there. Closing
// again does nothing.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	s.mu.Unlock()
	s.writers.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.notePosition()
	if s.active != nil {
		err = errors.Join(err, s.active.Close())
	}
	if s.root != nil {
		err = errors.Join(err, s.root.Close(), s.lock.Close())
	}
	if err != nil {
		return fmt.Errorf("close spool %s: %w", s.dir, err)
	}
	return nil
}

// Next returns the next entry, and waits for one if there is none. Each is given out once for as long as the spool is open, first those
// that were there when it was opened. Its error is ctx's, [ErrClosed], or that of reading.
func (s *Spool) Next(ctx context.Context) (Entry, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return Entry{}, ErrClosed
		}
		if s.given < s.next {
			e, err := s.read()
			s.mu.Unlock()
			return e, err
		}
		if s.more == nil {
			s.more = make(chan struct{})
		}
		more := s.more
		s.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return Entry{}, ctx.Err()
		}
	}
}
