package fetcher

import (
	"context"

	"github.com/popsync/popsync/uidl"
)

// chargeInterrupted charges the message that an earlier process was reading when it died.
func (p *pass) chargeInterrupted(ctx context.Context) error {
	key, ok := p.desk.Settler.L.Interrupted()
	if !ok {
		return nil
	}
	if err := p.chargeReading(ctx, key); err != nil {
		return err
	}
	return p.desk.Settler.L.Reading(uidl.Key{})
}

// chargeReading charges a message that may be on its way to a remote destination at this moment: what is found of it
// stays so until it is charged.
func (p *pass) chargeReading(ctx context.Context, key uidl.Key) error {
	p.desk.Settler.Committing.Lock()
	defer p.desk.Settler.Committing.Unlock()
	row := uidl.Row{Key: key}
	found, err := p.desk.Settler.L.Find(ctx, []uidl.Key{key})
	if err != nil {
		return err
	}
	if len(found) == 1 {
		row = found[0].Row
	}
	open := p.desk.Settler.Pending[key]
	read := p.desk.Settler.Open[key] != nil && (open == nil || len(open.Owed) == 0)
	if row.State == uidl.Delivered || row.State == uidl.DeleteSent || read {
		return nil // it was read whole before; at most it was read again to recognise it
	}
	if p.desk.Settler.Doubt != nil {
		return p.desk.Settler.Doubt
	}
	c := uidl.Change{At: p.desk.Now().Unix()}
	p.desk.EnterAttempt(&c, row, "popsync ended while it was being read", false, 0)
	return p.desk.Settler.Apply(ctx, c)
}
