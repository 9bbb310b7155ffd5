//go:build unix && !linux

package realserver

import "syscall"

// attributes makes a server a group of its own.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as}
}
