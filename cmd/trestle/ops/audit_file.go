package ops

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// auditFile has an entry a line.
type auditFile struct{ path string }

func (a *auditFile) String() string { return a.path }

func (a *auditFile) begin(context.Context) error {
	if err := os.MkdirAll(filepath.Dir(a.path), 0o755); err != nil {
		return err
	}
	f, err := a.open()
	if err != nil {
		return err
	}
	_, err = endOf(f)
	return errors.Join(err, f.Close())
}

func (a *auditFile) open() (*os.File, error) {
	return os.OpenFile(a.path, os.O_CREATE|os.O_RDWR, 0o644)
}

func (a *auditFile) append(ctx context.Context, next func(last string) ([][]byte, error)) error {
	lock := flock.New(a.path + ".lock")
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another process that writes to it: %w", err)
	}
	defer lock.Unlock()
	f, err := a.open()
	if err != nil {
		return err
	}
	return errors.Join(a.write(f, next), f.Close())
}

// write writes behind the last whole line, or leaves the file with that as its end.
func (a *auditFile) write(f *os.File, next func(last string) ([][]byte, error)) error {
	end, err := endOf(f)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	last := end.hash
	if len(end.torn) > 0 { // what a process left that ended while it wrote: it stays, as an entry
		mended := AuditEntry{
			Time: time.Now().UTC().Truncate(time.Millisecond), Who: whoIsIt(), What: "audit repair", Target: "line that was not written to its end", Before: string(end.torn),
		}
		entry, err := mended.seal(last)
		if err != nil {
			return err
		}
		last = mended.Hash
		out.Write(append(entry, '\n'))
	}
	entries, err := next(last)
	if err != nil {
		return err
	}
	for _, e := range entries {
		out.Write(append(e, '\n'))
	}
	_, err = f.WriteAt(out.Bytes(), end.size)
	if err == nil && int64(len(end.torn)) > int64(out.Len()) {
		err = f.Truncate(end.size + int64(out.Len()))
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		return nil
	}
	if cutErr := f.Truncate(end.size); cutErr != nil {
		return fmt.Errorf("%w; what was written of it could not be cut off again: cut the file to its first %d bytes: %w", err, end.size, cutErr)
	}
	return err
}

// fileEnd is where a file of lines goes on.
type fileEnd struct {
	size int64  // of all whole lines
	torn []byte // what stands behind them, without a line's end
	hash string // of the last whole line; empty: there is none
}

// endOf reads the file's end alone.
func endOf(f *os.File) (fileEnd, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fileEnd{}, err
	}
	for length := int64(16 << 10); ; length *= 4 {
		tail := make([]byte, min(length, size))
		if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
			return fileEnd{}, err
		}
		all := int64(len(tail)) == size
		whole := bytes.LastIndexByte(tail, '\n') + 1
		line := bytes.TrimSpace(tail[:whole])
		begin := bytes.LastIndexByte(line, '\n')
		if begin < 0 && !all {
			continue // it is longer than this
		}
		end := fileEnd{size: size - int64(len(tail)-whole), torn: tail[whole:]}
		if line = line[begin+1:]; len(line) > 0 {
			end.hash, err = hashOf(line)
		}
		return end, err
	}
}

func (a *auditFile) each(_ context.Context, visit func(place string, entry []byte) error) error {
	f, err := os.Open(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := visit(a.path+":"+strconv.Itoa(number), bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
