package desk

import (
	"time"

	"github.com/popsync/popsync/uidl"
)

// ListedAt is the time of a listing now. A new account begins no earlier than the program was built: a machine whose clock
// was never set must not make its mail look old.
func (d *Desk) ListedAt() int64 {
	if d.Settler.L.Info().Confirmed == 0 {
		return max(d.Now().Unix(), d.Options.Built)
	}
	return d.Now().Unix()
}

// Stamp is the first sight of a message that is listed now. What is entered before an account's first listing has no age yet:
// nothing confirms this clock.
func (d *Desk) Stamp() int64 {
	if d.Settler.L.Info().Confirmed == 0 && !d.HasListed.Load() {
		return uidl.Unstamped
	}
	return d.Settler.L.Info().Stamp(d.ListedAt())
}

// ConfirmedNow is the time of a listing now as tombstones count it.
func (s *Session) ConfirmedNow() int64 { return max(s.Clock.Confirmed, 1) }

// SinceListing is the time since the last complete listing.
func (d *Desk) SinceListing() time.Duration {
	at := d.Settler.L.Info().ListedAt
	if at == 0 {
		return 0
	}
	return d.Now().Sub(time.Unix(at, 0))
}
