//go:build unix && !linux

package postfix

import "syscall"

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}
