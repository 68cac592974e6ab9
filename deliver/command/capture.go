package command

import (
	"fmt"
	"strings"
	"sync"
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

// said is what was captured, on one line in printable ASCII, of at most maxSaid octets: beginning and end.
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
	return clip(escape(strings.TrimSpace(string(c.head))), escape(strings.TrimSpace(string(c.tail))))
}

// clip joins the beginning of one text and the end of another.
func clip(head, tail string) string {
	const gap = " ... "
	half := (maxSaid - len(gap)) / 2
	return head[:min(len(head), half)] + gap + tail[max(len(tail)-half, 0):]
}

// escape makes foreign text safe for terminals and logs.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteByte(' ')
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
