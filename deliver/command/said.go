package command

import (
	"strings"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/program"
)

const (
	keepOutput = 2 << 10 // octets of an output that are kept, of its beginning and of its end
	maxSaid    = 500     // octets of an error text that come from a command
)

// said is what an output kept, on one line of printable characters, of at most maxSaid octets: beginning and end.
func said(o *program.Output) string {
	head, tail, lost := o.Kept()
	if !lost {
		all := escape(strings.TrimSpace(head + tail))
		if len(all) <= maxSaid {
			return all
		}
		return clip(all, all)
	}
	return clip(escape(whole(strings.TrimSpace(head))), escape(whole(strings.TrimSpace(tail))))
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

// escape makes foreign text safe for terminals and logs: see foreign.Show, but for the line ends and blanks that programs use. Each
// backslash is doubled, since that of a line end is none.
func escape(s string) string {
	const room = 8 * keepOutput // no octet becomes more than four
	lines := strings.Split(strings.ReplaceAll(s, "\t", " "), "\n")
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(foreign.Show([]byte(strings.ReplaceAll(l, `\`, `\\`)), room), `\x5c`, `\`)
	}
	return strings.Join(lines, `\n`)
}
