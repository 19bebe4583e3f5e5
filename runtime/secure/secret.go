package secure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Secret says where a secret is found, such as a password: in one of an environment variable, a file, and the output of a command, or it is
// there itself ([Value]). It is looked up whenever it is needed, so that one that changes is taken up without a restart. Printed or logged it
// is the place, never the secret.
type Secret struct {
	// Env is the name of an environment variable.
	Env string
	// File is a path. A line's end at its end does not count.
	File string
	// Command is a program and its arguments, run without a shell for at most 10 s; what it prints is the secret, but for a line's end.
	Command []string

	value *string // a pointer: it is not printed through one
}

// Value is a secret that the program has in hand.
func Value(secret string) Secret { return Secret{value: &secret} }

// IsZero says that there is no secret.
func (s Secret) IsZero() bool {
	return s.Env == "" && s.File == "" && len(s.Command) == 0 && s.value == nil
}

// Check says what is wrong with the places: there is none, or more than one.
func (s Secret) Check() error {
	places := 0
	for _, given := range []bool{s.Env != "", s.File != "", len(s.Command) > 0, s.value != nil} {
		if given {
			places++
		}
	}
	if places != 1 {
		return fmt.Errorf("a secret stands in one place, got %d of: an environment variable, a file, a command's output", places)
	}
	return nil
}

// commandTimeout bounds a command.
const commandTimeout = 10 * time.Second

// Read looks the secret up. An empty one is an error. Errors name the place and never hold what stands there.
func (s Secret) Read(ctx context.Context) (string, error) {
	if err := s.Check(); err != nil {
		return "", err
	}
	var text string
	switch {
	case s.value != nil:
		text = *s.value
	case s.Env != "":
		var ok bool
		if text, ok = os.LookupEnv(s.Env); !ok {
			return "", fmt.Errorf("%v is not set", s)
		}
	case s.File != "":
		data, err := os.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("read a secret: %w", err)
		}
		text = cutLineEnd(data)
	default:
		var err error
		if text, err = s.run(ctx); err != nil {
			return "", err
		}
	}
	if text == "" {
		return "", fmt.Errorf("%v is empty", s)
	}
	return text, nil
}

func (s Secret) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	cmd.WaitDelay = time.Second // a child of it may keep the output open
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		for printed := range strings.Lines(out.String()) {
			if printed = strings.TrimSpace(printed); printed != "" && strings.Contains(line, printed) {
				line = "" // it says what it printed, which may be the secret
			}
		}
		return "", fmt.Errorf("%v: %w", s, errors.Join(err, asError(line)))
	}
	return cutLineEnd(out.Bytes()), nil
}

func asError(line string) error {
	if line == "" {
		return nil
	}
	return errors.New(line)
}

func cutLineEnd(data []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
}

// String names the place.
func (s Secret) String() string {
	switch {
	case s.value != nil:
		return "a secret"
	case s.Env != "":
		return "environment variable " + s.Env
	case s.File != "":
		return "file " + s.File
	case len(s.Command) > 0:
		return "command " + s.Command[0]
	}
	return "no secret"
}

// GoString is String, for the verb %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText refuses: a secret is written nowhere.
func (s Secret) MarshalText() ([]byte, error) { return nil, errors.New("a secret is written nowhere") }

// freshFor is for how long a secret is not looked up again: a client opens many connections at once.
const freshFor = 5 * time.Second

// Kept returns a function that is Read, but looks the secret up at most every 5 s, and in a file as soon as that was written anew. It may be called from any goroutine.
func (s Secret) Kept() func(context.Context) (string, error) {
	var mu sync.Mutex
	var at time.Time
	var text string
	var written stamp
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		now, err := stampOf(s.File)
		if !at.IsZero() && time.Since(at) < freshFor && (err != nil || now == written) {
			return text, nil
		}
		read, err := s.Read(ctx)
		if err == nil {
			text, at, written = read, time.Now(), now // looked at before it was read: what is written meanwhile is read again
		}
		return read, err
	}
}
