package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestUnknownCommand holds that a word which names no command is an error, at every level.
func TestUnknownCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nonsense":             `unknown command "nonsense" for "trestle"`,
		"topics rename":        `unknown command "rename" for "trestle topics": it has apply, delete, describe, list, offsets, plan`,
		"topics aply":          `unknown command "aply" for "trestle topics": did you mean apply?`,
		"topics rename --json": `unknown flag: --json`,
		"trace sesion ID":      `unknown command "sesion" for "trestle trace": did you mean session?`,
		"-C . trace nonsense":  `unknown command "nonsense" for "trestle trace": it has backfill, correlation, find, prune, run, session, stats, type`,
	}
	for line, want := range tests {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if status := run(t.Context(), strings.Fields(line), nil, &stdout, &stderr); status != exitFailed {
				t.Errorf("exit status %d, want %d", status, exitFailed)
			}
			if !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
				t.Errorf("stdout %q, stderr %q, want %q", &stdout, &stderr, want)
			}
		})
	}
}

// TestParentsShowHelp holds that a command with others below it is no error alone.
func TestParentsShowHelp(t *testing.T) {
	t.Parallel()
	for line, path := range map[string]string{
		"": "trestle", "topics": "trestle topics", "trace": "trestle trace", "help topics": "trestle topics", "topics --help": "trestle topics",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if status := run(t.Context(), strings.Fields(line), nil, &stdout, &stderr); status != exitFine || stderr.Len() > 0 {
				t.Errorf("exit status %d, stderr %q", status, &stderr)
			}
			if usage := "Usage:\n  " + path + " [command]\n"; !strings.Contains(stdout.String(), usage) {
				t.Errorf("no %q in %s", usage, &stdout)
			}
		})
	}
}
