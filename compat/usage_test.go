package compat

import (
	"testing"

	"github.com/omninode/trestle/tools/load"
)

// TestEnumUsersStay holds that asking which events carry an enum leaves as it is who has fields of it.
func TestEnumUsersStay(t *testing.T) {
	t.Parallel()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"p/v1/a.proto": []byte(
		`syntax = "proto3"; package p.v1; message A { B b = 1; } message B { E e = 1; } enum E { E_A = 0; }`)}))
	if err != nil {
		t.Fatal(err)
	}
	u, e := newUsage(s), s.Packages[0].Enums[0]
	u.eventsOf(u.enumUsers[e]...)
	if got := u.enumUsers[e]; len(got) != 1 || got[0].Name != "B" {
		t.Errorf("got %v, want B", got)
	}
}
