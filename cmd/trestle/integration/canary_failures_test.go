package integration_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
	secretsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/secrets/v1"
	vaultv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/vault/v1"
)

// failing is a test that fails: what it says is kept.
type failing struct {
	*trestletest.T
	said sayings
}

func (f *failing) Fatalf(format string, args ...any) {
	fmt.Fprintf(&f.said, format+"\n", args...)
	panic(f)
}
func (f *failing) Fatal(args ...any)                 { f.Fatalf("%s", fmt.Sprintln(args...)) }
func (f *failing) Errorf(format string, args ...any) { fmt.Fprintf(&f.said, format+"\n", args...) }
func (f *failing) Error(args ...any)                 { f.Errorf("%s", fmt.Sprintln(args...)) }
func (f *failing) Output() io.Writer                 { return &f.said }

// failed returns what a test says that fails.
func failed(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	f := &failing{T: trestletest.NewT()}
	defer f.Close()
	func() {
		defer func() {
			if at := recover(); at != nil && at != any(f) {
				panic(at)
			}
		}()
		test(f)
	}()
	said := f.said.take()
	if said == "" {
		t.Error("a test that should fail said nothing")
	}
	return said
}

// TestCanariesInTests has tests of events fail, and reads what they say.
func TestCanariesInTests(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		account, vault, sealed := secretEvents[0], secretEvents[1], secretEvents[2]
		said := []string{
			failed(t, func(tb testing.TB) { requireOther[secretsv1.AccountOpened](t, tb, c, account) }),
			failed(t, func(tb testing.TB) { requireOther[vaultv1.VaultOpened](t, tb, c, vault) }),
			failed(t, func(tb testing.TB) { requireOther[vaultv1.VaultSealed](t, tb, c, sealed) }),
		}
		for _, e := range brokenSecrets(c)[:3] {
			said = append(said, failed(t, func(tb testing.TB) {
				trestletest.NewHandlers(tb, func(c *trestle.Consumer) { trestle.Handle(c, handleAccount) }).Handle(e)
			}))
		}
		for _, payload := range account.wrong(c)[:200] {
			handlers := trestletest.NewHandlers(trestletest.NewT(), func(c *trestle.Consumer) { trestle.Handle(c, handleAccount) })
			outcome := handlers.HandleRecord(*account.record(c, account.enveloped(payload)))
			said = append(said, failed(t, func(tb testing.TB) { trestletest.RequireHandled(tb, outcome) }), allOf(outcome))
		}
		for _, text := range said {
			c.search(t, "a test that fails", text)
		}
	})
}

func handleAccount(_ context.Context, e *secretsv1.AccountOpened) error {
	return fmt.Errorf("can't handle %v", e)
}

// requireOther asks for another event than the one that was published, and for none of its kind.
func requireOther[E any, P interface {
	*E
	trestle.Event
}](t *testing.T, tb testing.TB, c *canaries, e secretEvent) {
	recorder := trestletest.NewRecorder(tb, secretSource)
	if err := recorder.Publisher().Publish(t.Context(), e.valid(t, c)); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		trestletest.RequireNotPublished[P](tb, recorder)
	}()
	func() {
		defer func() { _ = recover() }()
		trestletest.RequireDeleted[P](tb, recorder, c.fill("@S"))
	}()
	trestletest.RequirePublished(tb, recorder, trestletest.Like(e.valid(t, c).(P)))
}
