package gentest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	formatsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/formats/want/acme/formats/v1"
)

// seeds are texts in and next to the well-known forms; the test changes them, too.
var seeds = []string{
	"", "a", "localhost", "example.com", "example.com.", "EXAMPLE.com", "-a.b", "a-.b", "a..b", ".a", "a.1", "1.a", "a.b-c.d1",
	strings.Repeat("a", 63) + ".b", strings.Repeat("a", 64) + ".b", strings.Repeat("ab.", 84) + "c", strings.Repeat("ab.", 85),
	"127.0.0.1", "1.2.3.04", "256.1.1.1", "1.2.3", "1.2.3.4.5", " 1.2.3.4", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
	"::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3", "::1::", ":::", "12345::", "fe80::1%eth0", "fe80::1%", "fe80::1%a%b",
	"::ffff:1.2.3.4", "::1.2.3.4", "::1.2.3.4%a", "1:2:3:4:5:6::1.2.3.4", "1:2:3:4:5:6:7:8:9::1.2.3.4", "::1:%a", "::1%\x00", "1.2.3.4::", "::ffff:1.2.3.04", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "ABCD::EF", "g::1",
	"10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "0.0.0.0/0", "1.2.3.4/32", "10.0.0.0/8/8",
	"2001:db8::/32", "2001:db8::1/32", "::/0", "::/128", "::1/129", "::1/128", "fe80::1%en0/64", "::ffff:1.2.3.4/96", "::ffff:0.0.0.0/96", "::/00",
	"::1:/128", "1:2:3:4:5:6:7:8:/64", "1:2:3:4:5:6:7:8:9::1.2.3.4/3", "1:2:3:4:5:6::1.2.3.0/120", "1:2::3:0/112", "1:2::3:1/112",
	"a:80", "a:0", "a:65535", "a:65536", "a:080", "a:", ":80", "a:b", "[::1]:80", "[::1]", "[::1]80", "::1:80", "[1.2.3.4]:80", "1.2.3.4:80", "[::1%a]:80", "[]:80", "a:+80",
	"me@example.com", "me@localhost", "me@", "@a", "a@b@c", "a.b+c@d-e.f", "a..b@c", ".a@b", "a b@c", "\"a\"@b", "a@-b", "a@b-", "a@b.", "é@a", "a@é",
	"a'b@c", "!#$%&'*+/=?^_`{|}~-@a", "me@" + strings.Repeat("a", 63), "me@" + strings.Repeat("a", 64),
	"http://example.com", "http://example.com:80/a/b?c=d#e", "https://user:pw@[::1]:8080/", "http://[::1%25eth0]/", "http://[::1.2.3.4]", "http://[V1.a]", "http://[::1%25]/", "http://[::1%eth0]/",
	"http://[v1.a:b]/", "http://[v.a]/", "http://[v1.]/", "http://[1.2.3.4]/", "http://a b", "http://a/%20", "http://a/%2", "http://a/%zz", "urn:a:b", "mailto:a@b",
	"a:", ":", "a:b:c", "1a:b", "a+.-1:b", "//a/b", "/a/b", "a/b:c", "a:b/c", "./a:b", "?a", "#a", "#a#b", "a:##b", "a:?//[::1]", "a:?[#b", "a:?b#[::1]#c", "a:#//[::1]#c", "a:/b?c#d#e", "?a?b", "a?b[]", "a[b]", "http://a:b", "http://a:", "http://:80",
	"http://a@b@c", "http://a%zz@b", "http:///a", "http:a", "http:", "http://a/b//c", "file:///etc/passwd", "///", "//", "http://é", "http://a/é", "http://%ff", "http://%c3%a9",
	"http://[::1%25%c3%a9]", "http://[::1%25%ff]", "http://[::1]a", "http://a]b", "http://[", "http://a/\\", "a\x00b", "http://a#b?c", "http://a?b#c/d?e", "%41:b", "a%41",
	"01ARZ3NDEKTSV4RRFFQ69G5FAV", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FA",
	"a.b.c", ".a.b", "a.", "_a._b1", "1a.b", "a.1b", ".", "..", "content-type", ":path", ":", "::path", "a b", "a\tb", "a\nb", "a\x7fb", "a,b", "a`b", "~|^",
	"550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000",
}

// TestFormatsSameAsProtovalidate gives every well-known form the same texts as protovalidate: the seeds, and thousands
// that differ from one of them by a character or two.
func TestFormatsSameAsProtovalidate(t *testing.T) {
	t.Parallel()
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	texts := append([]string{}, seeds...)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		texts = append(texts, changed(seeds[rng.IntN(len(seeds))], rng))
	}
	md := (*formatsv1.Formats)(nil).ProtoReflect().Descriptor()
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		t.Run(string(fd.Name()), func(t *testing.T) {
			t.Parallel()
			valid := 0
			for _, text := range texts {
				if sameFormat(t, validator, fd, text) {
					valid++
				}
			}
			if valid == 0 || valid == len(texts) {
				t.Errorf("%d of %d texts are valid, so that the comparison says little", valid, len(texts))
			}
		})
	}
}

// sameFormat gives text to a field's rules both ways and says whether it is valid.
func sameFormat(t *testing.T, validator protovalidate.Validator, fd protoreflect.FieldDescriptor, text string) bool {
	t.Helper()
	msg := &formatsv1.Formats{}
	switch m := msg.ProtoReflect(); {
	case fd.IsList():
		m.Mutable(fd).List().Append(protoreflect.ValueOfString(text))
	case fd.Kind() == protoreflect.BytesKind:
		if fd.Name() == "text" {
			text = strings.ToValidUTF8(text, "")
		}
		m.Set(fd, protoreflect.ValueOfBytes([]byte(text)))
	default:
		m.Set(fd, protoreflect.ValueOfString(text))
	}
	only := protovalidate.WithFilter(protovalidate.FilterFunc(func(_ protoreflect.Message, d protoreflect.Descriptor) bool { return d == fd }))
	err := validator.Validate(msg, only)
	var got []finding
	for _, f := range actual(t, msg) {
		if strings.HasPrefix(f.Path, string(fd.Name())) && (len(f.Path) == len(fd.Name()) || f.Path[len(fd.Name())] == '[') {
			got = append(got, f)
		}
	}
	if diff := gocmp.Diff(findings(t, err), got); diff != "" {
		t.Errorf("%s of %q (-protovalidate +generated):\n%s", fd.Name(), text, diff)
	}
	return err == nil
}

// FuzzFormats gives every well-known form the same text as protovalidate.
func FuzzFormats(f *testing.F) {
	validator, err := protovalidate.New()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range seeds {
		f.Add(text)
	}
	fields := (*formatsv1.Formats)(nil).ProtoReflect().Descriptor().Fields()
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		for i := range fields.Len() {
			sameFormat(t, validator, fields.Get(i), text)
		}
	})
}

// changed takes out, puts in or replaces one character or two.
func changed(s string, rng *rand.Rand) string {
	const alphabet = "aZ09.:/%[]@-_+?# ~é\x00fg"
	letters := []rune(alphabet)
	for range 1 + rng.IntN(2) {
		at := 0
		if len(s) > 0 {
			at = rng.IntN(len(s))
		}
		put := string(letters[rng.IntN(len(letters))])
		switch {
		case len(s) == 0 || rng.IntN(3) == 0:
			s = s[:at] + put + s[at:]
		case rng.IntN(2) == 0:
			s = s[:at] + s[at+1:]
		default:
			s = s[:at] + put + s[at+1:]
		}
	}
	return strings.ToValidUTF8(s, "?")
}
