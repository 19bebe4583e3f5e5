package grants_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	"github.com/omninode/trestle/runtime/acl"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func set(t *testing.T, dir string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGrants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, dir string
		uses      []grants.Use
	}{
		{"omninode", "../../../../schemas", nil},
		{"shop", "testdata/shop", nil},
		{"shop-all-uses", "testdata/shop", grants.Uses()},
		{"encrypted", "testdata/encrypted", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			s := set(t, c.dir)
			for _, name := range s.Services() {
				service := grants.Of(s, name, c.uses, grants.Own{Resolutions: replay.ResolutionsTopic, Keys: "trestle_keys"})
				fmt.Fprintln(&text, service.Name)
				for _, g := range service.Grants {
					fmt.Fprintf(&text, "  %s on %s: %s\n", g.Operation, acl.On(g.Resource, g.Name, g.Prefixed), strings.Join(g.Reasons, "; "))
				}
				for _, n := range service.Notes {
					fmt.Fprintf(&text, "  note: %s\n", n)
				}
			}
			golden := filepath.Join("testdata", c.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	billing := grants.Of(set(t, "testdata/shop"), "billing", []grants.Use{grants.Transactions}, grants.Own{Resolutions: replay.ResolutionsTopic, Keys: "trestle_keys"})
	who := []grants.Principal{{Name: "User:billing-a"}, {Name: "User:billing-b", Hosts: []string{"10.0.0.1", "10.0.0.2"}}}
	one, wide := billing.Bindings(who), billing.ByPrefix().Bindings(who)
	if len(one) != 3*len(billing.Grants) {
		t.Errorf("%d bindings of %d rights, for one principal and two hosts of another", len(one), len(billing.Grants))
	}
	for _, b := range []acl.Binding{
		{Resource: acl.Topic, Name: "orders", Principal: "User:billing-a", Host: "*", Operation: acl.Read},
		{Resource: acl.Group, Name: "billing", Principal: "User:billing-b", Host: "10.0.0.2", Operation: acl.Read},
		{Resource: acl.TransactionalID, Name: "trestle-consumer-billing-", Prefixed: true, Principal: "User:billing-a", Host: "*", Operation: acl.Write},
	} {
		if !slices.Contains(one, b) {
			t.Errorf("no %s", b)
		}
	}
	for _, b := range wide {
		if !b.Prefixed || strings.HasPrefix(b.Name, "orders_") && b.Operation == acl.Read {
			t.Errorf("by prefix there is %s", b)
		}
	}
	if !slices.Contains(wide, acl.Binding{Resource: acl.Topic, Name: "orders", Prefixed: true, Principal: "User:billing-a", Host: "*", Operation: acl.Read}) {
		t.Error("no prefixed right to read orders")
	}
	if got, want := fmt.Sprint(billing.May(acl.Topic, "orders")), "[Describe DescribeConfigs Read]"; got != want {
		t.Errorf("on orders it may %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(billing.May(acl.TransactionalID, "trestle-consumer-billing-1")), "[Describe Write]"; got != want {
		t.Errorf("on its transactional ids it may %s, want %s", got, want)
	}
}
