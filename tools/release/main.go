// Command release makes what a version of trestle is given out as: for each platform an archive, with the licences of what is
// linked, and a bill of materials (CycloneDX), the Python package trestle-runtime, the checksums of all of them, and the notes of
// the version. The same commit gives the same bytes, wherever it is checked out.
//
//	go run . -version v1.2.3 -out DIR [-root DIR] [-platforms linux/amd64,windows/arm64]
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/release/licences"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("release: ")
	var r release
	flag.StringVar(&r.version, "version", "", "the version, such as v1.2.3")
	flag.StringVar(&r.root, "root", "../..", "the checkout")
	flag.StringVar(&r.out, "out", "", "an empty or new folder")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "which systems and processors")
	flag.Parse()
	r.platforms = strings.Split(*platforms, ",")
	if err := r.make(); err != nil {
		log.Fatal(err)
	}
}

type release struct {
	version, root, out string
	platforms          []string

	committed time.Time
	names     []string // of what is in out
}

var versions = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func (r *release) make() error {
	if !versions.MatchString(r.version) {
		return fmt.Errorf("version %q: give one such as v1.2.3", r.version)
	}
	if entries, err := os.ReadDir(r.out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: delete what is in it", r.out)
	}
	changed, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("commit these first, a release is of a commit:\n%s", changed)
	}
	seconds, err := r.git("log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	r.committed = time.Unix(unix, 0).UTC()
	notes, err := r.notes()
	if err != nil {
		return err
	}
	if err := r.checkModules(); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if err := r.write("CHANGELOG.md", notes); err != nil {
		return err
	}
	for _, platform := range r.platforms {
		if err := r.platform(platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	if err := r.python(); err != nil {
		return fmt.Errorf("trestle-runtime: %w", err)
	}
	return r.checksums()
}

// python writes the Python package trestle-runtime, which pip installs, with the release's version as its own.
func (r *release) python() error {
	const folder, unversioned = "runtime/python", "\nversion = \"1.0.0\"\n"
	listed, err := r.git("ls-files", folder+"/pyproject.toml", folder+"/README.md", folder+"/trestle_runtime")
	if err != nil {
		return err
	}
	var files []packed
	for file := range strings.Lines(listed) {
		file = strings.TrimSpace(file)
		content, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(file)))
		if err != nil {
			return err
		}
		if path.Base(file) == "pyproject.toml" {
			if !strings.Contains(string(content), unversioned) {
				return fmt.Errorf("%s has another version than 1.0.0, in whose place that of the release is written", file)
			}
			content = []byte(strings.Replace(string(content), unversioned, "\nversion = \""+strings.TrimPrefix(r.version, "v")+"\"\n", 1))
		}
		files = append(files, packed{"trestle-runtime" + strings.TrimPrefix(file, folder), 0o644, content})
	}
	var archive bytes.Buffer
	if err := tarball(&archive, files, r.committed); err != nil {
		return err
	}
	return r.write("trestle-runtime_"+r.version+".tar.gz", archive.Bytes())
}

// notes returns what docs/changelog.md says of the version.
func (r *release) notes() ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(r.root, "docs", "changelog.md"))
	if err != nil {
		return nil, err
	}
	_, after, found := strings.Cut("\n"+string(page), "\n## "+r.version+"\n")
	entry, _, _ := strings.Cut(after, "\n## ")
	if !found || strings.TrimSpace(entry) == "" {
		return nil, fmt.Errorf("docs/changelog.md says nothing of %s: write what changed under `## %s`", r.version, r.version)
	}
	return []byte("# " + r.version + "\n" + strings.TrimRight(entry, "\n") + "\n"), nil
}

// checkModules holds packages of the runtime that are modules of their own, and are released with it, to requiring the version that they are released with: in
// the checkout they are built with what is there, whatever they require.
func (r *release) checkModules() error {
	files, err := r.git("ls-files", "runtime/**/go.mod")
	if err != nil {
		return err
	}
	for name := range strings.Lines(files) {
		name = strings.TrimSpace(name)
		text, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		required := requirement.FindSubmatch(text)
		if required != nil && string(required[1]) != r.version {
			return fmt.Errorf("%s requires github.com/omninode/trestle %s: run go mod edit -require=github.com/omninode/trestle@%s there, commit, and tag %s/%s, too",
				name, required[1], r.version, path.Dir(name), r.version)
		}
	}
	return nil
}

var requirement = regexp.MustCompile(`(?m)^(?:require)?\s*github\.com/omninode/trestle (v\S+)$`)

// platform builds the command, and writes its archive and its bill of materials.
func (r *release) platform(platform string) error {
	system, processor, ok := strings.Cut(platform, "/")
	if !ok {
		return fmt.Errorf("want SYSTEM/PROCESSOR")
	}
	work, err := os.MkdirTemp("", "trestle-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary := filepath.Join(work, "trestle")
	if system == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-o", binary,
		"-ldflags", "-s -w -X github.com/omninode/trestle/cmd/trestle/ops.released="+r.version, "./cmd/trestle")
	build.Dir = r.root
	build.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, output)
	}
	name := fmt.Sprintf("trestle_%s_%s_%s", r.version, system, processor)
	texts := filepath.Join(work, "THIRD_PARTY_LICENSES.txt")
	if err := r.licences(platform, texts); err != nil {
		return err
	}
	var files []packed
	for i, file := range []string{binary, filepath.Join(r.root, "LICENSE"), texts, filepath.Join(r.root, "README.md")} {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		files = append(files, packed{filepath.Base(file), mode(i), content})
	}
	pack, ext := tarball, ".tar.gz"
	if system == "windows" {
		pack, ext = zipped, ".zip"
	}
	var archive bytes.Buffer
	if err := pack(&archive, files, r.committed); err != nil {
		return err
	}
	if err := r.write(name+ext, archive.Bytes()); err != nil {
		return err
	}
	bill := exec.Command("go", "tool", "cyclonedx-gomod", "bin", "-json", "-std", "-noserial", "-notimestamp", "-version", r.version, binary)
	var stderr bytes.Buffer
	bill.Stderr = &stderr
	text, err := bill.Output()
	if err != nil {
		return fmt.Errorf("bill of materials: %w\n%s", err, &stderr)
	}
	return r.write(name+".cdx.json", text)
}

// licences writes the licences of what the command links.
func (r *release) licences(platform, file string) error {
	packages, err := licences.Load(r.root, platform, "./cmd/trestle")
	if err != nil {
		return err
	}
	modules, err := packages.Linked("github.com/omninode/trestle/cmd/trestle")
	if err != nil {
		return err
	}
	var texts bytes.Buffer
	if err := licences.Write(&texts, modules); err != nil {
		return err
	}
	return os.WriteFile(file, texts.Bytes(), 0o644)
}

func (r *release) write(name string, content []byte) error {
	r.names = append(r.names, name)
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// checksums writes what `sha256sum -c` reads.
func (r *release) checksums() error {
	var list strings.Builder
	for _, name := range r.names {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(content), name)
	}
	return r.write("SHA256SUMS", []byte(list.String()))
}

func (r *release) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", r.root}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, &stderr)
	}
	return strings.TrimSpace(string(out)), nil
}

func mode(i int) os.FileMode {
	if i == 0 { // the command
		return 0o755
	}
	return 0o644
}

// packed is a file of an archive.
type packed struct {
	name    string
	mode    os.FileMode
	content []byte
}

func tarball(w io.Writer, files []packed, at time.Time) error {
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	for _, file := range files {
		header := tar.Header{Name: file.name, Mode: int64(file.mode), Size: int64(len(file.content)), ModTime: at, Format: tar.FormatPAX}
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := archive.Write(file.content); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func zipped(w io.Writer, files []packed, at time.Time) error {
	archive := zip.NewWriter(w)
	for _, file := range files {
		header := zip.FileHeader{Name: file.name, Method: zip.Deflate, Modified: at}
		header.SetMode(file.mode)
		entry, err := archive.CreateHeader(&header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(file.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
