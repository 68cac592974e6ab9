package facts

import "github.com/popsync/popsync/uidl"

// Away tells whether a destination is not configured.
func Away(r uidl.Role) bool { return r == uidl.NotConfigured || r == uidl.WasOptional }
