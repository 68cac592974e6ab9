package acceptance_test

import (
	"flag"
	"testing"
)

// mostGrowth is how much the process may grow for each listed message, in octets, with unique-ids of 16.
const mostGrowth = 200

// growsMore are kinds that can be above: see "What is not as it should be yet" in ARCHITECTURE.md.
var growsMore = map[string]float64{"neither UIDL nor TOP": 280, "new unique-ids, dry run": 280, "new unique-ids": 280}

var growthKind = flag.String("growth", "", "only this kind of TestAcceptGrowth")

// Every kind of pass, and each command that lists, takes less than 200 octets for each message listed: what it takes for many,
// less what it takes for few. POPSYNC_LARGE has all kinds; else those that take a while are left out.
func TestAcceptGrowth(t *testing.T) {
	if underRace() && !large() {
		t.Skip("NOT TESTED under the race detector, where the servers take most of the time: go test without it does, and CI has a step for that")
	}
	const base = 20_000 // what a session takes, however much is listed, is in both
	for _, k := range growthKinds {
		if k.long && !large() && *growthKind == "" || *growthKind != "" && *growthKind != k.name {
			continue
		}
		n := 150_000
		switch {
		case large() && k.slow:
			n = 200_000
		case large():
			n = 1_000_000
		}
		few, many := &growth{t: t, n: base}, &growth{t: t, n: n}
		k.steps(few)
		k.steps(many)
		if len(many.peaks) == 0 || len(many.peaks) != len(few.peaks) {
			t.Fatalf("%s: %d and %d steps measured", k.name, len(few.peaks), len(many.peaks))
		}
		for i, p := range many.peaks {
			grown := float64(p.octets-few.peaks[i].octets) / float64(n-base)
			t.Logf("%-30s %4d MiB of %d, %d of %d, %.0f octets for each message", p.name, p.octets>>20, n, few.peaks[i].octets>>20, base, grown)
			most := float64(mostGrowth)
			if more, ok := growsMore[p.name]; ok {
				most = more
			}
			if grown > most || p.octets == 0 {
				t.Errorf("%s: %.0f octets for each message", p.name, grown)
			}
		}
	}
}

// growth makes passes over a mailbox of n messages, and remembers how large the process became.
type growth struct {
	t     *testing.T
	n     int
	h     *house
	peaks []peakOf
}

type peakOf struct {
	name   string
	octets int64
}

// step runs a command that must end with this exit code; name "": nobody asks how much it takes.
func (g *growth) step(name string, code int, args ...string) {
	g.t.Helper()
	r, most := peak(g.t, g.h.command(args...))
	if r.code != code {
		g.t.Fatalf("%s %q: exit code %d\n%.2000s%.2000s", name, args, r.code, r.out, r.err)
	}
	if name != "" {
		g.peaks = append(g.peaks, peakOf{name, most})
	}
}

// account makes a house with an account.
func (g *growth) account(serverAt addr, more ...string) {
	g.h = newHouse(g.t)
	g.h.account("a", serverAt, "u", "p", "Mail", more...)
}
