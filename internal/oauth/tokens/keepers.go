package tokens

import (
	"strings"
	"sync"
)

// Keepers keep the tokens of one process: one Keeper for each place, whatever the configuration is meanwhile, since a Keeper knows what
// is under way. The zero value has none. It may be used by several goroutines.
type Keepers struct {
	mu  sync.Mutex
	all map[string]*Keeper
}

// Of is the Keeper of a place, which Dir and Command tell; the first call for a place makes it.
func (k *Keepers) Of(o Options) *Keeper {
	k.mu.Lock()
	defer k.mu.Unlock()
	place := strings.Join(append([]string{o.Dir}, o.Command...), "\x00")
	if k.all == nil {
		k.all = map[string]*Keeper{}
	}
	if k.all[place] == nil {
		k.all[place] = New(o)
	}
	return k.all[place]
}
