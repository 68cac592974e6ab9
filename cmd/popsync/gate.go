package main

import (
	"io"
	"sync"
)

// gate holds up lines of the log while somebody is asked something on the same terminal.
type gate struct {
	w io.Writer

	mu   sync.Mutex
	held int
	kept []byte
}

// mostKept is in octets. Nobody answers a prompt behind so many lines: then they are written.
const mostKept = 256 << 10

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held > 0 && len(g.kept)+len(p) <= mostKept {
		g.kept = append(g.kept, p...)
		return len(p), nil
	}
	g.flush()
	return g.w.Write(p)
}

// flush writes what was held up; g.mu is held.
func (g *gate) flush() {
	if len(g.kept) > 0 {
		_, _ = g.w.Write(g.kept) // a terminal that is gone: the passes go on
		g.kept = nil
	}
}

// hold keeps lines back until release. A nil gate holds nothing.
func (g *gate) hold() (release func()) {
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
