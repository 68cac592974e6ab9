package rebuild

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// How far the ledger was stands outside of it too: beside the database (uidl.Account.Noted), and where the mail is
// (deliver.Noter). What is noted there is never ahead of the ledger, unless the ledger is an older copy of itself, or was
// lost. Then it does not know all that was delivered: see VerifyMode.

// DoubtLedger looks for notes of a later lease than the ledger knows. It comes first: whatever ends the pass early, its
// doubt must be written down with the first commit, which is what takes the place of a lost ledger.
func (p *Rebuilder) DoubtLedger(ctx context.Context) error {
	d, err := p.Doubts(ctx)
	if err != nil {
		return err
	}
	p.Settler.Health.Tokens = append(p.Settler.Health.Tokens, d.foreign...)
	if d.What == "" {
		return nil
	}
	info := p.Settler.L.Info()
	p.Settler.Health.Verify, p.Settler.Health.Noted = true, max(p.Settler.Health.Noted, d.later)
	p.Rec.Mention(d.What + "; what is listed and not known is looked for in the Maildirs, the rest is held back, and nothing is deleted in this pass")
	p.Settler.Log.Warn("ledger in doubt", zap.String("what", d.What), zap.Int64("lease", info.Epoch), zap.Int64("noted", d.later))
	if d.later < info.Epoch {
		return nil // it goes with the first commit: see identify and close
	}
	return p.Settler.Commit(ctx, uidl.Change{At: p.Now().Unix(), Lift: d.later + 1, Status: p.Status()})
}

// suspicion is what notes say against a ledger.
type suspicion struct {
	What    string   // for people; "": nothing
	later   int64    // the lease that is noted, and later than the ledger knows; 0: none
	foreign []string // tokens of ledgers that delivered mail of this account, and that nobody dealt with yet
}

// Doubts looks at the notes, and changes nothing.
func (p *Rebuilder) Doubts(ctx context.Context) (d suspicion, err error) {
	info := p.Settler.L.Info()
	known, err := p.Settler.L.Destinations(ctx)
	if err != nil {
		return d, err
	}
	fresh := len(known) == 0 && info.Listings == 0 // no pass came so far as to know a place or a listing
	d.foreign, _ = p.met()
	// Beside the database too: not every place takes notes.
	if note, ok := p.Settler.L.Noted(); ok && note.Token != info.Token && !slices.Contains(d.foreign, note.Token) {
		d.foreign = append(d.foreign, note.Token)
	}
	d.foreign = slices.DeleteFunc(d.foreign, func(token string) bool { return slices.Contains(p.Settler.Health.Tokens, token) })
	if fresh {
		if len(d.foreign) > 0 {
			d.What = "the ledger knows nothing of this account, whose mail was delivered before"
		}
	} else if len(d.foreign) > 0 {
		d.What = "mail of this account was delivered by another ledger: this one was restored from a copy, or two are in use"
	}
	if note, ok := p.Settler.L.Noted(); ok && note.Token == info.Token && note.Epoch >= info.Epoch {
		d.later = note.Epoch
	}
	if there := p.latestNote(info.Token); there > p.Settler.Health.Noted { // looks may have raised the lease's number since
		d.later = max(d.later, there)
	}
	if d.later > 0 {
		d.What = "the ledger is older than the mail that was delivered by it: it was restored from a copy"
	}
	return d, nil
}

// latestNote is the highest lease of an account that is noted where its mail is.
func (p *Rebuilder) latestNote(token string) (epoch int64) {
	if token == "" {
		return 0
	}
	for _, d := range p.Settler.Places {
		if n := d.Can().Noter; n != nil {
			notes, _ := n.Notes(token) // what cannot be read says nothing
			for _, note := range notes {
				epoch = max(epoch, note.Epoch)
			}
		}
	}
	return epoch
}

// met is what the places say of accounts that were this one under the token of a ledger that was lost: those of its mailbox,
// or, where nobody noted that, of its name. given tells that its name was once another mailbox's.
func (p *Rebuilder) met() (tokens []string, given bool) {
	for _, d := range p.Settler.Places {
		n := d.Can().Noter
		if n == nil {
			continue
		}
		notes, _ := n.Notes("") // what cannot be read says nothing
		for _, note := range notes {
			if note.Token == p.Settler.L.Info().Token {
				continue
			}
			switch unknown := note.Mailbox == "" || p.Mailbox == ""; {
			case note.Mailbox == p.Mailbox && !unknown, unknown && note.Account == p.Name:
				if !slices.Contains(tokens, note.Token) {
					tokens = append(tokens, note.Token)
				}
			case note.Account == p.Name:
				given = true
			}
		}
	}
	return tokens, given
}

// Foretell notes in the account's facts that this lease is about to be noted elsewhere, with the commit that comes before.
func (p *Rebuilder) Foretell() {
	if epoch := p.Settler.L.Info().Epoch; p.Settler.Health.Noted != epoch {
		p.Settler.Health.Noted = epoch
		st := p.Status()
		p.Settler.Later(func(c *uidl.Change) { c.Status = st })
	}
}

// Note leaves a note of this lease where mail is about to appear; p.committing is not held. A pass that delivers nothing
// leaves none: an older ledger lacks nothing of it.
func (p *Rebuilder) Note() {
	p.Settler.Committing.Lock()
	noted := p.noted
	p.noted = true
	p.Settler.Committing.Unlock()
	if noted {
		return
	}
	info := p.Settler.L.Info()
	for _, d := range p.Settler.Places {
		if n := d.Can().Noter; n != nil {
			_ = n.WriteNote(deliver.Note{Token: info.Token, Epoch: info.Epoch, Account: p.Name, Mailbox: p.Mailbox}) // a full disk says no more than no note
		}
	}
}
