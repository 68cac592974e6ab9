//go:build profile

package profile

import (
	"os"
	"runtime"
	"runtime/pprof"
)

// Begin writes profiles into the directory that POPSYNC_PROFILE names: cpu.pprof of the whole run, and allocs.pprof of
// everything that was allocated in it. The function it returns ends both.
func Begin() func() {
	dir := os.Getenv("POPSYNC_PROFILE")
	if dir == "" {
		return func() {}
	}
	cpu, err := os.Create(dir + "/cpu.pprof")
	if err != nil {
		panic(err)
	}
	runtime.MemProfileRate = 16 << 10
	if err := pprof.StartCPUProfile(cpu); err != nil {
		panic(err)
	}
	return func() {
		pprof.StopCPUProfile()
		cpu.Close()
		allocs, err := os.Create(dir + "/allocs.pprof")
		if err != nil {
			panic(err)
		}
		defer allocs.Close()
		if err := pprof.Lookup("allocs").WriteTo(allocs, 0); err != nil {
			panic(err)
		}
	}
}
