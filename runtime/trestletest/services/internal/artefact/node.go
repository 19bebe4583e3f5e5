package artefact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

// AsyncAPIParser is the npm package that checks AsyncAPI documents.
const AsyncAPIParser = "@asyncapi/parser@3.6.3"

// ConfluentRegistry is the npm package of Confluent's serializers and deserializers.
const ConfluentRegistry = "@confluentinc/schemaregistry@1.10.1"

// nodes remembers what came of each set of packages.
var nodes sync.Map // recipe → func() (string, error)

// Node returns a folder in which node finds the given npm packages, each with
// its version: "@asyncapi/parser@3.6.3". Their install scripts do not run.
func Node(packages ...string) (string, error) {
	packages = slices.Sorted(slices.Values(packages))
	recipe := strings.Join(packages, " ")
	get, _ := nodes.LoadOrStore(recipe, once("npm "+recipe, func(ctx context.Context) (string, error) {
		for _, p := range packages {
			if at := strings.LastIndexByte(p, '@'); at <= 0 || at == len(p)-1 {
				return "", fmt.Errorf("npm package %q has no version", p)
			}
		}
		if _, err := exec.LookPath("node"); err != nil {
			return "", errors.New("node (Node.js) is not on PATH")
		}
		npm, err := exec.LookPath("npm")
		if err != nil {
			return "", errors.New("npm is not on PATH")
		}
		return cached("node", recipe, func(dir string) error {
			args := []string{"install", "--prefix", dir, "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--loglevel", "error"}
			cmd := exec.Command(npm, append(args, packages...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "NODE_OPTIONS=")
			_, err := process.Run(ctx, cmd)
			return err
		})
	}))
	return get.(func() (string, error))()
}
