package jsonio

import "time"

// AppendTime appends t as an RFC 3339 string in UTC, cut to microseconds, without trailing zeros of the fraction:
// "2025-10-16T12:34:56.789Z". It fails when t is outside the years 1 to 9999.
func AppendTime(b []byte, t time.Time) ([]byte, error) {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return b, &Error{Offset: -1, Message: "a time outside the years 1 to 9999 has no RFC 3339 form"}
	}
	hour, minute, second := t.Clock()
	b = append(b, '"')
	b = appendTwo(b, year/100)
	b = appendTwo(b, year%100)
	b = append(b, '-')
	b = appendTwo(b, int(month))
	b = append(b, '-')
	b = appendTwo(b, day)
	b = append(b, 'T')
	b = appendTwo(b, hour)
	b = append(b, ':')
	b = appendTwo(b, minute)
	b = append(b, ':')
	b = appendTwo(b, second)
	if micros := t.Nanosecond() / 1000; micros != 0 {
		b = append(b, '.')
		for scale := 100_000; micros > 0; scale /= 10 {
			b = append(b, byte('0'+micros/scale))
			micros %= scale
		}
	}
	return append(b, 'Z', '"'), nil
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// ParseTime reads a time as [Reader.Time] does, from text outside of JSON. zoned says whether it named its zone.
func ParseTime(s string) (t time.Time, zoned bool, err error) {
	t, zoned, ok := parseTime(s)
	if !ok {
		return t, false, &Error{Offset: -1, Message: "must be an RFC 3339 time, got " + Excerpt(s)}
	}
	return t, zoned, nil
}

// parseTime reads `YYYY-MM-DD hh:mm:ss`, a T or a blank between, a fraction of any length, and Z, an offset or
// nothing behind it. The result is in UTC, its fraction cut to nanoseconds.
func parseTime(s string) (t time.Time, zoned, ok bool) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' {
		return t, false, false
	}
	if c := s[10]; c != 'T' && c != ' ' && c != 't' {
		return t, false, false
	}
	century, year := two(s[0:]), two(s[2:])
	month, day := two(s[5:]), two(s[8:])
	hour, minute, second := two(s[11:]), two(s[14:]), two(s[17:])
	if min(century, year, month, day, hour, minute, second) < 0 || hour > 23 || minute > 59 || second > 59 {
		return t, false, false
	}
	nanos, rest := 0, s[19:]
	if rest != "" && rest[0] == '.' {
		n := 1
		for scale := 100_000_000; n < len(rest) && isDigit(rest[n]); n++ {
			nanos += int(rest[n]-'0') * scale
			scale /= 10
		}
		if n == 1 {
			return t, false, false
		}
		rest = rest[n:]
	}
	offset, zoned, ok := parseZone(rest)
	if !ok {
		return t, false, false
	}
	t = time.Date(century*100+year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Day() != day || t.Month() != time.Month(month) {
		return time.Time{}, false, false // such as 30 February
	}
	if t = t.Add(-offset); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, false, false
	}
	return t, zoned, true
}

func parseZone(s string) (offset time.Duration, zoned, ok bool) {
	if s == "" {
		return 0, false, true
	}
	if s == "Z" || s == "z" {
		return 0, true, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false, false
	}
	hours, minutes := two(s[1:]), two(s[4:])
	if hours < 0 || minutes < 0 || hours > 23 || minutes > 59 {
		return 0, false, false
	}
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true, true
}

// two reads two digits, -1 when they are not.
func two(s string) int {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return -1
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}
