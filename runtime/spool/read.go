package spool

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// noteEvery is how often it is noted on the disk how far all is done.
const noteEvery = time.Second

// read returns the next entry, which is there. It needs mu.
func (s *Spool) read() (Entry, error) {
	for len(s.ahead) == 0 {
		entries, err := s.readGroupOf(s.given)
		if err != nil {
			return Entry{}, err
		}
		s.ahead = slices.DeleteFunc(entries, func(e Entry) bool { return e.Seq < s.given })
	}
	e := s.ahead[0]
	s.ahead = s.ahead[1:]
	s.given = e.Seq + 1
	return e, nil
}

// readGroupOf reads the group with an entry.
func (s *Spool) readGroupOf(seq uint64) ([]Entry, error) {
	i := slices.IndexFunc(s.segments, func(seg *segment) bool { return seq < seg.next })
	if i < 0 {
		return nil, fmt.Errorf("spool %s: entry %d is in no segment", s.dir, seq)
	}
	seg := s.segments[i]
	n := len(seg.groups)
	for n > 1 && seg.groups[n-1].first > seq {
		n--
	}
	at, end := seg.groups[n-1].at, seg.size
	if n < len(seg.groups) {
		end = seg.groups[n].at
	}
	b := make([]byte, end-at)
	if err := s.disk.ReadAt(seg.name, b, at); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	body, _, err := readGroup(b)
	if err != nil {
		return nil, &CorruptError{File: filepath.Join(s.dir, seg.name), Err: fmt.Errorf("at byte %d: %w", at, err)}
	}
	return readBody(body)
}

// Done has an entry that Next gave out forgotten. Calls may come in any order; after a crash, what came behind the first entry that is
// not done may be given out again, and so may what was done in the last second.
func (s *Spool) Done(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.left[seq]
	if e == nil || s.closed {
		return
	}
	delete(s.left, seq)
	if s.keys[e.key]--; s.keys[e.key] == 0 {
		delete(s.keys, e.key)
	}
	s.done[seq] = true
	for s.done[s.position] {
		delete(s.done, s.position)
		s.position++
	}
	s.removeDone()
	if time.Since(s.notedAt) >= noteEvery {
		_ = s.notePosition() // it is noted again; until then more is repeated after a crash
	}
}

// removeDone removes the segments all of whose entries are done. It needs mu.
func (s *Spool) removeDone() {
	for len(s.segments) > 0 && s.segments[0].next <= s.position {
		if len(s.segments) == 1 {
			if s.writing {
				return
			}
			if s.active != nil {
				_ = s.active.Close()
				s.active = nil
			}
		}
		if s.disk.Remove(s.segments[0].name) != nil {
			return // it is tried again with the next entry that is done, or when the folder is opened
		}
		s.segments = s.segments[1:]
	}
}

// The file of the position has the version, the position, and their checksum, in text.
const positionFormat = "%d %d"

func (s *Spool) notePosition() error {
	s.notedAt = time.Now()
	if s.noted == s.position {
		return nil
	}
	text := fmt.Sprintf(positionFormat, version, s.position)
	if err := s.disk.Replace(positionFile, fmt.Appendf(nil, "%s %08x\n", text, checksum([]byte(text)))); err != nil {
		return fmt.Errorf("note the position: %w", err)
	}
	s.noted = s.position
	return nil
}

// readPosition returns the position that was noted, 0 where none was, or what was can't be read: then all that is there is given out.
func (s *Spool) readPosition() uint64 {
	b, err := s.disk.ReadFile(positionFile)
	if err != nil {
		return 0
	}
	var v int
	var position uint64
	var sum uint32
	if _, err := fmt.Sscanf(string(b), positionFormat+" %x\n", &v, &position, &sum); err != nil {
		return 0
	}
	if v != version || sum != checksum(fmt.Appendf(nil, positionFormat, v, position)) {
		return 0
	}
	return position
}
