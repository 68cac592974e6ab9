package config

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/popsync/popsync/config/document"
)

// Control says how commands such as status reach the daemon.
type Control struct {
	// Sockets are where the daemon's unix socket may be, absolute paths of at most 100 octets. The daemon takes the first;
	// commands, which may have another environment, try all. None: there is no socket.
	Sockets []string
}

// maxSocket bounds the path of a unix socket, in octets. Linux allows 107, others 103 (sockaddr_un).
const maxSocket = 100

const (
	socketOff  = "off" // the word for no socket
	socketName = "control.sock"
)

func controlKeys(env Env, socket *string) keys {
	return keys{"socket": socketPath(env, socket)}
}

// socketPath accepts the path of a unix socket, or socketOff.
func socketPath(env Env, dst *string) convert {
	return func(v any) *fault {
		if v == socketOff {
			*dst = socketOff
			return nil
		}
		var p string
		if f := env.output(&p, "")(v); f != nil {
			if s, ok := v.(string); ok && document.Nearest(s, []string{socketOff}) != "" {
				f.hint = document.DidYouMean(s, []string{socketOff})
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
		return &fault{text: fmt.Sprintf("%s has %d octets, too many for a unix socket", document.Shown(path), n),
			hint: fmt.Sprintf("choose a path of at most %d", maxSocket)}
	}
	return nil
}

// socketPlaces fills in where the socket may be when the file doesn't say: where systemd wants it, where sessions have
// theirs, and with the ledger. One user may have several daemons, but only one for each state directory. The last place
// is where a service of the machine has it, for commands that are not part of it. Paths that are too long are left out.
func (c *checker) socketPlaces(cfg *Config, said string) {
	switch {
	case said == socketOff || c.concerns(0, "control.socket") || c.concerns(0, "state_dir"):
		return
	case said != "":
		cfg.Control.Sockets = []string{said}
		return
	}
	var places []string
	if dir := c.env.first("RUNTIME_DIRECTORY"); dir != "" {
		places = append(places, filepath.Join(dir, socketName))
	}
	if dir := c.env.get("XDG_RUNTIME_DIR"); dir != "" {
		sum := sha256.Sum256([]byte(cfg.StateDir))
		places = append(places, filepath.Join(dir, "popsync", fmt.Sprintf("control-%x.sock", sum[:4])))
	}
	places = append(places, filepath.Join(cfg.StateDir, socketName), "/run/popsync/"+socketName)
	for _, p := range places {
		if len(p) <= maxSocket && !slices.Contains(cfg.Control.Sockets, p) {
			cfg.Control.Sockets = append(cfg.Control.Sockets, p)
		}
	}
}
