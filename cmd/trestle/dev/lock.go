package dev

import (
	"fmt"

	"github.com/gofrs/flock"
)

// lock takes the file at path for this process, so that two stacks never share a folder. The lock goes with the
// process, however it ends.
func lock(path string) (func(), error) {
	file := flock.New(path, flock.SetPermissions(0o644))
	switch taken, err := file.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", path, err)
	case !taken:
		return nil, fmt.Errorf("another stack runs in the folder of %s: stop it, or use another folder", path)
	}
	return func() { file.Close() }, nil
}
