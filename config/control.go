package config

import (
	"fmt"
	"path/filepath"
)

// Control says how commands such as status reach the daemon.
type Control struct {
	Socket string // absolute path of a unix socket, at most 100 octets; "": there is none
}

// maxSocket bounds the path of a unix socket, in octets. Linux allows 107, others 103 (sockaddr_un).
const maxSocket = 100

// socketOff is the word for no socket. While the document is checked, "" means that the place is still to be chosen.
const socketOff = "off"

func (c *checker) controlKeys(o *Control) keys {
	return keys{"socket": c.socket(&o.Socket)}
}

// socket accepts the path of a unix socket, or socketOff.
func (c *checker) socket(dst *string) convert {
	return func(v any) *fault {
		if v == socketOff {
			*dst = socketOff
			return nil
		}
		var p string
		if f := c.output(&p, "")(v); f != nil {
			if s, ok := v.(string); ok && nearest(s, []string{socketOff}) != "" {
				f.hint = didYouMean(s, []string{socketOff})
			}
			return f
		}
		if f := checkSocket(p); f != nil {
			return f
		}
		*dst = p
		return nil
	}
}

// checkSocket bounds the path of a unix socket.
func checkSocket(path string) *fault {
	if n := len(path); n > maxSocket {
		return &fault{text: fmt.Sprintf("%s has %d octets, too many for a unix socket", shown(path), n),
			hint: fmt.Sprintf("choose a path of at most %d", maxSocket)}
	}
	return nil
}

// socketPlace fills in where the socket is when the file doesn't say: where systemd wants it, else where sessions have
// theirs, else with the ledger.
func (c *checker) socketPlace(cfg *Config) {
	const name = "control.sock"
	s := &cfg.Control.Socket
	switch {
	case *s == socketOff:
		*s = ""
		return
	case *s != "" || c.concerns(0, "control.socket") || c.concerns(0, "state_dir"):
		return
	}
	if dir := c.env.first("RUNTIME_DIRECTORY"); dir != "" {
		*s = filepath.Join(dir, name)
	} else if dir := c.env.get("XDG_RUNTIME_DIR"); dir != "" {
		*s = filepath.Join(dir, "popsync", name)
	} else {
		*s = filepath.Join(cfg.StateDir, name)
	}
	if f := checkSocket(*s); f != nil {
		c.add("control.socket", "the usual place doesn't do: "+f.text,
			`write socket = "/..." with at most 100 octets, or socket = "off"`)
	}
}
