package registry

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
)

// log keeps the state in a file: what it was when the file was begun, then a line for each change since, so that a change costs its own length. A crash
// leaves the changes that were answered, and at most a part of a line behind them, which is cut off at the next start.
type log struct {
	path  string // empty: nothing is kept
	file  *os.File
	size  int64
	begun int // lines that the file began with
	stale int // lines since then that add no schema
}

// header is the first line of the file.
type header struct {
	Version int               `json:"trestle_registry"`
	Level   string            `json:"compatibility"`
	Levels  map[string]string `json:"subject_compatibility,omitempty"`
	NextID  int               `json:"next_id"`
}

const logVersion = 1

// openLog reads the state from the file at path; an absent file is an empty registry.
func openLog(path string) (*log, *state, error) {
	l, s := &log{path: path}, newState()
	if path == "" {
		return l, s, nil
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("registry state: %w", err)
	}
	if err := l.read(data, s); err != nil {
		return nil, nil, fmt.Errorf("registry state %s: %w: move it away to start with an empty registry", path, err)
	}
	if err := l.rewrite(s); err != nil {
		return nil, nil, fmt.Errorf("registry state: %w", err)
	}
	return l, s, nil
}

// read takes the state from a file's bytes.
func (l *log) read(data []byte, s *state) error {
	if len(data) == 0 {
		return nil
	}
	lines := bufio.NewReader(bytes.NewReader(data))
	first, err := lines.ReadBytes('\n')
	var h header
	if err != nil || json.Unmarshal(first, &h) != nil {
		return readWhole(data, s)
	}
	if h.Version != logVersion {
		return fmt.Errorf("version %d of the file, which this version of trestle does not read", h.Version)
	}
	s.level, s.nextID = h.Level, h.NextID
	maps.Copy(s.levels, h.Levels)
	for n := 2; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil { // what stands behind the last line's end was not answered
			return nil
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		s.apply(c)
	}
}

// readWhole reads the file of earlier versions, which was one JSON object.
func readWhole(data []byte, s *state) error {
	var old struct {
		Schemas []*Schema         `json:"schemas"`
		Level   string            `json:"compatibility"`
		Levels  map[string]string `json:"subject_compatibility"`
		NextID  int               `json:"next_id"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return err
	}
	if old.Level == "" {
		return errors.New("it is not a registry's")
	}
	s.level, s.nextID = old.Level, old.NextID
	maps.Copy(s.levels, old.Levels)
	for _, v := range old.Schemas {
		s.add(v)
	}
	return nil
}

// append keeps a change. With an error it is not kept.
func (l *log) append(c change) error {
	if l.path == "" {
		return nil
	}
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, err = l.file.WriteAt(line, l.size) // over what a write that failed has left
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(err, l.file.Truncate(l.size))
	}
	l.size += int64(len(line))
	if c.Add == nil {
		l.stale++
	}
	return nil
}

// compact begins the file anew when it says more that no longer counts than what does. It may be put off: where it fails, the file goes on as it is.
func (l *log) compact(s *state) error {
	if l.path == "" || l.stale < 256 || l.stale < l.begun {
		return nil
	}
	return l.rewrite(s)
}

// rewrite replaces the file as a whole, so that a crash leaves the old one or the new one.
func (l *log) rewrite(s *state) error {
	tmp, err := os.CreateTemp(filepath.Dir(l.path), ".registry-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	lines, err := s.write(tmp)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	// The file is closed while it is replaced: Windows does not replace one that is open.
	replaced := errors.Join(l.close(), os.Rename(tmp.Name(), l.path))
	if l.file, err = os.OpenFile(l.path, os.O_RDWR, 0); replaced != nil || err != nil {
		return errors.Join(replaced, err)
	}
	l.begun, l.stale = lines, 0
	l.size, err = l.file.Seek(0, io.SeekEnd)
	return err
}

func (l *log) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// write writes the state as the beginning of a file, and returns how many lines that took.
func (s *state) write(w io.Writer) (lines int, err error) {
	out := bufio.NewWriter(w)
	encode := json.NewEncoder(out).Encode
	if err := encode(header{logVersion, s.level, s.levels, s.nextID}); err != nil {
		return 0, err
	}
	lines = 1
	for _, name := range s.names(true) {
		for _, v := range s.subjects[name].versions {
			if err := encode(change{Add: v}); err != nil {
				return 0, err
			}
			lines++
		}
	}
	return lines, out.Flush()
}
