package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cause is what letters have in common that failed for the same reason.
type Cause struct {
	// ID is the same for the same cause, now and later: twelve hexadecimal digits.
	ID string
	// Across is the same for causes that differ by Source and EventType alone: of what fails for the same reason wherever the group reads. A [Filter] takes it
	// as it does an ID.
	Across string
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
	c.ID = causeID("1", c.ErrorType, c.Message, c.Source, c.EventType, c.Group)
	c.Across = causeID("across 1", c.ErrorType, c.Message, c.Group)
	return c
}

func causeID(parts ...string) string {
	digest := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(digest[:6])
}

// minKey is how long a key is at least that counts as an id where a message holds it: a shorter one may be a word.
const minKey = 8

// withoutKey has a key in a message count as a word with digits, as keys that have some do by themselves.
func withoutKey(message, key string) string {
	if len(key) < minKey || strings.ContainsFunc(key, unicode.IsNumber) {
		return message
	}
	return strings.ReplaceAll(message, key, "0")
}

// maxMessage bounds a normal message, in bytes.
const maxMessage = 200

var (
	hexWord    = regexp.MustCompile(`\b[a-fA-F]{8,}\b`) // one id in thousands has no digit
	quoted     = regexp.MustCompile("\"[^\"]*\"|\\B'[^']*'\\B|`[^`]*`")
	withDigits = regexp.MustCompile(`[\pL\pN_.:+-]*\pN[\pL\pN_.:+-]*`)
)

// NormalMessage is what messages have in common that differ by the event alone: the first line, with quoted values, and words with
// digits in them or of hexadecimal ones alone, left out, at most 200 bytes. Where a [Cause] has it, a key of eight bytes or more is left out, too.
func NormalMessage(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(message, "\uFFFD")), "\n")
	line = quoted.ReplaceAllString(line, `"…"`)
	line = hexWord.ReplaceAllString(line, "0")
	line = withDigits.ReplaceAllString(line, "#")
	line = strings.Join(strings.Fields(line), " ")
	for end := maxMessage; len(line) > maxMessage; end-- {
		if utf8.RuneStart(line[end]) {
			line = line[:end]
		}
	}
	return line
}
