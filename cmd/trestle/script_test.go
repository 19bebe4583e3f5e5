package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/gate"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trestle": func() { os.Exit(trestleMain()) }})
}

// TestScripts runs the scripts in testdata/script. Each gets a folder `omni` with this project's schemas, and commands
// beside testscript's own: `exits STATUS trestle …` runs a command that must end with that status, and `stack` starts
// an embedded stack and points the environment's variables to it.
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", root)
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "nobody")
				env.Setenv("GIT_"+who+"_EMAIL", "nobody@example.org")
			}
			project := filepath.Join(env.WorkDir, "omni")
			if err := os.CopyFS(filepath.Join(project, "schemas"), os.DirFS(filepath.Join(root, "schemas"))); err != nil {
				return err
			}
			config, err := os.ReadFile(filepath.Join(root, configName))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(project, configName), config, 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"stack": startTestStack,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := exitFine
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func startTestStack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: stack")
	}
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(stack.Close()) })
	ts.Setenv("TRESTLE_BROKERS", stack.Brokers)
	ts.Setenv("TRESTLE_REGISTRY", stack.Registry)
	ts.Setenv("TRESTLE_STORE", stack.Store)
}
