package services

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

// Postgres returns the DSN of an empty PostgreSQL database, which is dropped when
// the test ends, with whoever is still connected to it. The user of the DSN may
// do anything.
//
// All tests of a test binary share one server. It takes 200 connections, sorts
// by bytes (locale C, UTF-8), and is faster than safe: it does not survive a
// crash of the machine.
func Postgres(tb testing.TB) string {
	tb.Helper()
	p := obtain(tb, "PostgreSQL", func() (*postgres, error) {
		return kept.postgres.use(tb, func() (*postgres, error) { return startPostgres() })
	})
	name := fmt.Sprintf("test_%d", p.databases.Add(1))
	if err := p.exec("CREATE DATABASE " + name); err != nil {
		tb.Fatalf("create a PostgreSQL database: %v", err)
	}
	tb.Cleanup(func() {
		if err := p.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Errorf("drop the PostgreSQL database: %v", err)
		}
	})
	return p.dsn(name)
}

// PostgresServer is a PostgreSQL server of a test's own.
type PostgresServer struct {
	tb testing.TB
	p  *postgres
}

// OwnPostgres starts a server that is stopped, and its data removed, when the test ends. It is as that of [Postgres], but what it
// has said to be committed survives [PostgresServer.Kill]. Settings are name=value; fsync=on and full_page_writes=on have it as safe, and as slow, as
// one that nothing is set of.
func OwnPostgres(tb testing.TB, settings ...string) *PostgresServer {
	tb.Helper()
	p := obtain(tb, "PostgreSQL", func() (*postgres, error) {
		return startPostgres(append([]string{"synchronous_commit=on"}, settings...)...)
	})
	tb.Cleanup(p.stop)
	return &PostgresServer{tb, p}
}

// DSN returns the DSN of a database, whose user may do anything. It stays the same when the server is started again.
func (s *PostgresServer) DSN() string { return s.p.dsn("postgres") }

// Database returns the DSN of a new database, which is there as long as the server.
func (s *PostgresServer) Database() string {
	s.tb.Helper()
	name := fmt.Sprintf("test_%d", s.p.databases.Add(1))
	if err := s.p.exec("CREATE DATABASE " + name); err != nil {
		s.tb.Fatalf("create a PostgreSQL database: %v", err)
	}
	return s.p.dsn(name)
}

// WithUser makes a user who must give a password, and may do anything. It returns the DSN of [PostgresServer.DSN] for this user, without the password.
func (s *PostgresServer) WithUser(user, password string) (dsn string) {
	s.tb.Helper()
	// The first rule of the file that fits is the one that holds.
	rules := fmt.Sprintf("('host all %s 127.0.0.1/32 scram-sha-256'), ('host all postgres 127.0.0.1/32 trust')", user)
	for _, sql := range []string{
		fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD '%s'", user, password),
		fmt.Sprintf("COPY (VALUES %s) TO '%s'", rules, filepath.Join(s.p.data(), "pg_hba.conf")),
		"SELECT pg_reload_conf()",
	} {
		if err := s.p.exec(sql); err != nil {
			s.tb.Fatalf("have PostgreSQL ask for a password: %v", err)
		}
	}
	return strings.Replace(s.DSN(), "postgres@", user+"@", 1)
}

// Kill ends the server as a crash does (SIGKILL).
func (s *PostgresServer) Kill() { s.p.server.Kill() }

// Start starts the server again after Kill, on the same port with the same data, and waits until it answers.
func (s *PostgresServer) Start() {
	s.tb.Helper()
	var err error
	for range 100 { // the processes of its connections may have yet to notice that it is gone
		if err = s.p.launch(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	report(s.tb, fmt.Errorf("start PostgreSQL again: %w", err))
}

type postgres struct {
	scratch   *scratch
	bin       string
	settings  []string // name=value
	server    *server
	port      int
	databases atomic.Int64
}

func startPostgres(settings ...string) (*postgres, error) {
	bin, err := artefact.Postgres()
	if err != nil {
		return nil, err
	}
	return onFreePorts(1, func(ports []int) (*postgres, error) {
		scratch, err := newScratch()
		if err != nil {
			return nil, err
		}
		p := &postgres{scratch: scratch, bin: bin, settings: settings, port: ports[0]}
		if err := p.start(); err != nil {
			if p.server != nil {
				p.server.Kill()
			}
			scratch.remove()
			return nil, err
		}
		return p, nil
	})
}

func (p *postgres) data() string { return p.scratch.path("data") }

// command is one of PostgreSQL's programs, which refuse to run as root.
func (p *postgres) command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.data()
	return cmd, process.Unprivileged(cmd, p.data())
}

func (p *postgres) start() error {
	data := p.data()
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	initdb, err := p.command("initdb", "-D", data, "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, err := process.Run(ctx, initdb); err != nil {
		return err
	}
	return p.launch()
}

// launch starts the server itself, and not pg_ctl, so that it is a child of ours.
func (p *postgres) launch() error {
	args := []string{
		"-D", p.data(), "-h", "127.0.0.1", "-p", fmt.Sprint(p.port), "-k", "", "-N", "200",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off",
	}
	for _, setting := range p.settings {
		args = append(args, "-c", setting)
	}
	server, err := p.command("postgres", args...)
	if err != nil {
		return err
	}
	if p.server, err = launch("PostgreSQL", server, p.scratch.path("postgres.log")); err != nil {
		return err
	}
	return p.server.await(func(ctx context.Context) error { return p.execContext(ctx, "SELECT 1") })
}

// stop ends the server without waiting for its clients, which SIGTERM would do.
func (p *postgres) stop() {
	p.server.Stop(syscall.SIGINT, stopTimeout)
	p.scratch.remove()
}

func (p *postgres) dsn(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", address(p.port), database)
}

func (p *postgres) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return p.execContext(ctx, sql)
}

func (p *postgres) execContext(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, p.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}
