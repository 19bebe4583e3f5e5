package kek

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Env is a KEK whose keys stand in an environment variable, as in a [File], with a line's end or ; between them. It may be used from many goroutines.
type Env struct{ name string }

// NewEnv returns the KEK of a variable, which is read whenever it is used.
func NewEnv(name string) *Env { return &Env{name} }

func (e *Env) read() (*keys, error) {
	text, ok := os.LookupEnv(e.name)
	if !ok {
		return nil, fmt.Errorf("environment variable %s, of a KEK, is not set", e.name)
	}
	return parse(strings.ReplaceAll(text, ";", "\n"), func(line int) string {
		if line == 0 {
			return "environment variable " + e.name
		}
		return fmt.Sprintf("environment variable %s, line %d", e.name, line)
	})
}

// String names the variable.
func (e *Env) String() string { return "environment variable " + e.name }

// Name implements [encrypt.KEK].
func (e *Env) Name() string { return nameOf(e.read()) }

// Wrap implements [encrypt.KEK].
func (e *Env) Wrap(_ context.Context, secret, context []byte) (name string, wrapped []byte, err error) {
	k, err := e.read()
	if err != nil {
		return "", nil, err
	}
	name, wrapped = k.wrap(secret, context)
	return name, wrapped, nil
}

// Unwrap implements [encrypt.KEK].
func (e *Env) Unwrap(_ context.Context, name string, wrapped, context []byte) ([]byte, error) {
	k, err := e.read()
	if err != nil {
		return nil, err
	}
	secret, err := k.unwrap(name, wrapped, context)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", e, err)
	}
	return secret, nil
}

func nameOf(k *keys, err error) string {
	if err != nil {
		return ""
	}
	return k.current
}
