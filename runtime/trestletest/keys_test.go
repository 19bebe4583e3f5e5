package trestletest_test

import (
	"bytes"
	"context"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
)

// Events with encrypted fields are tested as all others are; who wants to see what becomes of them without keys gives other ones.
func TestEncryptedEvents(t *testing.T) {
	t.Parallel()
	rec := trestletest.NewRecorder(t)
	event := &sealedv1.PatientAdmitted{Id: "a", Text: "a secret"}
	handle := func(ctx context.Context, e *sealedv1.PatientAdmitted) error {
		if err := trestle.Require(ctx, "text"); err != nil {
			return err
		}
		return rec.Publisher().Publish(ctx, &sealedv1.PatientAdmitted{Id: "b", Text: e.GetText() + "!"})
	}
	trestletest.RequireHandled(t, trestletest.Handle(t, handle, event))
	trestletest.RequirePublished(t, rec, trestletest.Like(&sealedv1.PatientAdmitted{Id: "b", Text: "a secret!"}))
	for _, s := range rec.Sent() {
		if bytes.Contains(s.Record.Value, []byte("secret")) {
			t.Errorf("in clear: %s", s.Record.Value)
		}
	}
}
