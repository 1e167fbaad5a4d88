//go:build !linux

package miniotest

import "os/exec"

// dieWithParent does nothing: only Linux has it. A test that is killed leaves
// its server behind.
func dieWithParent(*exec.Cmd) {}
