package format

import (
	"errors"
	"strconv"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
)

// String renders a value found, as JSON of at most 64 bytes.
func String[T ~string](s T) string {
	if len(s) > 60 || !plain(string(s)) {
		return jsonio.Excerpt(string(s))
	}
	return `"` + string(s) + `"`
}

// plain says that a string needs no escapes in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Int renders a value found.
func Int[T ~int32 | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// Uint renders a value found.
func Uint[T ~uint32 | ~uint64](n T) string { return strconv.FormatUint(uint64(n), 10) }

// Float renders a value found: NaN and infinities by name.
func Float[T float32 | float64](f T) string {
	var room [32]byte
	var b []byte
	var err error
	if single, ok := any(f).(float32); ok {
		b, err = jsonio.AppendFloat32(room[:0], single)
	} else {
		b, err = jsonio.AppendFloat64(room[:0], float64(f))
	}
	if err != nil { // NaN or infinite
		return strconv.FormatFloat(float64(f), 'g', -1, 64)
	}
	return string(b)
}

// Bool renders a value found.
func Bool(b bool) string { return strconv.FormatBool(b) }

// Time renders a value found.
func Time(t time.Time) string { return `"` + t.UTC().Format(time.RFC3339Nano) + `"` }

// Duration renders a value found, in seconds: "1.5s".
func Duration(d time.Duration) string {
	return `"` + strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + `s"`
}

// ErrNotUTF8 says that bytes that a pattern is for are no text.
var ErrNotUTF8 = errors.New("value must be valid UTF-8 to apply a pattern")
