// Package crash runs a program under ptrace and ends it, or makes a system call fail, at a point that a test chooses:
// before the n-th call that matters, counted over all threads of the program. SIGKILL arrives at the entry of the call,
// so that the call is not carried out, as if the process had been killed between two calls.
//
// It is for tests only and no part of popsync. It needs no privileges where ptrace is allowed. It sees calls, not
// memory: what a program does through a shared mapping is no point. A power cut is something else: what was written
// before the kill stays, synced or not. Linux on amd64 and arm64; empty elsewhere.
package crash
