//go:build !unix || solaris || aix

package filelock

import (
	"errors"
	"os"
)

func lock(*os.File, bool) error { return errors.ErrUnsupported }
