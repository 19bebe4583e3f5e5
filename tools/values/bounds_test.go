package values_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// TestBounded holds that schemas which refer to one another in very many ways are answered, or refused, at once.
func TestBounded(t *testing.T) {
	t.Parallel()
	var defs strings.Builder
	const most = 300
	for i := range most {
		fmt.Fprintf(&defs, `"d%d":{"anyOf":[{"$ref":"#/$defs/d%d"},{"properties":{"x":{"$ref":"#/$defs/d%d"}}}]},`, i, i+1, i+1)
	}
	text := fmt.Sprintf(`{"$ref":"#/$defs/d0","$defs":{%s"d%d":{"type":"string"}}}`, defs.String(), most)
	v, err := jsontree.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	docs := &values.Documents{Files: map[string]*jsontree.Value{"a": v}}
	for _, role := range []values.Role{values.Reader, values.Writer, values.Strict} {
		p := values.NewProver()
		a, err := p.FromJSONSchema(docs, "a", "a", "", role)
		if err != nil {
			if !strings.Contains(err.Error(), "too many ways") {
				t.Errorf("%v", err)
			}
			continue
		}
		p.Includes(a, p.OfKind(values.Object))
	}
}
