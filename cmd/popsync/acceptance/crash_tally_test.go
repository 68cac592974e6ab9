//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"strings"
	"sync"
)

// crashOutcome is what one point came to.
type crashOutcome struct {
	fired       bool
	calls       int    // counted, up to the point
	hit         string // the call
	step        string
	lost, twice int
	again       int // copies beyond the first at a remote destination, of which a kill may cost one
	trouble     []string
}

// tally is what a sweep came to.
type tally struct {
	mu                  sync.Mutex
	points, lost, twice int
	again, missed       int // missed: points that never fired, although other runs have as many calls
	hits                map[string]int
	trouble             []string // of points, and of the sweep itself
}

func (y *tally) wrong(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.trouble = append(y.trouble, fmt.Sprintf(format, args...))
}

// add enters a point; 0 is a run without interruption.
func (y *tally) add(n int, o crashOutcome) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if o.fired {
		y.points++
		y.hits[o.step]++
	}
	y.lost, y.twice, y.again = y.lost+o.lost, y.twice+o.twice, y.again+o.again
	for _, text := range o.trouble {
		y.trouble = append(y.trouble, fmt.Sprintf("point %d, before %s (%s): %s", n, o.hit, o.step, text))
	}
	if o.lost > 0 || o.twice > 0 {
		y.trouble = append(y.trouble, fmt.Sprintf("point %d, before %s (%s): %d lost, %d twice", n, o.hit, o.step, o.lost, o.twice))
	}
}

// row is a tally as a line of a table.
func (y *tally) row(name string) string {
	var hits []string
	for _, step := range allSteps {
		if y.hits[step] > 0 {
			hits = append(hits, fmt.Sprintf("%s %d", step, y.hits[step]))
		}
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %s |", name, y.points, y.lost, y.twice, len(y.trouble), strings.Join(hits, ", "))
}
