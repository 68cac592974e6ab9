package terminal

import (
	"io"
	"sync"
)

// Gate holds up lines of the log while somebody is asked something on the same terminal.
type Gate struct {
	W io.Writer // the terminal

	mu   sync.Mutex
	held int
	kept []byte
}

// mostKept is in octets. Nobody answers a prompt behind so many lines: then they are written.
const mostKept = 256 << 10

func (g *Gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held > 0 && len(g.kept)+len(p) <= mostKept {
		g.kept = append(g.kept, p...)
		return len(p), nil
	}
	g.flush()
	return g.W.Write(p)
}

// flush writes what was held up; g.mu is held.
func (g *Gate) flush() {
	if len(g.kept) > 0 {
		_, _ = g.W.Write(g.kept) // a terminal that is gone: the passes go on
		g.kept = nil
	}
}

// Hold keeps lines back until release. A nil Gate holds nothing.
func (g *Gate) Hold() (release func()) {
	if g == nil {
		return func() {}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.held--; g.held == 0 {
			g.flush()
		}
	}
}
