package main

import (
	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/internal/memlimit"
)

// newMemory makes the budget for listings, and has Go keep below the limit that the system sets for this process.
func newMemory(cfg *config.Config) *memory.Budget {
	memlimit.Keep()
	return memory.NewBudget(memlimit.Budget(cfg.Limits.Memory), memlimit.Tidier())
}

// budgeted are the options of a command that lists for itself.
func budgeted(cfg *config.Config) fetcher.Options {
	o := options(cfg.Limits)
	o.Memory = newMemory(cfg)
	return o
}
