package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Cause is what letters have in common that failed for the same reason.
type Cause struct {
	// ID is the same for the same cause, now and later: twelve hexadecimal digits.
	ID string
	// ErrorType and Message are the error's; numbers, ids and quoted values of the message are left out: see [NormalMessage].
	ErrorType, Message string
	Source             string // the topic that the originals stand in
	EventType          string
	Group              string // the group that failed
}

// String says it in a line: `HandlerError: order # not found`.
func (c Cause) String() string {
	if c.ErrorType == "" {
		return c.Message
	}
	return c.ErrorType + ": " + c.Message
}

func newCause(errorType, message, source, eventType, group string) Cause {
	c := Cause{ErrorType: errorType, Message: NormalMessage(message), Source: source, EventType: eventType, Group: group}
	digest := sha256.Sum256([]byte(strings.Join([]string{"1", c.ErrorType, c.Message, c.Source, c.EventType, c.Group}, "\x00")))
	c.ID = hex.EncodeToString(digest[:6])
	return c
}

// maxMessage bounds a normal message, in bytes.
const maxMessage = 200

var (
	quoted     = regexp.MustCompile("\"[^\"]*\"|\\B'[^']*'\\B|`[^`]*`")
	withDigits = regexp.MustCompile(`[\pL\pN_.:+-]*\pN[\pL\pN_.:+-]*`)
)

// NormalMessage is what messages have in common that differ by the event alone: the first line, with quoted values and words with
// digits in them left out, at most 200 bytes.
func NormalMessage(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(message, "\uFFFD")), "\n")
	line = quoted.ReplaceAllString(line, `"…"`)
	line = withDigits.ReplaceAllString(line, "#")
	line = strings.Join(strings.Fields(line), " ")
	for end := maxMessage; len(line) > maxMessage; end-- {
		if utf8.RuneStart(line[end]) {
			line = line[:end]
		}
	}
	return line
}
