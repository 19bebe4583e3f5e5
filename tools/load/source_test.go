package load_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

const orderProto = `syntax = "proto3";
package orders.v1;
import "common/v1/money.proto";
message Order { common.v1.Money total = 1; }
`

const moneyProto = `syntax = "proto3";
package common.v1;
message Money { int64 amount = 1; }
`

const orderJSON = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Shipped",
  "type": "object",
  "properties": { "total": { "$ref": "../../common/j1/money.json" } }
}`

const moneyJSON = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": { "amount": { "type": "integer" } }
}`

func sampleFiles() map[string][]byte {
	return map[string][]byte{
		"orders/v1/order.proto":  []byte(orderProto),
		"common/v1/money.proto":  []byte(moneyProto),
		"shipping/v1/order.json": []byte(orderJSON),
		"common/j1/money.json":   []byte(moneyJSON),
		"other/v1/other.proto":   []byte("syntax = \"proto3\";\npackage other.v1;\n"),
		"README.md":              []byte("not a schema"),
		"docs/note.md":           []byte("not a schema"),
		".hidden/x.proto":        []byte("not even protobuf"),
	}
}

// writeSample writes the files below root/schemas and returns root.
func writeSample(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range sampleFiles() {
		file := filepath.Join(root, "schemas", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func packageNames(set *schema.Set) []string {
	var names []string
	for _, p := range set.Packages {
		names = append(names, p.Name)
	}
	return names
}

var allPackages = []string{"common.j1", "common.v1", "orders.v1", "other.v1", "shipping.v1"}

func TestSourcesOnDisk(t *testing.T) {
	t.Parallel()
	root := writeSample(t)
	schemas := filepath.Join(root, "schemas")
	at := func(name string) string { return filepath.Join(schemas, filepath.FromSlash(name)) }
	for _, tt := range []struct {
		name     string
		source   load.Source
		packages []string
		file     string // of the last package
	}{
		{"the whole folder", load.Dir(schemas), allPackages, "shipping/v1/order.json"},
		{"files in memory", load.Files(sampleFiles()), allPackages, "shipping/v1/order.json"},
		{"a file system", load.FS(os.DirFS(schemas)), allPackages, "shipping/v1/order.json"},
		{"a protobuf package's folder, rooted by its package", load.Dir(at("orders/v1")), []string{"common.v1", "orders.v1"}, "orders/v1/order.proto"},
		{"a parent of a package's folder", load.Dir(at("orders")), []string{"common.v1", "orders.v1"}, "orders/v1/order.proto"},
		{"a protobuf file", load.FileAt(at("orders/v1/order.proto")), []string{"common.v1", "orders.v1"}, "orders/v1/order.proto"},
		{"a folder in a root", load.In(schemas, at("shipping")), []string{"common.j1", "shipping.v1"}, "shipping/v1/order.json"},
		{"a JSON Schema in a root", load.In(schemas, at("shipping/v1/order.json")), []string{"common.j1", "shipping.v1"}, "shipping/v1/order.json"},
		{"a JSON Schema by itself", load.FileAt(at("common/j1/money.json")), []string{""}, "money.json"},
		{"a file that is not in the root", load.In(filepath.Join(root, "elsewhere"), at("common/j1/money.json")), []string{""}, "money.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := load.Schemas(t.Context(), tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.packages, packageNames(set)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			last := set.Packages[len(set.Packages)-1]
			if got := last.Files[0].Path; got != tt.file {
				t.Errorf("the last package's file is %s, want %s", got, tt.file)
			}
		})
	}
}

// Root is what the user can put before a position's file to find it.
func TestRootLeadsToFiles(t *testing.T) {
	t.Parallel()
	root := writeSample(t)
	for _, name := range []string{"schemas", "schemas/orders/v1", "schemas/orders/v1/order.proto"} {
		set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(root, name)))
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.ToSlash(filepath.Join(root, "schemas"))
		if set.Root != want {
			t.Errorf("root of %s is %s, want %s", name, set.Root, want)
		}
	}
}

func TestSourceErrors(t *testing.T) {
	t.Parallel()
	root := writeSample(t)
	empty := t.TempDir()
	for _, tt := range []struct {
		name   string
		source load.Source
		want   string
	}{
		{"no folder", load.Dir(filepath.Join(root, "none")), "no such file or folder"},
		{"an empty folder", load.Dir(empty), "no .proto or .json file"},
		{"no files", load.Files(nil), "no .proto or .json file"},
		{"an empty file system", load.FS(fstest.MapFS{}), "no .proto or .json file"},
		{"another file", load.Dir(filepath.Join(root, "schemas", "README.md")), "not a .proto or .json file"},
		{"no image", load.Image(filepath.Join(root, "none")), "no such file or folder"},
		{"not an image", load.ImageBytes([]byte("not an image")), "not an image"},
		{"an empty image", load.ImageBytes(nil), "without schemas"},
		{"a broken gzip", load.ImageBytes([]byte{0x1f, 0x8b, 0}), "not an image"},
		{"an unknown language", load.RegisteredSchema{Name: "d", Language: "avro"}, `language "avro"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load.Schemas(t.Context(), tt.source)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if _, ok := errors.AsType[schema.Errors](err); ok {
				t.Error("a source that cannot be read is no fault of a schema")
			}
		})
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := load.Schemas(ctx, load.Files(sampleFiles())); err == nil {
		t.Error("loading with a cancelled context succeeded")
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.org", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		services.Missing(t, "git", err.Error())
	}
	root := writeSample(t)
	link := filepath.Join(root, "schemas", "other", "v1", "linked.proto")
	if err := os.Symlink("other.proto", link); err != nil {
		t.Fatal(err)
	}
	git(t, root, "init", "-q", "-b", "main")
	git(t, root, "add", ".")
	git(t, root, "commit", "-qm", "first")
	git(t, root, "tag", "v1")
	// What is in the work tree and the index is not what is read.
	broken := filepath.Join(root, "schemas", "orders", "v1", "order.proto")
	if err := os.WriteFile(broken, []byte("broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, root, "add", ".")
	before := indexOf(t, root)

	orders := []string{"common.v1", "orders.v1"}
	for _, tt := range []struct {
		name     string
		source   load.Git
		packages []string
		root     string
	}{
		{"a folder", load.Git{Dir: root, Ref: "main", Path: "schemas"}, allPackages, "schemas"},
		{"a tag, from a folder of the repository", load.Git{Dir: filepath.Join(root, "schemas"), Ref: "v1"}, allPackages, "schemas"},
		{"above the folder", load.Git{Dir: filepath.Join(root, "schemas", "orders"), Ref: "v1", Path: ".."}, allPackages, "schemas"},
		{"a package's folder", load.Git{Dir: root, Ref: "HEAD", Path: "schemas/orders/v1"}, orders, "schemas"},
		{"a file", load.Git{Dir: root, Ref: "HEAD", Path: "schemas/orders/v1/order.proto"}, orders, "schemas"},
		{"a JSON Schema in a root", load.Git{Dir: root, Ref: "HEAD", Path: "schemas/shipping/v1/order.json", Root: "schemas"}, []string{"common.j1", "shipping.v1"}, "schemas"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := load.Schemas(t.Context(), tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.packages, packageNames(set)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			if set.Root != tt.root {
				t.Errorf("root is %q, want %q", set.Root, tt.root)
			}
		})
	}
	outside := t.TempDir()
	for _, tt := range []struct {
		name   string
		source load.Git
		want   string
	}{
		{"no reference", load.Git{Dir: root}, "not a git reference"},
		{"an option for git", load.Git{Dir: root, Ref: "--all"}, "not a git reference"},
		{"an unknown reference", load.Git{Dir: root, Ref: "none"}, "git#none: unknown reference"},
		{"no repository", load.Git{Dir: outside, Ref: "main"}, "not a git repository"},
		{"no such path", load.Git{Dir: root, Ref: "main", Path: "none"}, "none: no such file or folder in that commit"},
		{"a folder without schemas", load.Git{Dir: root, Ref: "main", Path: "schemas/docs"}, "no .proto or .json file"},
		{"another file", load.Git{Dir: root, Ref: "main", Path: "schemas/README.md"}, "not a .proto or .json file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load.Schemas(t.Context(), tt.source)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if diff := cmp.Diff(before, indexOf(t, root)); diff != "" {
		t.Error("loading changed the index")
	}
}

func indexOf(t *testing.T, root string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// An image says all that the sources say, positions and comments too, and what was written from it is the same again.
func TestImageHoldsEverything(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir("../../schemas"))
	if err != nil {
		t.Fatal(err)
	}
	image, err := load.WriteImage(set)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := load.Schemas(t.Context(), load.ImageBytes(image))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dump(set), dump(loaded)); diff != "" {
		t.Errorf("(-sources +image):\n%s", diff)
	}
	again, err := load.WriteImage(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(image, again) {
		t.Error("writing what was loaded gives other bytes")
	}

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(image); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.binpb.gz")
	if err := os.WriteFile(file, zipped.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := load.Schemas(t.Context(), load.Image(file)); err != nil {
		t.Errorf("a gzipped image: %v", err)
	}
}
