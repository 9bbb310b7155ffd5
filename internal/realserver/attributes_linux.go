package realserver

import "syscall"

// attributes makes a server a group of its own, which ends with the test program even
// where that is killed and cleans nothing up.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as, Pdeathsig: syscall.SIGKILL}
}
