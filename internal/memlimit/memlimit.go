// Package memlimit finds out how much memory this process may take, by its control groups, by GOMEMLIMIT and by what the machine
// has, and how much of that listings may. It sets Go's own limits by it, unless a person has.
//
// It measures nothing, and lets nobody wait: fetcher/memory does.
package memlimit

import (
	"io/fs"
	"math"
	"os"
	"runtime/debug"
)

// How much of the memory that popsync may take goes to listings. The rest is for connections, the ledger, and what the
// collector of garbage has not come round to yet.
const (
	shareOfLimit   = 2 // one part in so many, where popsync has a limit of its own (a systemd unit, a container)
	shareOfMachine = 4 // else of what the machine has
	unknownMachine = 1 << 30
	leastBudget    = 16 << 20
)

// Keep has Go keep below the limit that the system sets for this process, if there is one. A person's GOMEMLIMIT stays in
// force.
func Keep() {
	if limit := ownLimit(); limit < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 8) // what is not Go's, and the kernel's pages for sockets and files, count too
	}
}

// Budget is what listings may take, in octets: what is configured, or else a share of what the process or the machine has.
// configured 0: nothing is.
func Budget(configured int64) int64 { return budgetOf(configured, ownLimit()) }

// ownLimit is what this process may take, in octets: by its control groups, or by GOMEMLIMIT. math.MaxInt64: nothing is said.
func ownLimit() int64 {
	limit := memoryLimit(os.DirFS("/"))
	if os.Getenv("GOMEMLIMIT") != "" {
		limit = min(limit, debug.SetMemoryLimit(-1))
	}
	return limit
}

// budgetOf is what listings may take, of a limit that the system sets; math.MaxInt64: it sets none.
func budgetOf(configured, limit int64) int64 {
	switch {
	case configured > 0:
		return configured
	case limit < math.MaxInt64:
		return max(limit/shareOfLimit, leastBudget)
	}
	return max(machineMemory()/shareOfMachine, leastBudget)
}

const (
	largeHeap   = 8 << 20 // octets of listings from which on garbage is collected sooner
	largeHeapGC = 25      // percent of growth, where GOGC is 100: a listing has no pointers, to look through it costs next to nothing
	usualHeapGC = 100
)

// Tidier has garbage collected sooner while large listings are in memory: with Go's own setting they would take twice what
// they are. It returns what is to be told how much that is, one call at a time; nil where a person has set GOGC.
func Tidier() func(held int64) {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	usual := true
	return func(held int64) { // one call at a time
		if is := held < largeHeap; is != usual {
			if usual = is; usual {
				debug.SetGCPercent(usualHeapGC)
			} else {
				debug.SetGCPercent(largeHeapGC)
			}
		}
	}
}

// memoryLimit is the least limit that the control groups of this process set, in octets; math.MaxInt64 if there is none, or
// root is none of Linux.
func memoryLimit(root fs.FS) int64 {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return math.MaxInt64
	}
	limit := int64(math.MaxInt64)
	for _, file := range limitFiles(own) {
		if b, err := fs.ReadFile(root, file); err == nil {
			limit = min(limit, limitIn(b))
		}
	}
	return limit
}
