package format

import (
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
)

// DateTime reports whether s is a time that readers take: RFC 3339, also with a blank for the T, and also without a zone.
func DateTime(s string) bool {
	_, _, err := jsonio.ParseTime(s)
	return err == nil
}

// Date reports whether s is a date of RFC 3339: 2024-02-29.
func Date(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	year, month, day := digits(s[:4]), digits(s[5:7]), digits(s[8:])
	return year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// digits is the number that s, of digits alone, stands for; -1 for any other s.
func digits(s string) int {
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// TimeOfDay reports whether s is a time of RFC 3339, with its zone: 23:59:59.5Z. A leap second is one only at the end of
// a day in UTC.
func TimeOfDay(s string) bool {
	if len(s) < len("00:00:00Z") || s[2] != ':' || s[5] != ':' {
		return false
	}
	hour, minute, second := digits(s[:2]), digits(s[3:5]), digits(s[6:8])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return false
	}
	s = s[8:]
	if s[0] == '.' {
		n := 1
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 1 {
			return false
		}
		s = s[n:]
	}
	offset, ok := zone(s)
	const day = 24 * 60
	return ok && (second < 60 || (hour*60+minute-offset+day)%day == day-1)
}

// zone reads the offset of a zone, in minutes.
func zone(s string) (minutes int, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hour, minute := digits(s[1:3]), digits(s[4:])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -hour*60 - minute, true
	}
	return hour*60 + minute, true
}

// Period reports whether s is a duration of ISO 8601 as RFC 3339 has it: P4DT12H30M5S, P2W. Between two of its units
// none is left out.
func Period(s string) bool {
	s, ok := strings.CutPrefix(s, "P")
	if !ok {
		return false
	}
	if weeks, ok := strings.CutSuffix(s, "W"); ok {
		return weeks != "" && strings.Trim(weeks, "0123456789") == ""
	}
	date, clock, hasClock := strings.Cut(s, "T")
	return (date != "" || hasClock) && (date == "" || units(date, "YMD")) && (!hasClock || units(clock, "HMS"))
}

// units reports whether s is numbers that are each followed by a unit, the units in order and without a gap.
func units(s, names string) bool {
	first := true
	for s != "" {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 0 || n == len(s) {
			return false
		}
		at := strings.IndexByte(names, s[n])
		if at < 0 || !first && at > 0 {
			return false
		}
		first, names, s = false, names[at+1:], s[n+1:]
	}
	return !first
}
