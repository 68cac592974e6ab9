package imap

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// watchHeap is by how much the live heap grows at most while f runs, as far as it is seen.
func watchHeap(f func()) (peak uint64) {
	live := func() uint64 {
		one := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(one)
		return one[0].Value.Uint64()
	}
	runtime.GC()
	before := live()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return peak
		case <-tick.C:
			runtime.GC()
			if now := live(); now > before {
				peak = max(peak, now-before)
			}
		}
	}
}
