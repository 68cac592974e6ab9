//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"path/filepath"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

// The names of files in a Maildir tell under which unique-id of which account a message was delivered.

// histDups is how many messages share a unique-id at most.
const histDups = 6

// whose are the messages that a tag in a Maildir stands for; none if it is of no unique-id that the server gave.
func (w *histWorld) whose(tag string) map[int]bool {
	for _, token := range w.tokens {
		for _, l := range w.letters {
			for uid := range l.uids {
				if key := token + " " + uid; !w.tagged[key][l.number] {
					if w.tagged[key] == nil {
						w.tagged[key] = map[int]bool{}
						for dup := range histDups {
							w.byTag[deliver.Tag(token, uid, dup)] = w.tagged[key]
						}
					}
					w.tagged[key][l.number] = true
				}
			}
		}
	}
	return w.byTag[tag]
}

// underItsName complains of a message under another's unique-id.
func (w *histWorld) underItsName(path string, number int) {
	name, ok := maildir.ParseName(filepath.Base(path))
	if !ok {
		return
	}
	if all := w.whose(name.Tag); len(all) > 0 && !all[number] {
		w.oracle.complain("MIXED", "message %d lies in %s under the unique-id of %v", number, path[len(w.dir):], all)
	}
}

// seeTokens reads what the names in Maildirs are made of. A ledger that was lost had other ones.
func (w *histWorld) seeTokens() {
	for _, token := range w.ledger("SELECT token FROM account") {
		w.tokens[token] = token
	}
}
