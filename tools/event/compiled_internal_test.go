package event

import (
	"testing"

	"github.com/omninode/trestle/tools/load"
)

// TestCompiledOnce has what loading compiles serve the readers, too.
func TestCompiledOnce(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"a/v1/a.json": []byte(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"a": {"type": "string"}},
		"not": {"required": ["b"]}
	}`)}))
	if err != nil {
		t.Fatal(err)
	}
	if set.Compiled == nil {
		t.Fatal("loading has compiled nothing")
	}
	if files := New(set).files(); any(files) != set.Compiled {
		t.Error("the readers compile anew what loading has compiled")
	}
}
