package jsonio_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	member, element := func(name string) jsonio.Step { return jsonio.Step{Name: name} }, func(at string) jsonio.Step { return jsonio.Step{Name: at, Element: true} }
	for path, want := range map[string][]jsonio.Step{
		"":                          nil,
		"status":                    {member("status")},
		"items[2].quantity":         {member("items"), element("2"), member("quantity")},
		`labels["a b"]`:             {member("labels"), member("a b")},
		`["a.b"]["\"]"].c`:          {member("a.b"), member(`"]`), member("c")},
		"grid[0][1]":                {member("grid"), element("0"), element("1")},
		"byNumber[-3].x":            {member("byNumber"), element("-3"), member("x")},
		`labels["not closed`:        {member("labels")},
		"items[2":                   {member("items")},
		`a["b"c`:                    {member("a")},
		jsonio.MemberPath("a[0].b"): {member("a[0].b")},
		jsonio.JoinPath(jsonio.MemberPath("é"), jsonio.MemberPath("")): {member("é"), member("")},
	} {
		if diff := cmp.Diff(want, jsonio.Steps(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}
