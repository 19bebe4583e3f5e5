package values

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/runtime/genapi/format"
)

// formChecks are what readers run, of all forms but those that are made of others.
var formChecks = map[string]func(string) bool{
	"uuid": format.UUID, "tuuid": format.TrimmedUUID, "ulid": format.ULID, "date": format.Date, "time": format.TimeOfDay,
	"date-time": format.DateTime, "duration": format.Period, "email": format.Email, "mailbox": format.Mailbox, "hostname": format.Hostname,
	"ip": format.IP, "ipv4": format.IPv4, "ipv6": format.IPv6, "bare ipv6": format.IPv6Bare, "address": format.Address,
	"ip_with_prefixlen": format.IPWithPrefixLen, "ipv4_with_prefixlen": format.IPv4WithPrefixLen,
	"ipv6_with_prefixlen": format.IPv6WithPrefixLen, "ip_prefix": format.IPPrefix, "ipv4_prefix": format.IPv4Prefix,
	"ipv6_prefix": format.IPv6Prefix, "host_and_port": format.HostAndPort, "uri": format.URI, "uri-reference": format.URIReference,
	"uri_ref": format.URIRef, "json-pointer": format.JSONPointer, "regex": format.Regexp, "protobuf_fqn": format.ProtobufName,
	"protobuf_dot_fqn": format.ProtobufDotName, "header name": format.HeaderName, "header value": format.HeaderValue,
	"loose header value": format.LooseHeader, "loose header name": func(s string) bool { return s != "" && format.LooseHeader(s) }, "written date-time": nil,
}

var formSeeds = []string{
	"", "a", "a.b-c.d1", "a.1", "1.a", "a..b", "-a.b", strings.Repeat("ab.", 84) + "c", strings.Repeat("a", 64) + ".b", "127.0.0.1", "1.2.3.04", "::", "::1",
	"1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "fe80::1%eth0", "::ffff:1.2.3.4", "::1.2.3.4%a", "::1:%a", "10.0.0.0/8", "10.0.0.1/8", "2001:db8::/32",
	"::1/128", "::1:/128", "a:80", "[::1]:80", "[::1%a]:80", "1.2.3.4:65535", "me@example.com", "a@b", "\"a b\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]",
	"http://u:p@h:80/a/b?c=d#e", "https://[::1]:8080/", "http://[::1%25eth0]/", "http://[v1.a:b]/", "urn:a:b", "a:", "//a/b", "a/b:c", "./a:b", "?a", "#a",
	"a:##b", "http://a/%20", "http://%ff", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a.b.c", ".a.b", ":path", "content-type", "a\tb", "a\nb",
	"550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000", "2024-02-29", "2023-02-29", "1900-02-29", "12:34:56Z", "23:59:60Z",
	"15:59:60-08:00", "12:34:56.5+01:00", "2024-02-29T12:34:56Z", "2024-02-29 12:34:56", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59.1-01:00",
	"P4DT12H30M5S", "P2W", "PT0S", "P1Y2D", "P1Y2M3D", "P99999999999999999999W", "/a~0b/c~1", "^[a-z]+$", "(?=a)",
}

// TestTextForms holds what the algebra says of forms to what readers check.
func TestTextForms(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	texts := append([]string{}, formSeeds...)
	for range 1500 {
		texts = append(texts, mutated(rng, formSeeds[rng.IntN(len(formSeeds))]))
	}
	for name, f := range textForms {
		check, known := formChecks[name]
		if !known {
			t.Errorf("%s: nothing checks it", name)
			continue
		}
		all := append([]string{}, texts...)
		for _, expr := range []string{f.surely, f.within} {
			if expr != "" {
				re := ecma.MustCompile(expr)
				for range 300 {
					all = append(all, random(rng, re, expr))
				}
			}
		}
		s := NewSpace()
		shape, in := s.textForm(name), 0
		for _, text := range all {
			want := format.DateTime(text) && text[10] == 'T' // of what is written: may be
			if check != nil {
				want = check(text)
			}
			got, sure := shape.Contains(text)
			if check == nil && got && !want || check != nil && got != want || !sure {
				t.Errorf("%s: %q is of the form: %t, readers say %t", name, text, got, want)
			}
			if got {
				in++
			}
		}
		if in < 5 || in > len(all)-5 {
			t.Errorf("%s: %d of %d texts are of the form", name, in, len(all))
		}
	}
}

// random writes a text that an expression is likely to match.
func random(rng *rand.Rand, re *ecma.Regexp, expr string) string {
	tree, err := ecma.Parse(expr)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	for range 10 {
		b.Reset()
		writeRandom(rng, &b, tree.Root)
		if re.MatchString(b.String()) {
			break
		}
	}
	return b.String()
}

func writeRandom(rng *rand.Rand, b *strings.Builder, n *ecma.Node) {
	switch n.Op {
	case ecma.OpClass:
		at := 2 * rng.IntN(len(n.Class)/2)
		b.WriteRune(n.Class[at] + rng.Int32N(min(n.Class[at+1]-n.Class[at]+1, 200)))
	case ecma.OpRepeat:
		most := n.Max
		if most < 0 || rng.IntN(4) > 0 {
			most = min(n.Min+3, max(n.Max, n.Min+3*(1-min(n.Max+1, 1))))
		}
		for range n.Min + rng.IntN(max(most-n.Min, 0)+1) {
			writeRandom(rng, b, n.Sub[0])
		}
	case ecma.OpAlternate:
		writeRandom(rng, b, n.Sub[rng.IntN(len(n.Sub))])
	case ecma.OpConcat, ecma.OpGroup:
		for _, sub := range n.Sub {
			writeRandom(rng, b, sub)
		}
	}
}

// mutated changes a text in one place or two.
func mutated(rng *rand.Rand, s string) string {
	pool := []rune("019aAfFgzTZPYMDWHS.:-_@/%#?[]~+ \n\"\\\u00e9\u0967\x00")
	runes := []rune(s)
	for range 1 + rng.IntN(2) {
		at, r := rng.IntN(len(runes)+1), pool[rng.IntN(len(pool))]
		switch {
		case at == len(runes) || rng.IntN(3) == 0:
			runes = append(runes[:at], append([]rune{r}, runes[at:]...)...)
		case rng.IntN(2) == 0:
			runes = append(runes[:at], runes[at+1:]...)
		default:
			runes[at] = r
		}
	}
	return string(runes)
}
