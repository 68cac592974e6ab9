package command

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/foreign"
)

const (
	keepOutput = 2 << 10 // octets of an output that are kept, of its beginning and of its end
	maxSaid    = 500     // octets of an error text that come from a command
)

// capture keeps the first and the last keepOutput octets written to it. It never refuses: a command must not fail
// because it talks much.
type capture struct {
	mu   sync.Mutex // a command that could not be ended may still write
	head []byte
	tail []byte
	lost bool // something between head and tail was dropped
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	room := min(keepOutput-len(c.head), n)
	c.head = append(c.head, p[:room]...)
	c.tail = append(c.tail, p[room:]...)
	if over := len(c.tail) - keepOutput; over > 0 {
		c.tail = append(c.tail[:0], c.tail[over:]...)
		c.lost = true
	}
	return n, nil
}

// said is what was captured, on one line of printable characters, of at most maxSaid octets: beginning and end.
func (c *capture) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.lost {
		all := escape(strings.TrimSpace(string(c.head) + string(c.tail)))
		if len(all) <= maxSaid {
			return all
		}
		return clip(all, all)
	}
	return clip(escape(whole(strings.TrimSpace(string(c.head)))), escape(whole(strings.TrimSpace(string(c.tail)))))
}

// whole leaves out what a cut left of a character at either end.
func whole(s string) string {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if utf8.RuneStart(s[len(s)-n]) {
			if !utf8.FullRuneInString(s[len(s)-n:]) {
				s = s[:len(s)-n]
			}
			break
		}
	}
	for n := 0; n < utf8.UTFMax && n < len(s); n++ {
		if utf8.RuneStart(s[n]) {
			return s[n:]
		}
	}
	return s
}

// clip joins the beginning of one text and the end of another.
func clip(head, tail string) string {
	const gap = " ... "
	half := (maxSaid - len(gap)) / 2
	return strings.ToValidUTF8(head[:min(len(head), half)], "") + gap + strings.ToValidUTF8(tail[max(len(tail)-half, 0):], "")
}

// escape makes foreign text safe for terminals and logs: see foreign.Show, but for the line ends and blanks that programs use.
func escape(s string) string {
	const room = 8 * keepOutput // no octet becomes more than four
	lines := strings.Split(strings.ReplaceAll(s, "\t", " "), "\n")
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(foreign.Show([]byte(l), room), `\x5c`, `\\`)
	}
	return strings.Join(lines, `\n`)
}
