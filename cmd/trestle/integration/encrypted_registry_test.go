package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestRegisterEncrypted registers schemas with encrypted fields at a real registry, which takes what is on the wire, and finds them there.
func TestRegisterEncrypted(t *testing.T) {
	t.Parallel()
	ctx := within(t, patience)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "schemas"), os.DirFS("../../../tools/gen/golang/testdata/sealed/in")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "trestle.yaml"), []byte("go_import: example.org/gen\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := ops.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	env := ops.Environment{Registry: services.Registry(t), Compatibility: "FULL_TRANSITIVE"}
	plan, err := ops.PlanSubjects(ctx, p, env)
	if err == nil {
		err = plan.Apply(ctx, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := ops.PlanSubjects(ctx, p, env)
	if err != nil || !again.Empty() {
		t.Errorf("once registered, there is something to do: %+v, %v", again, err)
	}
	client, err := registry.New(env.Registry)
	if err != nil {
		t.Fatal(err)
	}
	for subject, text := range map[string]string{
		"acme_stored_v1-value": "string weight_encrypted = 500000007;", "acme.charges-value": `"pin_encrypted"`, "acme_admissions_v1-value": `"^trs:"`,
	} {
		stored, err := client.Latest(ctx, subject)
		if err != nil || !strings.Contains(stored.Schema, text) {
			t.Errorf("%s has no %s: %v\n%s", subject, text, err, stored.Schema)
		}
	}
}
