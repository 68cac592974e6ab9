package memlimit

import "syscall"

// machineMemory is what the machine has, in octets. /proc/meminfo may be hidden from a service.
func machineMemory() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return unknownMachine
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}
