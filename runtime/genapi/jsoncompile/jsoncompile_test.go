package jsoncompile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
)

func files() *jsoncompile.Files {
	return jsoncompile.New(map[string][]byte{
		"a/v1/order.json": []byte(`{"properties":{
			"sku":{"$ref":"sku.json","maxLength":3,"not":{"$ref":"#/$defs/Old"}},
			"by id":{"$ref":"https://acme.example/price.json"},
			"mail":{"format":"email"}
		},"$defs":{"Old":{"const":"old"}}}`),
		"a/v1/sku.json":   []byte(`{"type":"string"}`),
		"a/v1/price.json": []byte(`{"$id":"https://acme.example/price.json","$ref":"number.json"}`),
		"number.json":     []byte(`{"type":"number"}`),
		"broken.json":     []byte(`{"$ref":"none.json"}`),
	})
}

func TestCompile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pointer  string
		keywords []string
		good     string
		bad      string
	}{
		"a whole file":                   {"", nil, `{"sku":"abc","by id":1,"mail":"a@b"}`, `{"sku":1}`},
		"a reference by $id":             {"", nil, `{"by id":1}`, `{"by id":"1"}`},
		"a format":                       {"", nil, `{"mail":"a@b"}`, `{"mail":"a"}`},
		"a schema in it":                 {"/properties/sku", nil, `"abc"`, `"abcd"`},
		"one keyword of a schema":        {"/properties/sku", []string{"maxLength"}, `1`, `"abcd"`},
		"a keyword that refers":          {"/properties/sku", []string{"not"}, `"abcd"`, `"old"`},
		"a name with a space on the way": {"/properties/by id", nil, `1`, `"1"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compiled, err := files().Part("a/v1/order.json", tt.pointer, tt.keywords...)()
			if err != nil {
				t.Fatal(err)
			}
			for text, want := range map[string]bool{tt.good: true, tt.bad: false} {
				value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if err := compiled.Validate(value); (err == nil) != want {
					t.Errorf("%s: valid should be %t: %v", text, want, err)
				}
			}
		})
	}
}

func TestSessionNamesFiles(t *testing.T) {
	t.Parallel()
	s := files().Session("a/v1/order.json")
	_, err := s.Compile("a/v1/order.json", "/properties/sku")
	if taken := s.Taken(); err != nil || !slices.Contains(taken, "a/v1/sku.json") || slices.Contains(taken, "broken.json") {
		t.Errorf("took %v, %v", taken, err)
	}
}

// TestPartsBesideEachOther compiles one part before another of the same file is asked for.
func TestPartsBesideEachOther(t *testing.T) {
	t.Parallel()
	f := files()
	first := f.Part("a/v1/order.json", "/properties/sku", "maxLength")
	for range 2 {
		if s, err := first(); err != nil || s.Validate("abcd") == nil || s.Validate("old") != nil {
			t.Errorf("the first part: %v", err)
		}
		if s, err := f.Part("a/v1/order.json", "/properties/sku", "not")(); err != nil || s.Validate("old") == nil || s.Validate("abcd") != nil {
			t.Errorf("another part: %v", err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ path, pointer, keyword string }{
		"no such file":                {"none.json", "", ""},
		"a reference to none":         {"broken.json", "", ""},
		"a pointer to nothing":        {"a/v1/order.json", "/properties/none", ""},
		"a part of nothing":           {"a/v1/order.json", "/properties/none", "not"},
		"a part of what is no schema": {"a/v1/order.json", "/$defs/Old/const", "not"},
	} {
		var keywords []string
		if tt.keyword != "" {
			keywords = []string{tt.keyword}
		}
		if _, err := files().Part(tt.path, tt.pointer, keywords...)(); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
}
