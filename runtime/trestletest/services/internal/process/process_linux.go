package process

import (
	"os/exec"
	"syscall"
)

func isolate(cmd *exec.Cmd) {
	attributes(cmd).Setpgid = true
	attributes(cmd).Pdeathsig = syscall.SIGKILL
}
