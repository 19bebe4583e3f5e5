package integration_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// trestleCommand is the command line, built when the first test asks for it.
var trestleCommand command

type command struct {
	build sync.Once
	dir   string
	err   error
}

func (c *command) path(t testing.TB) string {
	t.Helper()
	c.build.Do(func() {
		if c.dir, c.err = os.MkdirTemp("", "trestle-integration-"); c.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", c.dir, "..").CombinedOutput(); err != nil {
			c.err = errors.New(err.Error() + "\n" + string(out))
		}
	})
	if c.err != nil {
		t.Fatalf("build the command line: %v", c.err)
	}
	return filepath.Join(c.dir, "trestle")
}

func (c *command) remove() {
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// trestleRun runs a command in a project's folder, which must end with that status, and returns its standard output.
func trestleRun(t testing.TB, project string, status int, args ...string) string {
	t.Helper()
	stdout, _ := runTrestle(t, project, status, args)
	return stdout
}

// trestleFails is trestleRun for what a command says on its standard error.
func trestleFails(t testing.TB, project string, status int, args ...string) string {
	t.Helper()
	_, stderr := runTrestle(t, project, status, args)
	return stderr
}

func runTrestle(t testing.TB, project string, status int, args []string) (out, said string) {
	t.Helper()
	return runTrestleWith(t, project, status, nil, args...)
}

// runTrestleWith is runTrestle with a standard input.
func runTrestleWith(t testing.TB, project string, status int, input io.Reader, args ...string) (out, said string) {
	t.Helper()
	cmd := trestleProcess(t, project, args)
	cmd.Stdin = input
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("trestle %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), got, status, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

// trestleProcess is a command that has yet to be started, in a project's folder; no variable of this process tells it anything.
func trestleProcess(t testing.TB, project string, args []string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(within(t, patience), trestleCommand.path(t), args...)
	cmd.Dir = project
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TRESTLE_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// project is the folder of this project.
const project = "../../.."

// copyProject returns a folder with this project's schemas, to be edited.
func copyProject(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "schemas"), os.DirFS(filepath.Join(project, "schemas"))); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(project, "trestle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "trestle.yaml"), string(config))
	return dir
}

// editFile replaces one text in a file, which must be in it once.
func editFile(t testing.TB, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		t.Fatalf("%s: %q is in it %d times, want once", file, old, n)
	}
	writeFile(t, file, strings.Replace(string(text), old, new, 1))
}

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
