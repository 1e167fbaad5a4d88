package miniotest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the child when the test's process ends in a
// way that runs no clean-up: a panic, a test timeout, a kill.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
