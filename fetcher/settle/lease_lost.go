package settle

import (
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// LeaseLost is why the pass may not do what cannot be taken back, nil as long as it has its lease: whoever has it now may be
// about to do the same. It is asked before anything is published, before each message that is sent, and before DELE and QUIT.
func (p *Settler) LeaseLost() error {
	select {
	case <-p.L.Lost():
		p.Halted.Store(true)
		return fmt.Errorf("nothing more is delivered or deleted in this pass: %w", uidl.ErrLeaseLost)
	default:
		return nil
	}
}
