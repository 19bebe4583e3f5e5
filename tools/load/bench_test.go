package load_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/load"
)

// manyFiles returns 20 messages a file, 10 fields a message, each file importing the one before it.
func manyFiles(messages int, rules bool) map[string][]byte {
	files := map[string][]byte{}
	for f := range messages / 20 {
		var b strings.Builder
		fmt.Fprintf(&b, "syntax = \"proto3\";\npackage big.p%d.v1;\n", f)
		if f > 0 {
			fmt.Fprintf(&b, "import \"big/p%d/v1/a.proto\";\n", f-1)
		}
		if rules {
			b.WriteString("import \"buf/validate/validate.proto\";\n")
		}
		for m := range 20 {
			fmt.Fprintf(&b, "// M%d is a message.\nmessage M%d {\n", m, m)
			for n := 1; n <= 9; n++ {
				option := ""
				if rules && n%2 == 0 {
					option = " [(buf.validate.field).string = {min_len: 1, max_len: 100}]"
				}
				fmt.Fprintf(&b, "  // Field %d.\n  string field_%d = %d%s;\n", n, n, n, option)
			}
			if f > 0 {
				fmt.Fprintf(&b, "  big.p%d.v1.M%d other = 10;\n", f-1, m)
			}
			b.WriteString("}\n")
		}
		files[fmt.Sprintf("big/p%d/v1/a.proto", f)] = []byte(b.String())
	}
	return files
}

func manyJSON(messages int) map[string][]byte {
	files := map[string][]byte{}
	for m := range messages {
		var b strings.Builder
		fmt.Fprintf(&b, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"M%d\",\n  \"type\": \"object\",\n  \"properties\": {\n", m)
		for n := range 9 {
			fmt.Fprintf(&b, "    \"field_%d\": { \"description\": \"Field.\", \"type\": \"string\", \"minLength\": 1 },\n", n)
		}
		fmt.Fprintf(&b, "    \"other\": { \"$ref\": \"m%d.json\" }\n  }\n}\n", max(0, m-1))
		files[fmt.Sprintf("big/v1/m%d.json", m)] = []byte(b.String())
	}
	return files
}

func BenchmarkLoad(b *testing.B) {
	for _, bb := range []struct {
		name  string
		files map[string][]byte
	}{
		{"proto1000", manyFiles(1000, false)},
		{"proto1000rules", manyFiles(1000, true)},
		{"json1000", manyJSON(1000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := load.Schemas(b.Context(), load.Files(bb.files)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
