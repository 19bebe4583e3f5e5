package format

// IP reports whether s is an IPv4 or IPv6 address.
func IP(s string) bool { return IPv4(s) || IPv6(s) }

// IPv4 reports whether s is an IPv4 address: four decimal numbers without leading zeros.
func IPv4(s string) bool {
	_, rest, ok := octets(s)
	return ok && rest == ""
}

// IPv6 reports whether s is an IPv6 address, with or without a zone.
func IPv6(s string) bool {
	a, rest, ok := groups(s)
	return ok && (rest == "" || rest[0] == '%' && len(rest) > 1 && !a.dotted)
}

// IPv6Bare reports whether s is an IPv6 address without a zone.
func IPv6Bare(s string) bool {
	_, rest, ok := groups(s)
	return ok && rest == ""
}

// IPWithPrefixLen reports whether s is an address and the length of its network's prefix: 192.168.0.7/24.
func IPWithPrefixLen(s string) bool { return IPv4WithPrefixLen(s) || IPv6WithPrefixLen(s) }

// IPv4WithPrefixLen is [IPWithPrefixLen] for IPv4 alone.
func IPv4WithPrefixLen(s string) bool { _, _, ok := prefix4(s); return ok }

// IPv6WithPrefixLen is [IPWithPrefixLen] for IPv6 alone.
func IPv6WithPrefixLen(s string) bool { _, _, ok := prefix6(s); return ok }

// IPPrefix reports whether s is a network: an address whose bits past the prefix are zero, as in 192.168.0.0/24.
func IPPrefix(s string) bool { return IPv4Prefix(s) || IPv6Prefix(s) }

// IPv4Prefix is [IPPrefix] for IPv4 alone.
func IPv4Prefix(s string) bool {
	bits, length, ok := prefix4(s)
	return ok && bits<<length == 0
}

// IPv6Prefix is [IPPrefix] for IPv6 alone.
func IPv6Prefix(s string) bool {
	a, length, ok := prefix6(s)
	if !ok {
		return false
	}
	high, low := a.bits()
	return high<<length == 0 && low<<max(length-64, 0) == 0
}

func prefix4(s string) (bits uint32, length int, ok bool) {
	bits, rest, ok := octets(s)
	if !ok {
		return 0, 0, false
	}
	length, ok = prefixLength(rest, 32)
	return bits, length, ok
}

func prefix6(s string) (a address, length int, ok bool) {
	a, rest, ok := groups(s)
	if !ok {
		return a, 0, false
	}
	length, ok = prefixLength(rest, 128)
	return a, length, ok
}

// prefixLength reads a slash and a number up to most.
func prefixLength(s string, most int) (n int, ok bool) {
	if s == "" || s[0] != '/' {
		return 0, false
	}
	n, rest, ok := decimal(s[1:])
	return n, ok && rest == "" && n <= most
}

// decimal reads the number of at most three digits, without leading zeros, that s begins with.
func decimal(s string) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i <= 3 && isDigit(s[i]) {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i == 1 || i > 1 && i <= 3 && s[0] != '0'
}

// octets reads the IPv4 address that s begins with.
func octets(s string) (bits uint32, rest string, ok bool) {
	for i := range 4 {
		if i > 0 {
			if s == "" || s[0] != '.' {
				return 0, s, false
			}
			s = s[1:]
		}
		n, after, ok := decimal(s)
		if !ok || n > 255 {
			return 0, s, false
		}
		bits, s = bits<<8|uint32(n), after
	}
	return bits, s, true
}

// address is an IPv6 address: its groups of 16 bits.
type address struct {
	groups [8]uint16
	n      int  // how many groups there are in the text, also those there is no room for
	gap    int  // how many of them stand before ::, -1 without it
	dotted bool // the last two are written as an IPv4 address
}

func (a *address) add(group uint16) {
	if a.n < len(a.groups) {
		a.groups[a.n] = group
	}
	a.n++
}

// bits returns both halves of the address, zero when it has too many groups to be one.
func (a *address) bits() (high, low uint64) {
	if a.n > len(a.groups) {
		return 0, 0
	}
	full := a.groups
	if a.gap >= 0 {
		full = [8]uint16{}
		copy(full[:], a.groups[:a.gap])
		copy(full[len(full)-(a.n-a.gap):], a.groups[a.gap:a.n])
	}
	for i := range 4 {
		high, low = high<<16|uint64(full[i]), low<<16|uint64(full[i+4])
	}
	return high, low
}

// groups reads the IPv6 address that s begins with. As protovalidate's, it is more lenient than RFC 4291: a colon may
// stand behind the last group where that does not end s, and before an IPv4 address :: may stand for no group.
func groups(s string) (a address, rest string, ok bool) {
	a.gap = -1
	for i := 0; i < len(s); {
		if a.gap >= 0 || a.n == 6 {
			if end := dottedEnd(s, i); end-i >= len("0.0.0.0") {
				bits, rest, ok := octets(s[i:end])
				a.add(uint16(bits >> 16))
				a.add(uint16(bits))
				a.dotted = true
				return a, s[end:], ok && rest == ""
			}
		}
		if group, end := hex16(s, i); end > i {
			if end-i > 4 {
				return a, s, false
			}
			a.add(group)
			i = end
			continue
		}
		if s[i] != ':' {
			rest = s[i:]
			break
		}
		i++
		switch {
		case i < len(s) && s[i] == ':':
			i++
			if a.gap >= 0 || i < len(s) && s[i] == ':' {
				return a, s, false
			}
			a.gap = a.n
		case i == 1 || i == len(s):
			return a, s, false
		}
	}
	return a, rest, a.n == 8 && a.gap < 0 || a.n < 8 && a.gap >= 0
}

// dottedEnd returns where the digits and dots from i on end.
func dottedEnd(s string, i int) int {
	for i < len(s) && (isDigit(s[i]) || s[i] == '.') {
		i++
	}
	return i
}

// hex16 reads the hexadecimal digits from i on, of which a group has at most four.
func hex16(s string, i int) (group uint16, end int) {
	for i < len(s) && notHex[s[i]] == 0 {
		group = group<<4 | uint16(nibble(s[i]))
		i++
	}
	return group, i
}
