//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestAcceptHistory plays random histories with the built program, through its commands and its configuration: 30, fewer
// under the race detector or with -short, 500 with POPSYNC_LARGE. POPSYNC_HISTORY says how many, POPSYNC_HISTORY_SEED which
// is the first; alone it plays one history again. They are the same ones every time, but for the moment of a kill.
func TestAcceptHistory(t *testing.T) {
	t.Parallel()
	first, n := histSeeds(t)
	program(t, "")
	var mu sync.Mutex
	found := map[string][]string{}
	runs, killed, arrived, deleted := 0, 0, 0, 0
	played := map[string]int{}
	t.Cleanup(func() {
		t.Logf("%d histories, %d runs, %d of them killed; %d copies of messages came, %d messages were deleted on servers", n, runs,
			killed, arrived, deleted)
		t.Logf("faults of the wire: %v", played)
		if n >= 30 && (killed == 0 && os.Getenv("CI") != "" || arrived == 0 || deleted == 0 || len(played) == 0) {
			t.Error("nothing happened that could go wrong")
		}
		for kind, seeds := range found {
			t.Logf("%s: seeds %s", kind, strings.Join(seeds, " "))
		}
	})
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newHistWorld(t, seed)
			w.play()
			mu.Lock()
			defer mu.Unlock()
			runs, killed, arrived, deleted = runs+w.runs, killed+w.killed, arrived+len(w.oracle.copies), deleted+w.oracle.deleted
			for what, n := range w.played {
				played[what] += n
			}
			var kinds []string
			for _, c := range w.oracle.complaints {
				t.Error(c)
				if !slices.Contains(kinds, c.kind) {
					kinds = append(kinds, c.kind)
					found[c.kind] = append(found[c.kind], fmt.Sprint(seed))
				}
			}
			if t.Failed() {
				t.Logf("POPSYNC_HISTORY_SEED=%d plays it again:\n%s", seed, strings.Join(w.log, "\n"))
			}
		})
	}
}

func histSeeds(t *testing.T) (first, n uint64) {
	first, n = 1, 30
	switch {
	case os.Getenv("POPSYNC_LARGE") != "":
		n = 500
	case underRace() || testing.Short():
		n = 6
	}
	var err error
	if s := os.Getenv("POPSYNC_HISTORY_SEED"); s != "" {
		if first, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("POPSYNC_HISTORY_SEED: %v", err)
		}
		n = 1
	}
	if s := os.Getenv("POPSYNC_HISTORY"); s != "" {
		if n, err = strconv.ParseUint(s, 10, 64); err != nil || n == 0 {
			t.Fatalf("POPSYNC_HISTORY is not a number of histories: %v", err)
		}
	}
	return first, n
}
