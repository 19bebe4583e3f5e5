package artefact

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Postgres returns the folder of the commands initdb and postgres: the first on
// PATH that has both, else that of the newest version installed.
var Postgres = once("PostgreSQL", func(context.Context) (string, error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // fails for a bad pattern only
	slices.SortFunc(installed, func(a, b string) int { return postgresMajor(b) - postgresMajor(a) })
	for _, dir := range append(dirs, installed...) {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errors.New("initdb and postgres are neither on PATH nor under /usr/lib/postgresql")
})

func postgresMajor(bin string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // 0 sorts last
	return major
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
