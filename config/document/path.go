package document

import (
	"strconv"
	"strings"
)

// Path names a key, a table or an element of a list, such as account.work.deliver[0].path, counted from 0. "" is the whole
// document.
type Path string

// Key is the path of a key in the table at p.
func (p Path) Key(key string) Path {
	if !isBare(key) {
		key = strconv.QuoteToASCII(key)
	}
	if p == "" {
		return Path(key)
	}
	return p + "." + Path(key)
}

// Index is the path of the i-th element, from 0, of the list at p.
func (p Path) Index(i int) Path { return p + "[" + Path(strconv.Itoa(i)) + "]" }

// Above is the path of what lies around p.
func (p Path) Above() Path { return p[:max(strings.LastIndexAny(string(p), ".["), 0)] }

// Within tells whether p is above, or lies in what is there.
func (p Path) Within(above Path) bool {
	rest, ok := strings.CutPrefix(string(p), string(above))
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Short bounds a path, which may be as long as the file.
func (p Path) Short() Path {
	const most = 160
	if len(p) > most {
		return p[:most] + "..."
	}
	return p
}
