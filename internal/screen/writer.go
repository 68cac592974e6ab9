package screen

import (
	"cmp"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/foreign"
)

// Writer is what all commands print through: line ends, tabs and printable ASCII pass, and printable characters beyond where
// the locale says that the screen knows them; every other octet becomes \xNN. It is the last line of defence: it cannot tell a
// line end of ours from a foreign one, words.Clip can.
type Writer struct {
	W    io.Writer
	UTF8 bool // the locale is one with UTF-8: see SpeaksUTF8
}

func (p Writer) Write(b []byte) (int, error) {
	clean := true
	for _, c := range b {
		clean = clean && shows(c)
	}
	if clean {
		return p.W.Write(b)
	}
	out := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case shows(b[i]), p.UTF8 && n > 1 && foreign.Shown(r):
			out = append(out, b[i:i+n]...)
		default:
			for _, c := range b[i : i+n] {
				out = foreign.Escape(out, c)
			}
		}
		i += n
	}
	if _, err := p.W.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func shows(c byte) bool { return c >= ' ' && c <= '~' || c == '\n' || c == '\t' }

// Raw is the writer below a Writer, for what makes its text harmless itself and needs control sequences; any other stays.
func Raw(w io.Writer) io.Writer {
	if p, ok := w.(Writer); ok {
		return p.W
	}
	return w
}

// SpeaksUTF8 tells whether the locale is one with UTF-8, as setlocale(3) finds it. In any other, an octet of UTF-8 may be a
// control character to the terminal.
func SpeaksUTF8(getenv func(string) string) bool {
	locale := cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"))
	_, charset, _ := strings.Cut(strings.ToLower(locale), ".")
	charset, _, _ = strings.Cut(charset, "@")
	return charset == "utf-8" || charset == "utf8"
}

// WriteJSON prints one object on one line, in printable ASCII.
func WriteJSON(w io.Writer, v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(foreign.JSON(doc), '\n'))
	return err
}
