package format_test

import (
	"testing"

	"github.com/omninode/trestle/runtime/genapi/format"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		check      func(string) bool
		good, evil []string
	}{
		"hostname":              {format.Hostname, []string{"a", "a-b.example.", "1.a"}, []string{"", ".", "a..b", "-a", "a-", "a.1", "ä"}},
		"email":                 {format.Email, []string{"a.b+c@d", "a@b.c"}, []string{"", "@a", "a@", "a b@c", "a@b@c", "a@-b"}},
		"ipv4":                  {format.IPv4, []string{"0.0.0.0", "255.255.255.255"}, []string{"", "1.2.3", "1.2.3.04", "256.0.0.0", "::1"}},
		"ipv6":                  {format.IPv6, []string{"::", "fe80::1%eth0", "::ffff:1.2.3.4"}, []string{"", "1.2.3.4", "::1%", ":::", "1:2"}},
		"prefix":                {format.IPPrefix, []string{"10.0.0.0/8", "::/0"}, []string{"10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "fe80::%a/10"}},
		"with prefix":           {format.IPWithPrefixLen, []string{"10.0.0.1/8", "::1/128"}, []string{"10.0.0.1", "::1/129"}},
		"address":               {format.Address, []string{"a", "1.2.3.4", "::1"}, []string{"", "a.1"}},
		"host and port":         {format.HostAndPort, []string{"a:80", "[::1]:0", "1.2.3.4:65535"}, []string{"a", "a:", ":80", "::1:80", "a:65536", "a:080"}},
		"bare ipv6":             {format.IPv6Bare, []string{"::1", "1:2::192.168.0.1"}, []string{"", "fe80::1%eth0", "1.2.3.4"}},
		"date":                  {format.Date, []string{"2024-02-29", "0000-12-31"}, []string{"", "2023-02-29", "2024-13-01", "2024-1-1", "1900-02-29"}},
		"time":                  {format.TimeOfDay, []string{"08:30:06Z", "08:30:06.28+00:20", "01:29:60+01:30"}, []string{"", "08:30:06", "24:00:00Z", "22:59:60Z", "08:30:06.Z", "08:30:06+24:00"}},
		"duration":              {format.Period, []string{"P1Y", "P2W", "PT0S", "P1DT12H", "P4DT12H30M5S"}, []string{"", "P", "PT", "P1", "P1D2H", "P1Y2W", "P1YT", "PT1H1S", "P2D1Y"}},
		"mailbox":               {format.Mailbox, []string{"a.b@c", `"a @b"@c.d`, `"\""@c`, "a@[127.0.0.1]", "a@[IPv6:::1]"}, []string{"", "a", ".a@b", "a.@b", "a..b@c", "a@[1.2.3]", "a@-b", `"a@b`}},
		"json pointer":          {format.JSONPointer, []string{"", "/", "/a~0b/c~1d"}, []string{"a", "/~", "/~2", "#/a"}},
		"regexp":                {format.Regexp, []string{"", "^a+$", "(?=a)", `(a)\1`, `\u{1F600}`}, []string{"(", "(?i)a", `\z`, "[b-a]", "a{2,1}"}},
		"iri":                   {format.IRI, []string{"http://é.org/ü?\ue000#ß", "urn:日:b", "a:"}, []string{"", "é", "é:a", "a:\ue000", "a:#\ue000", "http://[v1.é]", "a:%é0", "a: b", "a:\u0085", "http://a:é"}},
		"iri reference":         {format.IRIReference, []string{"", "é", "//é:80/a", "a:é"}, []string{"é:b", "\\é", "é b"}},
		"uri template":          {format.URITemplate, []string{"", "/a/{b}", "{?a,b*}", "{a:3}é", "{+a.b}/%41"}, []string{"{", "}", "{}", "{a:0}", "{a:10000}", "{é}", "a b", "%4", "{a..b}", "{a,}", "\\"}},
		"relative json pointer": {format.RelativeJSONPointer, []string{"0", "1#", "10/a~0b"}, []string{"", "#", "/a", "-1", "01", "0a", "1#/a"}},
		"uri":                   {format.URI, []string{"http://[::1]:80/a?b#c", "urn:a", "a:"}, []string{"", "a", "/a", "http://a b", "http://a/%zz", "http://[::1"}},
		"uri reference":         {format.URIReference, []string{"", "a", "//a/b", "./a:b", "#a"}, []string{"a b", "1:a", "#a#b", "a:##", "\x00"}},
		"uri ref":               {format.URIRef, []string{"", "a", "//a/b", "a:##"}, []string{"a b", "1:a", "#a#b"}},
		"header name":           {format.HeaderName, []string{"content-type", ":path"}, []string{"", ":", "a b", "a:b"}},
		"header value":          {format.HeaderValue, []string{"", "a b\tc"}, []string{"a\nb", "\x7f"}},
		"loose header":          {format.LooseHeader, []string{"a b", ""}, []string{"a\nb", "a\x00"}},
		"ulid":                  {format.ULID, []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV"}, []string{"", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI"}},
		"protobuf name":         {format.ProtobufName, []string{"a", "_a.b1"}, []string{"", ".a", "a.", "1a", "a..b", "a-b"}},
		"root name":             {format.ProtobufDotName, []string{".a.b"}, []string{"", ".", "a.b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range tt.good {
				if !tt.check(s) {
					t.Errorf("%q is refused", s)
				}
			}
			for _, s := range tt.evil {
				if tt.check(s) {
					t.Errorf("%q is taken", s)
				}
			}
		})
	}
}

func TestFieldMasks(t *testing.T) {
	t.Parallel()
	if !format.Within([]string{"a", "b.c"}, "a", "b") || format.Within([]string{"ab"}, "a") || !format.Within(nil) {
		t.Error("Within is wrong about what is below a path")
	}
	if !format.Without([]string{"ab"}, "a") || format.Without([]string{"x", "a.b"}, "a") {
		t.Error("Without is wrong about what is below a path")
	}
}

func TestFormatsDoNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		_ = format.Email("me@example.com") && format.Hostname("example.com") && format.IP("2001:db8::1") && format.IPPrefix("10.0.0.0/8") &&
			format.URI("http://example.com:80/a?b#c") && format.HostAndPort("[::1]:80")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
