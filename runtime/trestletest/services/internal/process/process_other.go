//go:build !unix

package process

import (
	"errors"
	"os/exec"
	"syscall"
)

// There is no pausing here; both fail when they are sent.
const (
	Pause  = syscall.Signal(0)
	Resume = syscall.Signal(0)
)

// Unprivileged is not supported here.
func Unprivileged(*exec.Cmd, string) error { return errors.ErrUnsupported }

func isolate(*exec.Cmd) {}
