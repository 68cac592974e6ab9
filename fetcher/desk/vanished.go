package desk

// ReasonVanished begins what is written down of such messages. It is stored: never reword it.
const ReasonVanished = "the server says that it is gone"

// SaysGoneAgain notes that the server said that a message is gone which has no row to write that in: no unique-id, or a row that says that it was
// delivered, so that it is read again or to be deleted. A later pass within a week that is told the same of any of these is one too many.
func (d *Desk) SaysGoneAgain() (again bool) {
	const week = 7 * 24 * 3600
	now, at := d.Now().Unix(), d.Health.VanishedAt
	if ago := now - at; !d.vanishing && at != 0 && ago >= 0 && ago < week {
		return true
	}
	d.vanishing, d.Health.VanishedAt = true, now
	return false
}
