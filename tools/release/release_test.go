package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestRelease makes a release of this commit in two places: it is the same to the byte, and its command says which version
// it is and what it was built from.
func TestRelease(t *testing.T) {
	version, err := newest()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]string{} // by name, of the first place
	var out, head string
	for i, folder := range []string{"here", "somewhere/else"} {
		root := filepath.Join(t.TempDir(), folder)
		if output, err := exec.Command("git", "clone", "--quiet", "--no-hardlinks", "../..", root).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		out = filepath.Join(t.TempDir(), "out")
		r := release{version: version, root: root, out: out, platforms: []string{runtime.GOOS + "/" + runtime.GOARCH}}
		if err := r.make(); err != nil {
			t.Fatal(err)
		}
		if head, err = r.git("rev-parse", "HEAD"); err != nil {
			t.Fatal(err)
		}
		for _, name := range r.names {
			content, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				made[name] = string(content)
			} else if made[name] != string(content) {
				t.Errorf("%s is another in another folder", name)
			}
		}
	}
	if len(made) != 5 {
		t.Fatalf("made %d files, want notes, an archive, a bill of materials, the Python package and checksums", len(made))
	}
	python := unpacked(t, made["trestle-runtime_"+version+".tar.gz"])
	project := string(python["trestle-runtime/pyproject.toml"])
	if !strings.Contains(project, "\nversion = \""+strings.TrimPrefix(version, "v")+"\"\n") || python["trestle-runtime/trestle_runtime/kafka.py"] == nil || python["trestle-runtime/README.md"] == nil {
		t.Errorf("the Python package has %d files and the project\n%s", len(python), project)
	}
	check := exec.Command("sha256sum", "--check", "--quiet", "SHA256SUMS")
	check.Dir = out
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("checksums: %v: %s", err, output)
	}
	name := "trestle_" + version + "_" + runtime.GOOS + "_" + runtime.GOARCH
	var bill struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(made[name+".cdx.json"]), &bill); err != nil || !strings.Contains(made[name+".cdx.json"], "github.com/twmb/franz-go") {
		t.Errorf("bill of materials: %v, %d components", err, len(bill.Components))
	}
	archive := unpacked(t, made[name+".tar.gz"])
	licences := string(archive["THIRD_PARTY_LICENSES.txt"])
	for _, c := range bill.Components { // which another tool found, in the command itself
		of := c.Name + " " + c.Version
		if c.Name == "std" {
			of = "Go"
		}
		if !strings.Contains(licences, "\n"+of+": ") || !strings.Contains(licences, "\n"+of+" (") {
			t.Errorf("the licences of what is linked do not have that of %s", of)
		}
	}
	for _, words := range []string{"Apache License", "Permission is hereby granted, free of charge", "SQLite Is Public Domain", "Prometheus instrumentation library for Go applications"} {
		if !strings.Contains(licences, words) {
			t.Errorf("the licences of what is linked do not say %q", words)
		}
	}
	command := filepath.Join(t.TempDir(), "trestle")
	if err := os.WriteFile(command, archive["trestle"], 0o700); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(command, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{version, head, runtime.Version()} {
		if !strings.Contains(string(said), want) {
			t.Errorf("version says %q, without %s", said, want)
		}
	}
}

// newest is the version that docs/changelog.md begins with.
func newest() (string, error) {
	page, err := os.ReadFile("../../docs/changelog.md")
	_, after, _ := strings.Cut(string(page), "\n## ")
	version, _, _ := strings.Cut(after, "\n")
	return version, err
}

// unpacked is what is in an archive, by name.
func unpacked(t *testing.T, archive string) map[string][]byte {
	t.Helper()
	packed, err := gzip.NewReader(strings.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for files := tar.NewReader(packed); ; {
		header, err := files.Next()
		if err == io.EOF {
			return out
		}
		if err == nil {
			out[header.Name], err = io.ReadAll(files)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefused holds what no release is made of.
func TestRefused(t *testing.T) {
	for version, want := range map[string]string{"1.2.3": "such as v1.2.3", "": "such as v1.2.3"} {
		r := release{version: version, root: "../..", out: filepath.Join(t.TempDir(), "out")}
		if err := r.make(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", version, err, want)
		}
	}
	r := release{version: "v999.0.0", root: "../.."}
	if _, err := r.notes(); err == nil || !strings.Contains(err.Error(), "## v999.0.0") {
		t.Errorf("a version that nothing is said of: %v", err)
	}
	if err := r.checkModules(); err == nil || !strings.Contains(err.Error(), "/go.mod requires ") {
		t.Errorf("a version that modules of their own do not require: %v", err)
	}
}
