//go:build linux && (amd64 || arm64)

package acceptance_test

// histShort is a message that comes incomplete and ends as if it were whole.
type histShort struct {
	letter int // 0: none
	at     int // how much of it comes, in thousandths
	lines  bool
	always bool // else once
}

// histSlack is a little more than the octets by which popsync lets two readings of a message differ.
const histSlack = 600

// histCut is how a message was cut, in which day.
type histCut struct{ day, at int }

// mayCut tells whether a message may end at an octet. Nobody can tell that it is not whole if it is no shorter than listed, or
// if it is equally short on several days; and where most sizes are wrong, only half of a message counts as short.
func (w *histWorld) mayCut(l *histLetter, at int) bool {
	listed, days := int(w.listed(l)), map[int]bool{w.day: true}
	if len(l.box.lies) >= 20 {
		listed /= 2
	}
	if at+2 >= listed || w.listed(l) > int64(len(l.data)) && at+histSlack >= len(l.data) {
		return false
	}
	for _, c := range l.cuts {
		days[c.day] = true
		if c.day != w.day && max(c.at-at, at-c.at) <= histSlack {
			return false
		}
	}
	if len(days) > 2 {
		return false
	}
	l.cuts = append(l.cuts, histCut{w.day, at})
	return true
}
