package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/event"
)

func record(key string, n int) *event.Record {
	return &event.Record{
		Topic: "orders", Key: []byte(key), Value: fmt.Appendf(nil, `{"n":%d}`, n), Timestamp: time.Unix(1764000000, int64(n)).UTC(),
		Headers: []event.Header{{Key: "event-id", Value: fmt.Appendf(nil, "id-%d", n)}, {Key: "empty", Value: []byte{}}, {Key: "nil"}},
	}
}

func mustOpen(t testing.TB, dir string, opts Options) *Spool {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *Spool) mustAppend(t testing.TB, records ...*event.Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Append(r); err != nil {
			t.Fatal(err)
		}
	}
}

// rest returns the values of what can be given out now.
func (s *Spool) rest(t testing.TB) (values []string, seqs []uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		e, err := s.Next(ctx)
		if errors.Is(err, context.Canceled) {
			return values, seqs
		}
		if err != nil {
			t.Fatal(err)
		}
		values, seqs = append(values, string(e.Record.Value)), append(seqs, e.Seq)
	}
}

func values(from, to int) (all []string) {
	for n := from; n < to; n++ {
		all = append(all, fmt.Sprintf(`{"n":%d}`, n))
	}
	return all
}

func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir(), Options{})
	bare := &event.Record{Topic: "t", Timestamp: time.Unix(1, 2).UTC()}
	empty := &event.Record{Topic: "t", Key: []byte{}, Value: []byte{}, Timestamp: time.Unix(0, -5).UTC()}
	s.mustAppend(t, record("a", 1), bare, empty)
	for i, r := range []*event.Record{record("a", 1), bare, empty} {
		e, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want(t, fmt.Sprint(i), &e.Record, r)
	}
}

// TestWhatIsNotDoneComesAgain opens a folder again and again, with some of it done, in any order.
func TestWhatIsNotDoneComesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{SegmentBytes: 200})
	for n := range 20 {
		s.mustAppend(t, record("a", n))
	}
	if s.Held("orders", []byte("a")) != 20 || s.Held("orders", []byte("b")) != 0 || s.Held("other", []byte("a")) != 0 {
		t.Error("it does not know what it holds")
	}
	got, seqs := s.rest(t)
	want(t, "all", got, values(0, 20))
	for _, i := range []int{1, 0, 2, 4, 19} {
		s.Done(seqs[i])
	}
	stats := s.Stats()
	if stats.Records != 15 || !stats.Oldest.Equal(record("a", 3).Timestamp) || stats.Bytes == 0 {
		t.Errorf("got %+v", stats)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(record("a", 0)); !errors.Is(err, ErrClosed) {
		t.Errorf("append to a closed one: %v", err)
	}
	s = mustOpen(t, dir, Options{SegmentBytes: 200})
	s.mustAppend(t, record("a", 20))
	got, seqs = s.rest(t)
	want(t, "after the position", got, values(3, 21))
	for _, seq := range seqs {
		s.Done(seq)
	}
	want(t, "all done", s.Stats(), Stats{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, Options{})
	s.mustAppend(t, record("a", 21))
	got, seqs = s.rest(t)
	want(t, "numbers are not given twice", got, values(21, 22))
	want(t, "numbers", seqs, []uint64{22})
	files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if len(files) != 1 {
		t.Errorf("files left: %v", files)
	}
}

// TestCrashWithoutAPosition loses the file of the position, or has it say nothing that can be read: all that is there comes again.
func TestCrashWithoutAPosition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1 7", "1 7 00000000\n", "2 7 12345678\n", "no position"} {
		dir := t.TempDir()
		s := mustOpen(t, dir, Options{})
		s.mustAppend(t, record("a", 0), record("a", 1))
		_, seqs := s.rest(t)
		s.Done(seqs[0])
		_ = s.Close()
		if err := os.WriteFile(filepath.Join(dir, positionFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, _ := mustOpen(t, dir, Options{}).rest(t)
		want(t, text, got, values(0, 2))
	}
}

func TestNextWaits(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir(), Options{})
	got := make(chan error, 1)
	go func() {
		_, err := s.Next(t.Context())
		if err == nil {
			_, err = s.Next(t.Context())
		}
		got <- err
	}()
	s.mustAppend(t, record("a", 1))
	_ = s.Close()
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestFolderIsNotShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	_ = s.Close()
	mustOpen(t, dir, Options{})
}

func TestSpoolIsBounded(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir(), Options{MaxBytes: 2000})
	n := 0
	var err error
	for ; err == nil && n < 100; n++ {
		err = s.Append(record("a", n))
	}
	full, ok := errors.AsType[*FullError](err)
	if !ok || full.Limit != 2000 || full.Bytes > 2000 || s.Stats().Bytes > 2000 || n < 10 {
		t.Fatalf("after %d records: %v", n, err)
	}
	got, seqs := s.rest(t)
	want(t, "accepted", got, values(0, n-1))
	for _, seq := range seqs[:len(seqs)/2] {
		s.Done(seq)
	}
	s.mustAppend(t, record("a", n-1))
	got, _ = s.rest(t)
	want(t, "behind it", got, values(n-1, n))
}

// TestManyAppendAtOnce has the records of each goroutine come back in its order, with fewer groups than records.
func TestManyAppendAtOnce(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir(), Options{})
	const writers, each = 16, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				if err := s.Append(record(fmt.Sprint(w), n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	next := map[string]int{}
	for range writers * each {
		e, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		key := string(e.Record.Key)
		if string(e.Record.Value) != fmt.Sprintf(`{"n":%d}`, next[key]) {
			t.Errorf("key %s: %s where %d is due", key, e.Record.Value, next[key])
		}
		next[key]++
		s.Done(e.Seq)
	}
	want(t, "in the end", s.Stats(), Stats{})
}

// segmentOf returns the file of a folder's only segment.
func segmentOf(t testing.TB, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	return files[0]
}

func threeGroups(t testing.TB) (b []byte, name string) {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	s.mustAppend(t, record("a", 0), record("b", 1), record("a", 2))
	_ = s.Close()
	file := segmentOf(t, dir)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b, filepath.Base(file)
}

// TestTornAtEveryByte cuts a segment off at every byte, alone and with what a disk may leave behind it: what was synced before is
// there, what was not is cut off, and the spool goes on.
func TestTornAtEveryByte(t *testing.T) {
	t.Parallel()
	b, name := threeGroups(t)
	var ends []int
	if _, err := scan(b, func(at int64, _ []Entry) { ends = append(ends, int(at)) }); err != nil {
		t.Fatal(err)
	}
	ends = append(ends, len(b))
	tails := map[string]func(n int) []byte{
		"nothing": func(int) []byte { return nil },
		"zeros":   func(int) []byte { return make([]byte, 40) },
		"ones":    func(int) []byte { return bytes.Repeat([]byte{0xff}, 40) },
		"a hole":  func(n int) []byte { return append(make([]byte, 3), b[min(n+3, len(b)):]...) },
	}
	for what, tail := range tails {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for n := range len(b) {
				torn := append(bytes.Clone(b[:n]), tail(n)...)
				complete := 0 // a tail may be what stood there
				for complete < 3 && bytes.HasPrefix(torn, b[:ends[complete+1]]) {
					complete++
				}
				if n < headerSize && what == "ones" || what == "a hole" && n < ends[2] {
					continue // that would be damage: a file has its header before it has a group, and a group is synced before the next
				}
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, name), torn, 0o600); err != nil {
					t.Fatal(err)
				}
				s := mustOpen(t, dir, Options{})
				s.mustAppend(t, record("c", complete))
				got, _ := s.rest(t)
				want(t, fmt.Sprintf("cut at byte %d", n), got, values(0, complete+1))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				again, _ := mustOpen(t, dir, Options{}).rest(t)
				want(t, fmt.Sprintf("cut at byte %d, opened again", n), again, got)
			}
		})
	}
}

// TestDamageIsNoTornTail turns each byte over that stands before the last group: nothing is cut off, and nothing changed.
func TestDamageIsNoTornTail(t *testing.T) {
	t.Parallel()
	b, name := threeGroups(t)
	last := 0
	if _, err := scan(b, func(at int64, _ []Entry) { last = int(at) }); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	for n := range last {
		damaged := bytes.Clone(b)
		damaged[n] ^= 0x10
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if corrupt, ok := errors.AsType[*CorruptError](err); !ok || corrupt.File != file {
			t.Fatalf("byte %d: got %v", n, err)
		}
		if s != nil {
			t.Fatal("it is open")
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, damaged) {
			t.Fatalf("byte %d: the file was changed", n)
		}
	}
}

func TestMissingSegmentIsDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{SegmentBytes: 1})
	s.mustAppend(t, record("a", 0), record("a", 1), record("a", 2))
	_ = s.Close()
	if err := os.Remove(filepath.Join(dir, segmentName(2))); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	if _, ok := errors.AsType[*CorruptError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestNewerVersionIsNotGuessed(t *testing.T) {
	t.Parallel()
	b, name := threeGroups(t)
	b[len(magic)] = version + 1
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "written by a newer one?") {
		t.Errorf("got %v", err)
	}
}

// faulty is a disk that fails.
type faulty struct {
	folder
	write, sync, truncate, remove error // that the next call has; nil: it works
	part                          int   // bytes that are written before write fails
}

type faultyFile struct {
	file
	d *faulty
}

func (d *faulty) Create(name string) (file, error) {
	f, err := d.folder.Create(name)
	return faultyFile{f, d}, err
}

func (d *faulty) Append(name string) (file, error) {
	f, err := d.folder.Append(name)
	return faultyFile{f, d}, err
}

func (d *faulty) Remove(name string) error {
	if d.remove != nil {
		return d.remove
	}
	return d.folder.Remove(name)
}

func (f faultyFile) Write(b []byte) (int, error) {
	if f.d.write != nil {
		n, _ := f.file.Write(b[:min(f.d.part, len(b))])
		return n, f.d.write
	}
	return f.file.Write(b)
}

func (f faultyFile) Sync() error {
	if f.d.sync != nil {
		return f.d.sync
	}
	return f.file.Sync()
}

func (f faultyFile) Truncate(size int64) error {
	if f.d.truncate != nil {
		return f.d.truncate
	}
	return f.file.Truncate(size)
}

func openFaulty(t *testing.T, dir string) (*Spool, *faulty) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	d := &faulty{folder: folder{root}}
	s, err := open(dir, d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

// TestDiskFails has the disk be full, or fail, before anything is written and after something was: what was not accepted is not there, and
// once the disk works the spool does.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*faulty){
		"full":      func(d *faulty) { d.write = syscall.ENOSPC },
		"full late": func(d *faulty) { d.write, d.part = syscall.ENOSPC, 20 },
		"sync":      func(d *faulty) { d.sync = syscall.EIO },
		"full sync": func(d *faulty) { d.sync = syscall.ENOSPC },
	} {
		for before := range 2 {
			t.Run(fmt.Sprintf("%s after %d", name, before), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s, d := openFaulty(t, dir)
				for n := range before {
					s.mustAppend(t, record("a", n))
				}
				fail(d)
				err := s.Append(record("a", 99))
				full, isFull := errors.AsType[*FullError](err)
				if wantFull := strings.HasPrefix(name, "full"); err == nil || isFull != wantFull || isFull && !errors.Is(full, syscall.ENOSPC) {
					t.Errorf("got %v", err)
				}
				d.write, d.sync = nil, nil
				s.mustAppend(t, record("a", before))
				got, _ := s.rest(t)
				want(t, "accepted", got, values(0, before+1))
				_ = s.Close()
				again, _ := mustOpen(t, dir, Options{}).rest(t)
				want(t, "opened again", again, got)
			})
		}
	}
}

// TestWriteThatIsNotTakenBack has the disk fail altogether: nothing is accepted any more, and what was is there.
func TestWriteThatIsNotTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, d := openFaulty(t, dir)
	s.mustAppend(t, record("a", 0))
	d.write, d.part, d.truncate = syscall.EIO, 20, syscall.EIO
	if err := s.Append(record("a", 99)); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	d.write, d.truncate = nil, nil
	if err := s.Append(record("a", 99)); !errors.Is(err, syscall.EIO) {
		t.Errorf("behind what is not known: got %v", err)
	}
	_ = s.Close()
	s = mustOpen(t, dir, Options{})
	s.mustAppend(t, record("a", 1))
	got, _ := s.rest(t)
	want(t, "opened again", got, values(0, 2))
}

// TestRecordedSegment reads what version 1 wrote.
func TestRecordedSegment(t *testing.T) {
	t.Parallel()
	const recorded = "testdata/v1.spool"
	b, name := threeGroups(t)
	if os.Getenv("TRESTLE_UPDATE") != "" {
		if err := os.WriteFile(recorded, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, b) {
		t.Error("what is written has changed: that is a new version")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), old, 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, Options{})
	for n, key := range []string{"a", "b", "a"} {
		e, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want(t, fmt.Sprint(n), &e.Record, record(key, n))
	}
}

// FuzzSegment reads anything as a segment: it ends, and what it reads is written as it was.
func FuzzSegment(f *testing.F) {
	b, _ := threeGroups(f)
	f.Add(b)
	f.Add(b[:len(b)-5])
	f.Add(append(bytes.Clone(b), 0, 0, 0, 0))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		end, err := scan(b, func(at int64, entries []Entry) {
			first := uint64(0)
			if len(entries) > 0 {
				first = entries[0].Seq
			}
			g := newGroup(first)
			for i := range entries {
				g = appendEntry(g, &entries[i].Record)
			}
			seal(g)
			body, _, err := readGroup(g)
			if err != nil {
				t.Fatal(err)
			}
			read, err := readBody(body)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "written again", read, entries)
		})
		if err == nil && (end < 0 || end > int64(len(b))) {
			t.Errorf("ends at %d of %d", end, len(b))
		}
	})
}
