//go:build unix && !linux

package process

import "os/exec"

func isolate(cmd *exec.Cmd) { attributes(cmd).Setpgid = true }
