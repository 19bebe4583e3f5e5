package ops

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// EventText is one event as somebody wrote it down.
type EventText struct {
	Name string // file, or file:line in a file of one event a line; "-" for standard input
	Text []byte
}

// maxLine bounds one line of a file of one event a line, far above what a topic takes.
const maxLine = 64 << 20

// ReadTexts calls each for every event text of the named files, "-" being stdin; without names it reads stdin. A file
// is one JSON text, or one a line: it is read by lines when its first line is a whole one and more follows, and then a
// line is passed on as soon as it is there.
func ReadTexts(names []string, stdin io.Reader, each func(EventText) error) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if name == "-" {
			if err := splitTexts("-", stdin, each); err != nil {
				return err
			}
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = splitTexts(name, f, each)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func splitTexts(name string, r io.Reader, each func(EventText) error) error {
	br := bufio.NewReader(r)
	first, rest, err := firstLine(br)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !rest || !json.Valid(first) {
		more, err := io.ReadAll(br)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		text := append(first, more...)
		if len(bytes.TrimSpace(text)) == 0 {
			return fmt.Errorf("%s is empty: it holds no event", name)
		}
		return each(EventText{name, text})
	}
	scan := bufio.NewScanner(io.MultiReader(bytes.NewReader(first), br))
	scan.Buffer(nil, maxLine)
	for line := 1; scan.Scan(); line++ {
		if text := bytes.TrimSpace(scan.Bytes()); len(text) > 0 {
			if err := each(EventText{fmt.Sprintf("%s:%d", name, line), bytes.Clone(text)}); err != nil {
				return err
			}
		}
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// firstLine reads up to the first line end and says whether anything follows.
func firstLine(br *bufio.Reader) (line []byte, rest bool, err error) {
	line, err = br.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return line, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	_, err = br.Peek(1)
	if errors.Is(err, io.EOF) {
		return line, false, nil
	}
	return line, err == nil, err
}
