package fetcher

import "github.com/popsync/popsync/uidl"

// listedAt is the time of a listing now. A new account begins no earlier than the program was built: a machine whose clock
// was never set must not make its mail look old.
func (p *pass) listedAt() int64 {
	if p.L.Info().Confirmed == 0 {
		return max(p.now().Unix(), p.o.Built)
	}
	return p.now().Unix()
}

// stamp is the first sight of a message that is listed now. What is entered before an account's first listing has no age yet:
// nothing confirms this clock.
func (p *pass) stamp() int64 {
	if p.L.Info().Confirmed == 0 && !p.hasListed.Load() {
		return uidl.Unstamped
	}
	return p.L.Info().Stamp(p.listedAt())
}

// confirmedNow is the time of a listing now as tombstones count it.
func (s *session) confirmedNow() int64 { return max(s.clock.Confirmed, 1) }
