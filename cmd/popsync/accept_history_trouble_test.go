//go:build linux && (amd64 || arm64)

package main_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/popsync/popsync/pop3/pop3test"
)

// histTrouble is what befalls the next run.
type histTrouble struct {
	noTOP, noUIDL, noPipelining, noCAPA bool

	cut   int64     // the server closes the first connection after so many octets; 0: it does not
	kill  *histKill // popsync; nil: it is not
	short int       // a message that comes incomplete once, and ends as if it were whole; 0: none
	lines int       // so much of it comes
	sweep bool      // and the tmp of all Maildirs is emptied then
	mute  int       // the RETR, from 1, that is not answered; 0: none
}

// histTroubles are what breaks in the next run.
var histTroubles = []histEvent{
	{6, "TOP will not work", func(w *histWorld) bool { w.trouble.noTOP = true; return true }},
	{2, "UIDL will not work", func(w *histWorld) bool { w.trouble.noUIDL = true; return true }},
	{4, "pipelining will not work", func(w *histWorld) bool { w.trouble.noPipelining = true; return true }},
	{2, "CAPA will not work", func(w *histWorld) bool { w.trouble.noCAPA = true; return true }},
	{4, "the connection will be cut", func(w *histWorld) bool {
		if !w.charge() {
			return false
		}
		w.trouble.cut = int64(50 + w.n(6000))
		return true
	}},
	{7, "popsync will be killed", func(w *histWorld) bool {
		if !w.charge() {
			return false
		}
		k, _ := histPick(w, histKills)
		k.n = 1 + w.n(k.n)
		w.trouble.kill = &k
		return true
	}},
	{3, "a message will come short", func(w *histWorld) bool {
		if !histWire {
			return false
		}
		l, ok := histPick(w, w.offered(w.box(), func(l *histLetter) bool { return !w.oracle.fates[l.number].retrieved }))
		if ok {
			w.trouble.short, w.trouble.lines = l.number, w.n(bytes.Count(l.data, []byte("\n")))
		}
		return ok
	}},
	{1, "a RETR will not be answered", func(w *histWorld) bool {
		if !histWire || !w.charge() {
			return false
		}
		w.trouble.mute = 1 + w.n(5)
		return true
	}},
}

// histWire lets servers send messages that end early and leave a RETR without its answer, which popsync does not withstand:
// it believes both. Without it these two are left out.
var histWire = os.Getenv("POPSYNC_HISTORY_WIRE") != ""

func (tr histTrouble) String() string {
	var s []string
	if tr.cut > 0 {
		s = append(s, fmt.Sprintf("cut after %d octets", tr.cut))
	}
	if tr.kill != nil {
		s = append(s, fmt.Sprintf("kill -9 before call %d of %s %s", tr.kill.n, tr.kill.what, tr.kill.path))
	}
	if tr.short > 0 {
		s = append(s, fmt.Sprintf("%d lines of message %d", tr.lines, tr.short))
	}
	if tr.mute > 0 {
		s = append(s, fmt.Sprintf("no answer to RETR %d", tr.mute))
	}
	return strings.Join(s, "; ")
}

// retr is what a server in trouble answers to RETR; nil: what is right.
func (w *histWorld) retr(m pop3test.Message) *pop3test.Reply {
	tr := &w.trouble
	if histNumber(m.Data) == tr.short {
		tr.short = 0
		lines := bytes.SplitAfter(m.Data, []byte("\n"))[:tr.lines]
		return &pop3test.Reply{Raw: fmt.Appendf(nil, "+OK\r\n%s.\r\n", bytes.ReplaceAll(bytes.Join(lines, nil), []byte("\n.\r\n"), []byte("\n..\r\n")))}
	}
	if tr.mute > 0 {
		if tr.mute--; tr.mute == 0 {
			return &pop3test.Reply{}
		}
	}
	return nil
}

// charge counts what may cost a message an attempt, or leave a delivery in doubt; false: it was enough.
func (w *histWorld) charge() bool {
	if w.charges == 0 {
		return false
	}
	w.charges--
	w.oracle.doubts++
	return true
}
