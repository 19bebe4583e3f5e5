package python_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/format"
	knownv1 "github.com/omninode/trestle/tools/gen/golang/testdata/known/want/acme/known/v1"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
	"github.com/omninode/trestle/tools/gen/python"
)

// wellFormed is a form of texts: what Go says of one, and some that are of the form.
type wellFormed struct {
	holds func(string) bool
	texts []string
}

// TestFormatsAgree has Go and Python judge texts of and near every format of JSON Schema.
func TestFormatsAgree(t *testing.T) {
	t.Parallel()
	compareForms(t, "left", "formats", leftv1.Events(), map[string]wellFormed{
		"date": {format.Date, []string{"2024-02-29", "0000-02-29", "1900-02-28", "9999-12-31"}},
		"date-time": {format.DateTime, []string{
			"2025-10-16T12:34:56Z", "2025-10-16 12:34:56.789012+02:00", "2024-02-29t00:00:00", "0001-01-01T00:00:00.5+00:00", "0000-12-31T23:30:00-01:00",
			"9999-12-31T23:30:00-01:00", "2016-12-31T23:59:60Z",
		}},
		"time":                  {format.TimeOfDay, []string{"08:30:06Z", "23:59:60z", "01:29:60.5+01:30", "15:59:60-08:00"}},
		"duration":              {format.Period, []string{"P4DT12H30M5S", "P2W", "PT0S", "P1Y2M3D", "P1M", "PT36H"}},
		"email":                 {format.Mailbox, []string{"a.b@c.d", "\"a @b\\\"\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]"}},
		"hostname":              {format.Hostname, []string{"a", "a-b.c1.", "1.a", "a.1"}},
		"ipv4":                  {format.IPv4, []string{"1.2.3.4", "255.255.255.255", "01.2.3.4"}},
		"ipv6":                  {format.IPv6Bare, []string{"::1", "1:2::192.168.0.1", "1:2:3:4:5:6:7:8", "fe80::1%eth0"}},
		"uri":                   {format.URI, []string{"http://u:p@h:80/a?b#c", "urn:a:b", "http://[::1]:80/", "a:", "http://%41/%zz", "h://[v1.a]"}},
		"uri-reference":         {format.URIReference, []string{"", "a:##", "a/b:c", "//h/a", "./a:b", "#a", "?a", "a:b"}},
		"uuid":                  {format.UUID, []string{"550e8400-e29b-41d4-a716-446655440000"}},
		"relative-json-pointer": {format.RelativeJSONPointer, []string{"0", "1#", "10/a~0b", "2/"}},
		"iri":                   {format.IRI, []string{"http://é.org/ü?\ue000#ß", "urn:日:b", "é:a", "http://[::1]/é", "http://[v1.é]", "a:%é0", "a:\ue000", "a:\u0085"}},
		"iri-reference":         {format.IRIReference, []string{"", "é", "//é:80/a", "é/b:c", "#\U000e1000", "?\U000f0000", "a:é", "/a[é]"}},
		"uri-template":          {format.URITemplate, []string{"/a/{b}", "{?a,b*}", "{a:3}é", "{+a.b}/%41", "{#a_%20}", "{a:9999}", "\ue000", "{é}"}},
		"json-pointer":          {format.JSONPointer, []string{"", "/a~0b/c~1", "/"}},
	})
}

// TestWellKnownTextsAgree does so for the well-known texts of protovalidate.
func TestWellKnownTextsAgree(t *testing.T) {
	t.Parallel()
	addresses := []string{"1.2.3.4", "255.255.255.255", "::1", "1:2::192.168.0.1", "1:2:3:4:5:6:7:8", "fe80::1%eth0", "::", "1::", "64:ff9b::1.2.3.4"}
	networks := []string{"1.2.3.0/24", "10.0.0.0/8", "1.2.3.4/24", "0.0.0.0/0", "2001:db8::/32", "::1/128", "::/0", "2001:db8::1/64", "1.2.3.4/32", "::ffff:1.2.3.0/120"}
	uris := []string{"http://u:p@h:80/a?b#c", "urn:a:b", "http://[::1]:80/", "a:", "http://%41/", "h://[v1.a]", "", "a/b:c", "//h/a", "#a", "a:?##", "a:b?c:d"}
	compareForms(t, "known", "wellknown", knownv1.Events(), map[string]wellFormed{
		"email":               {format.Email, []string{"a.b@c.d", "a+b@c", "a@b-c.de"}},
		"hostname":            {format.Hostname, []string{"a", "a-b.c1.", "1.a", "a.1"}},
		"ip":                  {format.IP, addresses},
		"ipv4":                {format.IPv4, addresses[:2]},
		"ipv6":                {format.IPv6, addresses[2:]},
		"uri":                 {format.URI, uris[:6]},
		"uri_ref":             {format.URIRef, uris},
		"address":             {format.Address, append(slices.Clone(addresses), "host.example.org")},
		"tuuid":               {format.TrimmedUUID, []string{"550e8400e29b41d4a716446655440000"}},
		"ulid":                {format.ULID, []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV"}},
		"ip_with_prefixlen":   {format.IPWithPrefixLen, networks},
		"ipv4_with_prefixlen": {format.IPv4WithPrefixLen, networks[:4]},
		"ipv6_with_prefixlen": {format.IPv6WithPrefixLen, append(networks[4:8:8], networks[9])},
		"ip_prefix":           {format.IPPrefix, networks},
		"ipv4_prefix":         {format.IPv4Prefix, networks[:4]},
		"ipv6_prefix":         {format.IPv6Prefix, networks[4:8]},
		"protobuf_fqn":        {format.ProtobufName, []string{"a.b.C", "_a1"}},
		"protobuf_dot_fqn":    {format.ProtobufDotName, []string{".a.b.C", "._a1"}},
		"host_and_port":       {format.HostAndPort, []string{"host:80", "[::1]:80", "1.2.3.4:0", "a.b.:65535"}},
		"header_name":         {format.HeaderName, []string{":method", "x-y", "a"}},
		"header_value":        {format.HeaderValue, []string{"a b", "\t", "é"}},
		"loose_header_value":  {format.LooseHeader, []string{"", "a b", "\t", "é"}},
		"loose_header_name":   {func(s string) bool { return s != "" && format.LooseHeader(s) }, []string{"a b", "\t", "é"}},
	})
}

// compareForms has Go and Python judge texts of and near some forms, by a module of what is generated from a set.
func compareForms(t *testing.T, set, module string, events []*event.EventInfo, forms map[string]wellFormed) {
	t.Helper()
	files, err := python.Generate(loadSet(t, filepath.Join("..", "golang", "testdata", set, "in")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, files)
	p := startPeer(t, filepath.Join(dir, "python"), "acme_events", events)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for name, form := range forms {
		texts := slices.Clone(form.texts)
		for range 3000 {
			texts = append(texts, mutated(rng, form.texts[rng.IntN(len(form.texts))]))
		}
		var theirs []bool
		p.ask(t, map[string]any{"op": "formats", "module": module, "name": name, "texts": texts}, &theirs)
		count := map[bool]int{}
		for i, text := range texts {
			if ours := form.holds(text); ours != theirs[i] {
				t.Errorf("%s %q: Go says %t, Python %t", name, text, ours, theirs[i])
			}
			count[theirs[i]]++
		}
		if count[true] < 20 || count[false] < 20 {
			t.Errorf("%s: %v of the texts are valid: too few of one kind", name, count)
		}
	}
}

// mutated changes a text in one place or two.
func mutated(rng *rand.Rand, s string) string {
	const letters = "019aAfFgzTZPYMDWHS.:-_@/%#?[]~+ \n\"\\é৪\x00\x7f"
	runes, pool := []rune(s), []rune(letters)
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
