package chaos

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a line of the ledger says of an event.
const (
	acked        = "acked"         // the cluster has acknowledged it, where the line says
	spooled      = "spooled"       // a spool has accepted it
	committed    = "committed"     // it was written into an outbox, and the database said that the transaction committed
	begun        = "begun"         // a handler was called for it
	failed       = "failed"        // the handler is about to say that it failed with it, so that it is to be tried again
	handled      = "handled"       // so it was, as the consumer says of its record; the position may be committed from now on
	deadLettered = "dead-lettered" // in place of that its dead letter was written
	retried      = "retried"       // in place of that it waits in a retry topic
	skipped      = "skipped"       // in place of that it was left to another group
	duplicate    = "duplicate"     // in place of that it had been handled before
)

var whats = []string{acked, spooled, committed, begun, failed, handled, deadLettered, retried, skipped, duplicate}

// isDone says that a line is of those by which the consumer is done with a record.
func (l *line) isDone() bool { return slices.Index(whats, l.what) >= slices.Index(whats, handled) }

// stepID is a step, whichever record it stands in.
type stepID struct {
	era int
	key string
	n   int
}

func (s stepID) String() string { return fmt.Sprintf("%s#%d", s.key, s.n) }

// place is where a record stands.
type place struct {
	era       int
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("era %d, %d@%d", p.era, p.partition, p.offset) }

// line is what a process did at a time.
type line struct {
	what  string
	at    int64 // Unix nanoseconds; all processes are on one machine
	topic string
	group string // of a consumer; empty: a publisher
	step  stepID
	place
	attempt int   // of the handler
	call    int64 // of a handler of batches: those of one have the same; 0: it is called for one event at a time
}

// nowhere stands for an empty name.
const nowhere = "-"

func (l *line) append(b []byte) []byte {
	group := l.group
	if group == "" {
		group = nowhere
	}
	return fmt.Appendf(b, "%s %d %s %s %d %s %d %d %d %d %d\n",
		l.what, l.at, l.topic, group, l.step.era, l.step.key, l.step.n, l.partition, l.offset, l.attempt, l.call)
}

func parseLine(fields []string) (l line, err error) {
	if len(fields) != 11 {
		return l, fmt.Errorf("%d fields", len(fields))
	}
	number := func(i int) int64 {
		n, failed := strconv.ParseInt(fields[i], 10, 64)
		err = errors.Join(err, failed)
		return n
	}
	l = line{at: number(1), topic: known(fields[2]), step: stepID{int(number(4)), known(fields[5]), int(number(6))}}
	l.place = place{l.step.era, int32(number(7)), number(8)}
	l.attempt, l.call = int(number(9)), number(10)
	if fields[3] != nowhere {
		l.group = known(fields[3])
	}
	i := slices.Index(whats, fields[0])
	if i < 0 {
		return l, errors.Join(err, fmt.Errorf("%q is nothing that is written", fields[0]))
	}
	l.what = whats[i]
	return l, err
}

var names sync.Map // that stand in many lines, each once in memory

func known(name string) string {
	if kept, ok := names.Load(name); ok {
		return kept.(string)
	}
	kept, _ := names.LoadOrStore(strings.Clone(name), strings.Clone(name))
	return kept.(string)
}

// writer writes lines to a process's part of the ledger. A line is one write, so that whatever ends the process leaves whole lines
// but for the last one.
type writer struct {
	mu   sync.Mutex
	file *os.File
}

func newWriter(path string) (*writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	return &writer{file: file}, err
}

// write notes a line, and when.
func (w *writer) write(l line) {
	l.at = time.Now().UnixNano()
	text := l.append(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.file.Write(text); err != nil {
		panic(err) // nothing may go on that is not accounted for
	}
}

// readLedger calls each for all lines in the parts of a folder. The last line of a part counts only if it is whole.
func readLedger(folder string, each func(line)) error {
	parts, err := filepath.Glob(filepath.Join(folder, "*.ledger"))
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := readPart(part, each); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return nil
}

func readPart(path string, each func(line)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for lines := bufio.NewReader(file); ; {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l, err := parseLine(strings.Fields(text))
		if err != nil {
			return fmt.Errorf("line %q: %w", text, err)
		}
		each(l)
	}
}

// TestLedgerKeepsWholeLines reads a part of which the last line was cut off by the end of its process.
func TestLedgerKeepsWholeLines(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w, err := newWriter(filepath.Join(folder, "one.ledger"))
	if err != nil {
		t.Fatal(err)
	}
	want := []line{
		{what: acked, topic: "steps", step: stepID{2, "a", 7}, place: place{2, 1, 42}},
		{what: begun, topic: "steps", group: "chaos", step: stepID{2, "a", 7}, place: place{2, 1, 42}, attempt: 3, call: 9},
	}
	for _, l := range want {
		w.write(l)
	}
	if _, err := w.file.WriteString("handled 12 2 a"); err != nil {
		t.Fatal(err)
	}
	if err := w.file.Close(); err != nil {
		t.Fatal(err)
	}
	var lines []line
	err = readLedger(folder, func(l line) {
		l.at = 0
		lines = append(lines, l)
	})
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("read %+v, %v; want %+v", lines, err, want)
	}
}
