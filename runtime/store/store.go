// Package store opens a trace store by its address. It links the drivers of all stores: who uses only one opens it by
// its own package.
package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// Open opens the store at the address, and applies the migrations it lacks:
//
//	postgres://user@host/database   PostgreSQL, also postgresql://
//	sqlite:path/to/trace.db         a SQLite file, created if it is missing, also sqlite:///absolute/path
//	path/to/trace.db                the same
func Open(ctx context.Context, address string) (eventtrace.Store, error) {
	scheme, rest, ok := strings.Cut(address, ":")
	switch {
	case address == "":
		return nil, fmt.Errorf("open the trace store: no address, want postgres://… or sqlite:PATH")
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return postgresStore(ctx, address)
	case ok && (scheme == "sqlite" || scheme == "sqlite3" || scheme == "file"):
		return sqliteStore(ctx, strings.TrimPrefix(rest, "//"))
	case ok && strings.HasPrefix(rest, "//"):
		return nil, fmt.Errorf("open the trace store: unknown scheme %s://, want postgres://… or sqlite:PATH", scheme)
	default:
		return sqliteStore(ctx, address)
	}
}

// The stores come as pointers: a nil one must not become a Store that is not nil.

func postgresStore(ctx context.Context, dsn string) (eventtrace.Store, error) {
	store, err := postgres.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	return store, nil
}

func sqliteStore(ctx context.Context, path string) (eventtrace.Store, error) {
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return store, nil
}
