package fetcher

import "github.com/popsync/popsync/uidl"

// listedAt is the time of a listing now. A new account begins no earlier than the program was built: a machine whose clock
// was never set must not make its mail look old.
func (d *Desk) listedAt() int64 {
	if d.Settler.L.Info().Confirmed == 0 {
		return max(d.now().Unix(), d.Options.Built)
	}
	return d.now().Unix()
}

// stamp is the first sight of a message that is listed now. What is entered before an account's first listing has no age yet:
// nothing confirms this clock.
func (d *Desk) stamp() int64 {
	if d.Settler.L.Info().Confirmed == 0 && !d.hasListed.Load() {
		return uidl.Unstamped
	}
	return d.Settler.L.Info().Stamp(d.listedAt())
}

// confirmedNow is the time of a listing now as tombstones count it.
func (s *Session) confirmedNow() int64 { return max(s.clock.Confirmed, 1) }
