package compat

import (
	"reflect"
	"slices"
	"testing"

	"github.com/omninode/trestle/tools/schema"
)

// Whatever a field or its type says more or otherwise, the rules get to see it.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	field := func() *schema.Field {
		return &schema.Field{Name: "a", JSONName: "a", Number: 1, Type: &schema.Type{Kind: schema.String}}
	}
	if !unchanged(field(), field()) {
		t.Error("the same field is changed")
	}
	// What says nothing, and what leads to other elements.
	about := map[reflect.Type][]string{
		reflect.TypeFor[schema.Field]():       {"Message", "Type", "Proto", "Pos"},
		reflect.TypeFor[schema.Type]():        {"Message", "Enum", "Elem", "Key", "Constraints", "Pos", "Pointer"},
		reflect.TypeFor[schema.Constraints](): {"Pos"},
	}
	for _, part := range []func(*schema.Field) any{
		func(f *schema.Field) any { return f },
		func(f *schema.Field) any { return f.Type },
		func(f *schema.Field) any { return &f.Type.Constraints },
	} {
		typ := reflect.TypeOf(part(field())).Elem()
		for i := range typ.NumField() {
			if slices.Contains(about[typ], typ.Field(i).Name) {
				continue
			}
			changed := field()
			setOtherwise(t, reflect.ValueOf(part(changed)).Elem().Field(i))
			if unchanged(field(), changed) || unchanged(changed, field()) {
				t.Errorf("%s.%s changed, and the field is unchanged", typ, typ.Field(i).Name)
			}
		}
	}
}

// setOtherwise sets a member to another value than it has.
func setOtherwise(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int8, reflect.Int32:
		v.SetInt(v.Int() + 1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	default:
		t.Fatalf("no other value for a %s", v.Type())
	}
}
