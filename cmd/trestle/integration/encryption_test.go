package integration_test

import (
	"encoding/json"
	"strings"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
	connection "github.com/omninode/trestle/runtime/kafka"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
)

// TestEncryptedLetters looks at dead letters whose events are encrypted, repairs one, and edits another: nobody sees what is encrypted without --reveal, who does is written
// down with the key, and what is sent again is encrypted with the key that is current.
func TestEncryptedLetters(t *testing.T) {
	t.Parallel()
	e := newErasure(t, 10)
	e.publish(t, 100)
	e.fail(t)
	run := func(args ...string) string {
		t.Helper()
		return trestleRun(t, e.dir, 0, append(args, "--env", stackEnvironment)...)
	}
	old := keysOf(t, run("keys", "list", "--json"))
	run("keys", "rotate", "pii")
	run("keys", "rotate", "medical")
	const secret = "SECRET of person-7"
	if out := run("dlq", "show", admissions+"_dlq/0/0", "--json"); strings.Contains(out, "SECRET") || !strings.Contains(out, `"valid":true`) {
		t.Errorf("dead letter: %s", out)
	}
	if out := run("audit", "list", "--json"); strings.Contains(out, `"what":"reveal"`) {
		t.Errorf("it is written down that somebody was shown: %s", out)
	}
	letter := ""
	for _, at := range []string{"/0/0", "/0/1", "/0/2"} {
		if out := run("dlq", "show", admissions+"_dlq"+at, "--json", "--reveal"); strings.Contains(out, secret) {
			letter = admissions + "_dlq" + at
		}
	}
	if letter == "" {
		t.Fatal("nothing is revealed")
	}
	if out := run("audit", "list", "--json"); !strings.Contains(out, `"what":"reveal","target":"dead letters"`) || !strings.Contains(out, `"after":{"key":"`) {
		t.Errorf("what was revealed is written down as %s", out)
	}
	if out := run("peek", admissions, "--json"); strings.Contains(out, "SECRET") {
		t.Errorf("peek shows %s", out)
	}
	if out := run("peek", admissions, "--json", "--reveal"); !strings.Contains(out, "SECRET of person-") {
		t.Errorf("peek --reveal shows %s", out)
	}

	run("check", "--records", "--reveal", "--json")
	if out := run("audit", "list", "--json"); !strings.Contains(out, `"what":"reveal","target":"records of topics"`) {
		t.Errorf("what check revealed is written down as %s", out)
	}

	dry := run("dlq", "replay", "--at", letter, "--dry-run", "--repair", `payload.merge({"text": payload.text + "!"})`, "--json")
	if strings.Contains(dry, "SECRET") || !strings.Contains(dry, `"changed": 1`) || !strings.Contains(dry, `"valid_after": 1`) {
		t.Errorf("dry run: %s", dry)
	}
	if out := run("dlq", "replay", "--at", letter, "--repair", `payload.merge({"text": payload.text + "!"})`, "--json"); !strings.Contains(out, `"done": 1`) {
		t.Errorf("replay: %s", out)
	}
	types, keys := trestle.NewTypes(sealedv1.Events()...), e.keys(t)
	var last *connection.Record
	for r, err := range connection.Scan(t.Context(), e.conn, []string{admissions}, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(r.Value), "SECRET") {
			t.Errorf("in clear: %s", r.Value)
		}
		if r.Header("replay-source") != "" {
			last = r
		}
	}
	if last == nil {
		t.Fatal("nothing was sent again")
	}
	d, err := trestle.Decode(last, types, trestle.DecodeOptions{Keys: keys, SealedOnly: true})
	if err != nil || d.Event.(*sealedv1.PatientAdmitted).GetText() != secret+"!" || d.Event.(*sealedv1.PatientAdmitted).GetPatient().GetWard() != "SECRET ward" {
		t.Errorf("sent again: %v, %v", d.Event, err)
	}
	for id := range old {
		run("keys", "destroy", id)
	}
	if d, err = trestle.Decode(last, types, trestle.DecodeOptions{Keys: e.keys(t), SealedOnly: true}); err != nil || len(d.Unavailable) > 0 {
		t.Errorf("sent again with keys that were not current: %v, %v", d.Unavailable, err)
	}
	if out := run("audit", "verify", "--json"); !strings.Contains(out, `"valid": true`) {
		t.Errorf("the record of changes: %s", out)
	}
}

// keysOf are the ids in an answer of `keys list`.
func keysOf(t *testing.T, answer string) map[string]bool {
	t.Helper()
	var listed struct {
		Keys []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(answer), &listed); err != nil || len(listed.Keys) == 0 {
		t.Fatalf("%v: %s", err, answer)
	}
	out := map[string]bool{}
	for _, k := range listed.Keys {
		out[k.ID] = true
	}
	return out
}
