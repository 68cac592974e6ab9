package main

import (
	"io/fs"
	"math"
	"os"
	"runtime/debug"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/memory"
)

// How much of the memory that popsync may take goes to listings. The rest is for connections, the ledger, and what the
// collector of garbage has not come round to yet.
const (
	shareOfLimit   = 2 // one part in so many, where popsync has a limit of its own (a systemd unit, a container)
	shareOfMachine = 4 // else of what the machine has
	unknownMachine = 1 << 30
	leastBudget    = 16 << 20
)

// newMemory makes the budget for listings, and has Go keep below the limit that the system sets for this process, if there
// is one. A person's GOMEMLIMIT and GOGC stay in force.
func newMemory(cfg *config.Config) *memory.Budget {
	limit := ownLimit()
	if limit < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 8) // what is not Go's, and the kernel's pages for sockets and files, count too
	}
	return memory.NewBudget(budgetOf(cfg.Limits, limit), tidier())
}

// resizeMemory puts the budget of another configuration into force.
func resizeMemory(m *memory.Budget, cfg *config.Config) { m.Resize(budgetOf(cfg.Limits, ownLimit())) }

// ownLimit is what this process may take, in octets: by its control groups, or by GOMEMLIMIT. math.MaxInt64: nothing is said.
func ownLimit() int64 {
	limit := memoryLimit(os.DirFS("/"))
	if os.Getenv("GOMEMLIMIT") != "" {
		limit = min(limit, debug.SetMemoryLimit(-1))
	}
	return limit
}

// budgetOf is what listings may take, of a limit that the system sets; math.MaxInt64: it sets none.
func budgetOf(l config.Limits, limit int64) int64 {
	switch {
	case l.Memory > 0:
		return l.Memory
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

// tidier has garbage collected sooner while large listings are in memory: with Go's own setting they would take twice what
// they are. It returns what is to be told how much that is.
func tidier() func(held int64) {
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
