package chain

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// hostile are texts that are no JSON, hardly JSON, or more of it than expected, each made of a good one.
func hostile(r *rand.Rand, good []byte) [][]byte {
	member := func(text string) []byte { // one more, at the front
		rest := bytes.TrimPrefix(good, []byte("{"))
		if len(rest) == 1 {
			return []byte("{" + text + "}")
		}
		return []byte("{" + text + "," + string(rest))
	}
	name := `"zz"`
	if i := bytes.IndexByte(good, ':'); i > 1 && r.IntN(2) == 0 {
		name = string(good[1:i]) // a known one: it is there twice
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	all := [][]byte{
		good[:r.IntN(len(good))], append(bytes.Clone(good), '}'), append(bytes.Clone(good), ' ', '\n', '\t'), append([]byte("\ufeff"), good...),
		append([]byte(" \r\n"), good...), append(bytes.Clone(good), 0), {}, []byte(" "), []byte("null"), []byte("[]"), []byte(`"a"`), []byte("1"),
		member(name + `:NaN`), member(name + `:-Infinity`), member(name + `:"\ud800"`), member(name + `:"\udc00\ud800"`), member(name + `:"\ud83d\ude00"`),
		member(name + `:1e999`), member(name + `:` + strings.Repeat("9", 400)), member(name + `:-0`), member(name + `:01`), member(name + `:.5`),
		member(name + `:1.`), member(name + `:+1`), member(name + `:0x1`), member(name + `:'a'`), member(name + `:"` + "\xff" + `"`),
		member(name + `:"` + "\xed\xa0\x80" + `"`), member(name + `:"` + "\x01" + `"`), member(name + `:"\u0000"`), member(name + `:"\x41"`),
		member(name + `:` + deep(400)), member(name + `:` + deep(520)), member(name + `:` + deep(5000)), member(name + `:null`), member(name + `:{}`),
		member(name + `:1,` + name + `:1`), member(name + `:{"1":1,"1":1}`), member(name + `:{"a":"a","a":"b"}`), member(`"\u007a\u007a":1`), member(name + `: /* */ 1`), member(name + ` 1`), member("\xff:1"),
		bytes.ReplaceAll(good, []byte(`:`), []byte(" :\n ")), bytes.ReplaceAll(good, []byte(`"`), []byte("'")), bytes.ToUpper(good),
	}
	var out [][]byte
	for _, i := range r.Perm(len(all))[:10] {
		out = append(out, all[i])
	}
	return out
}

// spoilt are binary forms with a few bytes changed, taken away or doubled.
func spoilt(r *rand.Rand, good []byte) [][]byte {
	var out [][]byte
	for range 3 {
		b := bytes.Clone(good)
		switch r.IntN(4) {
		case 0:
			b = b[:r.IntN(len(b)+1)]
		case 1:
			if len(b) > 0 {
				b[r.IntN(len(b))] = byte(r.IntN(256))
			}
		case 2:
			b = append(b, b...)
		case 3:
			b = append(b, byte(r.IntN(256)), byte(r.IntN(256)))
		}
		out = append(out, b)
	}
	return out
}

// odd are binary forms of a message with one field each: a text that is not UTF-8, or an entry of a map that has the key
// twice, no key, or one that is of another wire type than the map's, before or behind the right one or alone.
func odd(md protoreflect.MessageDescriptor) [][]byte {
	var out [][]byte
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if fd.Kind() == protoreflect.StringKind {
			out = append(out, protowire.AppendBytes(protowire.AppendTag(nil, fd.Number(), protowire.BytesType), []byte("a\xff")))
		}
		if !fd.IsMap() {
			continue
		}
		key := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
		other := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte("a"))
		switch fd.MapKey().Kind() {
		case protoreflect.StringKind:
			key, other = other, key
		case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
			key = protowire.AppendFixed32(protowire.AppendTag(nil, 1, protowire.Fixed32Type), 1)
		case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
			key = protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), 1)
		}
		for _, entry := range [][]byte{{}, key, other, slices.Concat(key, key), slices.Concat(key, other), slices.Concat(other, key)} {
			out = append(out, protowire.AppendBytes(protowire.AppendTag(nil, fd.Number(), protowire.BytesType), entry))
		}
	}
	return out
}
