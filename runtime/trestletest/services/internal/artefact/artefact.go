// Package artefact gets the programs that services runs: from the machine, or
// from a package registry into a cache that all test binaries share.
//
// Each getter does its work once in a process and remembers what came of it.
// Every error is a *MissingError.
package artefact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// CacheEnv names the variable that says where downloads are kept, overriding
// the default of a folder trestle in os.UserCacheDir.
const CacheEnv = "TRESTLE_TEST_CACHE"

// fetchTimeout bounds one download. The whole of what is fetched is 300 MB.
const fetchTimeout = 10 * time.Minute

// MissingError reports that something cannot be had on this machine.
type MissingError struct {
	What string
	Err  error
}

func (e *MissingError) Error() string { return e.What + " cannot be had: " + e.Err.Error() }

func (e *MissingError) Unwrap() error { return e.Err }

// Component is one of the programs that can be asked for.
type Component struct {
	Name string
	Get  func() (path string, err error)
}

// All lists what there is to get, in the order in which to get it.
func All() []Component {
	return []Component{
		{"Java 17", func() (string, error) { return Java(17) }},
		{"Apache Kafka", Kafka},
		{"Java 21", func() (string, error) { return Java(21) }},
		{"Apicurio Registry", Registry},
		{"PostgreSQL", Postgres},
		{"Python", Python},
		{"Python judges", PythonJudges},
		{"Confluent's Python", PythonConfluent},
		{"moto", PythonAWS},
		{"AsyncAPI parser", func() (string, error) { return Node(AsyncAPIParser) }},
		{"Confluent's Node.js", func() (string, error) { return Node(ConfluentRegistry) }},
	}
}

// once makes a getter that runs get at most once.
func once(what string, get func(ctx context.Context) (string, error)) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		path, err := get(ctx)
		if err != nil {
			return "", &MissingError{what, err}
		}
		return path, nil
	})
}

func cacheDir() (string, error) {
	dir := os.Getenv(CacheEnv)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no place to keep downloads: %w (set %s?)", err, CacheEnv)
		}
		dir = filepath.Join(user, "trestle")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// cached returns the folder of name in the cache. If there is none made from
// the same recipe, fill makes one. Only one process fills at a time, and what
// it did not finish nobody sees: the folder gets its name when it is whole.
func cached(name, recipe string, fill func(dir string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(recipe))
	whole := filepath.Join(cache, name+"-"+hex.EncodeToString(sum[:6]))
	if exists(whole) {
		return whole, nil
	}
	lock := flock.New(filepath.Join(cache, name+".lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Close()
	if exists(whole) {
		return whole, nil
	}
	partial := filepath.Join(cache, name+".partial")
	if err := os.RemoveAll(partial); err != nil {
		return "", err
	}
	if err := os.Mkdir(partial, 0o755); err != nil {
		return "", err
	}
	if err := fill(partial); err != nil {
		return "", errors.Join(err, os.RemoveAll(partial))
	}
	return whole, os.Rename(partial, whole)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
