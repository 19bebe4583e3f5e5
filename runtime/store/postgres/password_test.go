package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// A database that asks for a password gets the one that stands in a file when it is connected to, and no error repeats it.
func TestPasswordIsLookedUp(t *testing.T) {
	t.Parallel()
	server := services.OwnPostgres(t)
	admin, err := pgx.Connect(t.Context(), server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context()))
	do := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	dsn := server.WithUser("bob", "correct horse")

	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open := func(dsn string, opts ...postgres.Option) error {
		db, err := postgres.Open(t.Context(), dsn, opts...)
		if err == nil {
			err = db.Close()
		}
		return err
	}
	fromFile := func() postgres.Option { return postgres.WithPassword(secure.Secret{File: file}) }
	write("correct horse\n")
	if err := open(dsn, fromFile()); err != nil {
		t.Fatal(err)
	}
	do("ALTER ROLE bob PASSWORD 'another'")
	if err := open(dsn, fromFile()); err == nil || !strings.Contains(err.Error(), "password authentication failed") || strings.Contains(err.Error(), "correct horse") {
		t.Errorf("with the old password: %v", err)
	}
	write("another\n")
	if err := open(strings.Replace(dsn, "bob@", "bob:hunter2@", 1), fromFile()); err != nil {
		t.Errorf("with the new one, and a wrong one in the DSN: %v", err)
	}
	for _, wrong := range []string{strings.Replace(dsn, "bob@", "bob:hunter2@", 1), "postgres://bob:hunter2@127.0.0.1:none/db"} {
		if err := open(wrong); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
