package artefact

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

//go:embed kafka/pom.xml
var kafkaPOM string

//go:embed registry/pom.xml
var registryPOM string

// Kafka returns the folder of the jars of an Apache Kafka broker.
var Kafka = once("Apache Kafka", func(ctx context.Context) (string, error) {
	dir, err := cached("kafka", kafkaPOM, func(dir string) error {
		return maven(ctx, kafkaPOM, dir, "dependency:copy-dependencies",
			"-DoutputDirectory="+filepath.Join(dir, "libs"))
	})
	return filepath.Join(dir, "libs"), err
})

// Registry returns the jar to run of an Apicurio Registry.
var Registry = once("Apicurio Registry", func(ctx context.Context) (string, error) {
	dir, err := cached("registry", registryPOM, func(dir string) error {
		return maven(ctx, registryPOM, dir, "dependency:unpack-dependencies",
			"-DoutputDirectory="+filepath.Join(dir, "app"))
	})
	return filepath.Join(dir, "app", "quarkus-run.jar"), err
})

// maven runs one goal for the dependencies of pom, which it puts into dir.
func maven(ctx context.Context, pom, dir, goal string, properties ...string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("mvn (Apache Maven) is not on PATH")
	}
	// Maven's own local repository is not made for several writers.
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	lock := flock.New(filepath.Join(cache, "maven.lock"))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Close()
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, []byte(pom), 0o644); err != nil {
		return err
	}
	args := []string{"-q", "-B", "-Dstyle.color=never", "-f", file, goal, "-DincludeScope=runtime"}
	cmd := exec.Command(mvn, append(args, properties...)...)
	cmd.Dir = dir
	_, err = process.Run(ctx, cmd)
	return err
}
