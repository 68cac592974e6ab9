package settle

import (
	"sync"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// Bit is the destination as a member of facts.
func (d *Place) Bit() uidl.Places { return uidl.PlaceOf(d.Ordinal) }

// At gives the destinations of the pass that are in a set.
func (p *Settler) At(places uidl.Places) (all []*Place) {
	for _, d := range p.Places {
		if places.Has(d.Bit()) {
			all = append(all, d)
		}
	}
	return all
}

// IsRemote tells that each Publish is a transaction elsewhere.
func (d *Place) IsRemote() bool { return d.Target.Remote() }

// Can is what its Target can do beside what every Target can.
func (d *Place) Can() deliver.Abilities { return deliver.AbilitiesOf(d.Target) }

// Place is a Destination with what befell it in this pass.
type Place struct {
	Destination
	Ordinal    int        // what stands for it in facts
	out        *outbox    // of a remote one
	single     sync.Mutex // held while a fallback takes one message
	mu         sync.Mutex
	staging    error              // it can take no further copies: nothing more is fetched
	publishing error              // it publishes nothing more; a remote one still takes copies
	Down       *health.DownRecord // of a remote one that is down: set before the outboxes open and after they closed
}

// StageFailure is why the destination takes no further copies; nil: it takes them.
func (d *Place) StageFailure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.staging
}

// PublishFailure is why it publishes nothing more in this pass; nil: it does.
func (d *Place) PublishFailure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.publishing
}

// FailStaging notes that it takes no further copies. The first reason stays.
func (d *Place) FailStaging(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.staging == nil {
		d.staging = err
	}
}

// recover takes back that a destination is down: it took something all the same, or failed in another way.
func (d *Place) recover() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.publishing = nil
}

// failPublishing notes that a destination is down. One that publishes whole batches in one place cannot stage there
// either; a remote one has its own spool.
func (d *Place) failPublishing(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.publishing == nil {
		d.publishing = err
	}
	if !d.IsRemote() && d.staging == nil {
		d.staging = err
	}
}

// Place is the configured destination of that name; nil: there is none.
func (p *Settler) Place(name string) *Place {
	for _, d := range p.Places {
		if d.Name == name {
			return d
		}
	}
	return nil
}
