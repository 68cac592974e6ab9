// Package confine runs a program under the restrictions that a systemd unit asks for, on a machine without systemd: it
// reads the unit, so that what is tested is what is shipped.
//
// It is for tests only and no part of popsync. It needs root, a kernel since 6.3 and the program systemd-analyze, which
// knows the groups of system calls. Linux on amd64 and arm64; empty elsewhere.
//
// Imitated as they are: ProtectSystem=strict, ProtectHome=yes, PrivateTmp, PrivateDevices, PrivateUsers, PrivateIPC,
// ProtectProc and ProcSubset, ProtectHostname, NoNewPrivileges, User (without any capability), UMask, LimitNOFILE and
// LimitCORE, RestrictAddressFamilies, RestrictNamespaces, MemoryDenyWriteExecute, SystemCallFilter and the directories
// of state, run and logs. Not imitated: what counts memory and tasks (it needs a cgroup of its own), KeyringMode,
// RestrictRealtime, RestrictSUIDSGID and LockPersonality, which popsync has no use for, and the Protect settings that
// forbid what needs a capability anyway. A setting of the unit that this package has not heard of is an error.
package confine
