package gate_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/registry"
)

// TestEncryptedRegistration lets in what old readers cannot read because it is encrypted now, once: what else breaks readers of newer versions is refused.
func TestEncryptedRegistration(t *testing.T) {
	t.Parallel()
	of := func(required, id, mail string) registry.Stored {
		return registry.Stored{Subject: "s", Type: registry.JSON, Schema: `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"S","type":"object",
			"required":[` + required + `],"properties":{"id":{"type":"string"` + id + `},"mail":` + mail + `}}`}
	}
	const (
		clear    = `{"type":"string","maxLength":40,"x-trestle":{"field":{"sensitive":true}}}`
		sealed   = `{"anyOf":[{"type":"string","maxLength":40},{"type":"string","pattern":"^trs:"}],"x-trestle":{"field":{"sensitive":true,"encryption_key":"pii"}}}`
		det      = `{"anyOf":[{"type":"string","maxLength":40},{"type":"string","pattern":"^trs:"}],"x-trestle":{"field":{"sensitive":true,"encryption_key":"pii","deterministic":true}}}`
		tightens = `,"maxLength":3`
	)
	first, second := of(`"id"`, "", clear), of(`"id"`, "", sealed)
	for name, tt := range map[string]struct {
		versions []registry.Stored
		next     registry.Stored
		refused  string // part of why; empty: it is not
	}{
		"encrypted":                           {[]registry.Stored{first}, second, ""},
		"encrypted and an id less":            {[]registry.Stored{first}, of("", "", sealed), ""},
		"encrypted and an id that is shorter": {[]registry.Stored{first}, of(`"id"`, tightens, sealed), "id"},
		"an id less later":                    {[]registry.Stored{first, second}, of("", "", sealed), "FIELD_REQUIRED_REMOVED"},
		"still encrypted":                     {[]registry.Stored{first, second}, of(`"id"`, ``, strings.Replace(sealed, `"pii"`, `"other"`, 1)), ""},
		"in clear again":                      {[]registry.Stored{first, second}, first, "FIELD_ENCRYPTION_REMOVED"},
		"deterministic":                       {[]registry.Stored{second}, of(`"id"`, "", det), ""},
		"no longer deterministic":             {[]registry.Stored{of(`"id"`, "", det)}, second, "FIELD_DETERMINISTIC_CHANGED"},
	} {
		err := gate.Registration(t.Context(), tt.next, tt.versions)
		if (err != nil) != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
