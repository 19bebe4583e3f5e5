package witness

import (
	"encoding/json"
	"errors"
	"math/big"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

var errNotWritten = errors.New("the writer writes no such event")

// carry has the reader read what the writer writes of an event; data is its binary form, where that is what is read.
func carry(event map[string]any, writer, reader *side, enc schema.Encoding) (written, got map[string]any, data []byte, err error) {
	write := func() (map[string]any, error) { return writer.read(event) }
	read := func() (map[string]any, error) { return reader.read(event) }
	if enc == schema.EncodingProtobuf {
		if !writer.binary() || !reader.binary() {
			return nil, nil, nil, errNotWritten
		}
		if data, err = writer.write(event); err != nil {
			return nil, nil, nil, errNotWritten
		}
		write = func() (map[string]any, error) { return writer.readBytes(data) }
		read = func() (map[string]any, error) { return reader.readBytes(data) }
	}
	if written, err = write(); err != nil || !covers(written, event) {
		return nil, nil, nil, errNotWritten
	}
	got, err = read()
	return written, got, data, err
}

// covers says whether everything that an event says is in what was kept of it; nothing, null and empty are the same.
func covers(kept, event any) bool {
	switch e := event.(type) {
	case map[string]any:
		k, ok := kept.(map[string]any)
		if !ok {
			return len(e) == 0 && kept == nil
		}
		for name, v := range e {
			if !covers(k[name], v) {
				return false
			}
		}
		return true
	case []any:
		k, ok := kept.([]any)
		if !ok {
			return len(e) == 0 && kept == nil
		}
		if len(k) != len(e) {
			return false
		}
		for i := range e {
			if !covers(k[i], e[i]) {
				return false
			}
		}
		return true
	case nil:
		return true
	}
	return equal(kept, event)
}

// equal compares JSON values; numbers by what they are worth.
func equal(a, b any) bool {
	x, okX := a.(json.Number)
	y, okY := b.(json.Number)
	if okX && okY {
		p, ok1 := new(big.Rat).SetString(x.String())
		q, ok2 := new(big.Rat).SetString(y.String())
		return ok1 && ok2 && p.Cmp(q) == 0
	}
	m, okM := a.(map[string]any)
	n, okN := b.(map[string]any)
	if okM && okN {
		return len(m) == len(n) && covers(m, n) && covers(n, m)
	}
	s, okS := a.([]any)
	t, okT := b.([]any)
	if okS && okT {
		return len(s) == len(t) && covers(s, t) && covers(t, s)
	}
	if okX || okY || okM || okN || okS || okT {
		return false
	}
	return a == b || sameTime(a, b)
}

// sameTime says whether two texts are the same time: readers take more forms of one than they write.
func sameTime(a, b any) bool {
	x, okX := a.(string)
	y, okY := b.(string)
	if !okX || !okY {
		return false
	}
	s, _, errS := jsonio.ParseTime(x)
	t, _, errT := jsonio.ParseTime(y)
	return errS == nil && errT == nil && s.Equal(t)
}
