package uidl

// Clock is an account's sense of time: ages of messages count by it, because the machine's clock may jump. One listing
// with a wrong clock moves nothing; only a second one at least a day later, by that clock, confirms it. Times are Unix
// seconds; the zero value is that of an account that never had a listing.
type Clock struct {
	Confirmed int64 // the clock of the last listing that was not out of the way; 0: none yet
	Aged      int64 // the latest confirmed time of a listing on an earlier day (UTC): an age counts up to this
	Ahead     int64 // the clock of a listing more than two days ahead, until another confirms it; 0: none
	Behind    int64 // the clock of a listing before Confirmed, until another confirms it; 0: none
	Loose     bool  // rows may have a FirstSeen after Confirmed: they get Confirmed once a listing is not out of the way
}

const (
	secondsPerDay = 86_400
	aheadMost     = 2 * secondsPerDay
	confirmLate   = 20 * 3600 // seconds after which another listing confirms the one before
	slightly      = 2 * 3600  // seconds by which a clock may be set back without a meaning
	// A clock before this was never set, but counts from where it stands without power; however often it says so, that
	// confirms nothing. It lies in May 1997. The migrations have it too.
	neverSet = 10_000 * secondsPerDay
	// Unstamped is a FirstSeen that no age counts from.
	Unstamped = 1<<36 - 1
)

// Listed is the clock after a complete listing at t. fix tells that rows with a FirstSeen after Confirmed must get that.
func (c Clock) Listed(t int64) (next Clock, fix bool) {
	switch {
	case nonsense(t):
		c.Loose = true
		return c, false
	case c.Confirmed == 0:
		c.Confirmed, c.Aged = t, t
	case t < c.Confirmed-slightly:
		if c.Behind == 0 || t < c.Behind {
			c.Behind = t
		}
		if t-c.Behind < confirmLate {
			c.Loose = true
			return c, false
		}
		c.Confirmed, c.Aged, c.Loose = t, min(c.Aged, c.Behind), true
	default:
		t = max(t, c.Confirmed)
		confirmed := c.Ahead != 0 && t >= c.Ahead+confirmLate
		if confirmed {
			c.moveTo(c.Ahead)
		}
		if t > c.Confirmed+aheadMost {
			if confirmed {
				c.Aged = c.Confirmed // two days before t, and a listing agreed
			}
			if confirmed || c.Ahead == 0 || t < c.Ahead {
				c.Ahead = t
			}
			c.Behind, c.Loose = 0, true
			return c, false
		}
		c.moveTo(t)
	}
	fix = c.Loose
	c.Ahead, c.Behind, c.Loose = 0, 0, false
	return c, fix
}

// moveTo confirms a time that is not before Confirmed.
func (c *Clock) moveTo(t int64) {
	if floorDay(t) > floorDay(c.Confirmed) {
		c.Aged = c.Confirmed
	}
	c.Confirmed = t
}

// Stamp is the FirstSeen of a message that a listing at t first has: never before it was really seen, as far as anybody
// can tell. A row that gets one after Confirmed needs Loose: Listed sees to that, and Commit where a crash came between.
func (c Clock) Stamp(t int64) int64 {
	if nonsense(t) || t < c.Confirmed-slightly {
		return Unstamped
	}
	return max(t, c.Confirmed)
}

// nonsense is a time that no clock shows that was ever set. Those above do not fit into a row.
func nonsense(t int64) bool { return t < neverSet || t >= Unstamped }

// Now is the account's time: Confirmed, or t, what the machine's clock says, while nothing is confirmed.
func (c Clock) Now(t int64) int64 {
	if c.Confirmed != 0 {
		return c.Confirmed
	}
	return t
}

// TooLate tells that a FirstSeen is after Confirmed, and that Loose does not say so yet: its listing was never counted,
// because the process died before. Within two days it is of no account.
func (c *Clock) TooLate(firstSeen int64) bool {
	return !c.Loose && firstSeen > c.Confirmed+aheadMost
}

// floorDay is the day of a time, in UTC, also of one before 1970 (a clock that was never set).
func floorDay(t int64) int64 {
	return (t - ((t%secondsPerDay)+secondsPerDay)%secondsPerDay) / secondsPerDay
}
