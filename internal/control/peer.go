package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
)

// credentials tells the user of the process at the other end, as the kernel noted it when the connection was made or
// the socket began to listen.
type credentials func(net.Conn) (uid int, err error)

// peerOf asks the kernel.
func peerOf(c net.Conn) (int, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, errors.New("not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var uid int
	var cerr error
	if err := raw.Control(func(fd uintptr) { uid, cerr = peerUID(int(fd)) }); err != nil {
		return 0, err
	}
	return uid, cerr
}

// mayAsk tells whether a user may talk to this daemon: its own and root.
func mayAsk(uid int) bool { return uid == os.Geteuid() || uid == 0 }

// mayAnswer is an error if whoever listens is neither the own user nor root: he would learn what is asked, and his
// answers would be shown. Root may talk to everybody's daemon.
func mayAnswer(uid int) error {
	if own := os.Geteuid(); uid != own && uid != 0 && own != 0 {
		return fmt.Errorf("it is another user's (uid %d)", uid)
	}
	return nil
}

// guarded passes on connections of those who may ask, and never more than most at a time. Others are closed unheard.
type guarded struct {
	net.Listener
	peer  credentials
	slots chan struct{} // one for each open connection
}

func (g *guarded) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, err := g.peer(c); err != nil || !mayAsk(uid) {
			c.Close()
			continue
		}
		select {
		case g.slots <- struct{}{}:
			return &slotted{Conn: c, slots: g.slots}, nil
		default:
			c.Close()
		}
	}
}

// slotted is a connection that gives its slot back when it is closed.
type slotted struct {
	net.Conn
	slots <-chan struct{}
	once  sync.Once
}

func (s *slotted) Close() error {
	s.once.Do(func() { <-s.slots })
	return s.Conn.Close()
}
