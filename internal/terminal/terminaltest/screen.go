// Package terminaltest is a terminal for tests: it shows what was written to it. It knows only what every terminal knows, and
// notes whatever else it was sent.
package terminaltest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Screen is a small terminal: it knows line ends, carriage returns, cursor up and erase to the end, and refuses all else.
// Lines that are too long wrap, as on any terminal; what leaves the top is kept.
type Screen struct {
	mu            sync.Mutex
	width, height int
	lines         []string // all since the beginning; the last height of them can be reached
	row, col      int
	writes        int
	refused       string // the first thing that it does not know
}

var sequence = regexp.MustCompile(`^\x1b\[([0-9]*)([AJm])`)

// New is an empty one of a size in characters.
func New(width, height int) *Screen {
	return &Screen{width: width, height: height, lines: []string{""}}
}

func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	for text := string(p); text != ""; {
		if m := sequence.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				s.row = max(s.row-max(n, 1), len(s.lines)-s.height, 0)
			case "J":
				s.lines[s.row] = s.lines[s.row][:min(s.col, len(s.lines[s.row]))]
				s.lines = s.lines[:s.row+1]
			}
			text = text[len(m[0]):]
			continue
		}
		switch c := text[0]; {
		case c == '\n':
			s.down()
			s.col = 0
		case c == '\r':
			s.col = 0
		case c >= ' ' && c <= '~':
			if s.col == s.width {
				s.down()
				s.col = 0
			}
			l := s.lines[s.row]
			l += strings.Repeat(" ", max(0, s.col-len(l)))
			s.lines[s.row] = l[:s.col] + string(c) + l[min(s.col+1, len(l)):]
			s.col++
		case s.refused == "":
			s.refused = fmt.Sprintf("%q", text[:min(len(text), 8)])
		}
		text = text[1:]
	}
	return len(p), nil
}

func (s *Screen) down() {
	if s.row++; s.row == len(s.lines) {
		s.lines = append(s.lines, "")
	}
}

// Resize makes the window another size; long lines wrap anew, as most terminals do it.
func (s *Screen) Resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	row := s.row
	for i, l := range s.lines {
		if i == s.row {
			row = len(lines)
		}
		for len(l) > width {
			lines, l = append(lines, l[:width]), l[width:]
		}
		lines = append(lines, l)
	}
	s.lines, s.row, s.width, s.height = lines, row, width, height
}

// Size is that of the window.
func (s *Screen) Size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.width, s.height
}

// Written is how often something was written.
func (s *Screen) Written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Text is all that was ever on the screen and was not erased.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimRight(strings.Join(s.lines, "\n"), "\n")
}

// Refused is the first thing that was written and that it does not know, quoted; "": there was none.
func (s *Screen) Refused() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}
