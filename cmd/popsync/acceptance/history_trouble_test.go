//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"strings"
)

// histTrouble is what befalls the next run.
type histTrouble struct {
	noTOP, noUIDL, noPipelining, noCAPA bool

	cut   int64     // the server closes the first connection after so many octets; 0: it does not
	kill  *histKill // popsync; nil: it is not
	sweep bool      // and the tmp of all Maildirs is emptied then

	short     histShort
	unstuffed bool // dots are not stuffed
	faults    []histFault
	asked     map[string]int // how many of each command came
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
}

func (tr histTrouble) String() string {
	var s []string
	if tr.cut > 0 {
		s = append(s, fmt.Sprintf("cut after %d octets", tr.cut))
	}
	if tr.kill != nil {
		s = append(s, fmt.Sprintf("kill -9 before call %d of %s %s", tr.kill.n, tr.kill.what, tr.kill.path))
	}
	if tr.short.letter > 0 {
		s = append(s, fmt.Sprintf("%d/1000 of message %d%s", tr.short.at, tr.short.letter, histIf(tr.short.always, ", always")))
	}
	if tr.unstuffed {
		s = append(s, "dots are not stuffed")
	}
	for _, f := range tr.faults {
		s = append(s, f.String())
	}
	return strings.Join(s, "; ")
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
