package fetcher

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// letter is a message of the world, wherever it is.
type letter struct {
	pop3test.Message
	id       int
	group    int      // letters of one content are one group, whatever lines a server adds
	octets   int64    // on the wire
	name     string   // the UID that the ledger knows it by; "": none
	names    []string // all that it ever had
	shared   bool     // its UID is or was another message's too
	listed   bool     // on the server, and not hidden from listings for now
	onServer bool
	left     bool  // a listing lacked it for a while, or it was removed by whomever: an equal one that comes may be taken for it
	lost     bool  // somebody else removed it from the server: it may have been delivered or not
	most     int64 // the largest size that it was ever listed with
	fits     bool  // it was within max_size at least once
	weak     bool  // its header is another one's too
	offered  int   // how many passes there were before the first that was offered it; see clocks
}

// add puts new messages on the server.
func (w *world) add(n int) {
	for range n {
		w.letters = append(w.letters, w.compose())
	}
}

// compose writes one message: with a UID of its own, the UID of another one that is listed now or was deleted, or the
// whole content of another one.
func (w *world) compose() *letter {
	d := w.d
	id := len(w.letters)
	l := &letter{onServer: true, listed: true, id: id, offered: -1}
	l.UID = w.uid(id)
	header := fmt.Sprintf("Message-ID: <%s%d@test>\r\nSubject: letter %d\r\nReceived: by a\r\n", w.acc.Login.Username, id, id)
	var body string
	switch d.n(8) {
	case 0, 1, 2:
		body = strings.Repeat("a line\r\n", d.n(20))
	case 3:
		body = ".\r\n..\r\n.hidden\r\n" + strings.Repeat("\n.\n", d.n(3))
	case 4:
		body = strings.Repeat("x", 1480) + "\r\n"
	case 5:
		body = strings.Repeat("forty octets of a long, long message\r\n", 30+d.n(200))
	case 6:
		header = fmt.Sprintf("X-No-Fingerprint: %d\r\n", id)
	case 7:
		body = "no last line end\rbare \x00 \xff"
	}
	if w.m.headers && !w.noUIDL && d.one(4) {
		l.weak = true // and of the same size
		header, body = "From: a@test\r\nTo: b@test\r\nSubject: report\r\n", fmt.Sprintf("number %03d\r\n", id)
	}
	l.Data = []byte(header + "\r\n" + body)
	if id > 0 && d.one(6) {
		other := w.letters[d.n(min(id, 256))]
		switch d.n(3) {
		case 0: // the same mail once more, as two mailing lists send it
			l.Data, l.weak = bytes.Clone(other.Data), other.weak
		case 1: // a server whose UIDs are not unique
			// (where RETR hides, a kept UID could come to mean the other message, and nobody could tell)
			if other.onServer && other.listed && !w.noUIDL && !w.acc.RetrHides {
				l.UID, l.shared, other.shared = other.UID, true, true
			}
		case 2: // a server that gives a UID again
			if w.forgotten(other) {
				l.UID = other.UID
				// Once shared, always shared: the tombstones of those that had it make popsync as careful as they did.
				l.shared = slices.ContainsFunc(w.letters, func(o *letter) bool { return o.UID == l.UID && o.shared })
			}
		}
	}
	w.weigh(l)
	if l.name = l.UID; w.noUIDL {
		l.name = w.nameOf(l)
		for _, o := range w.letters {
			if o.name == l.name && l.name != "" {
				l.shared, o.shared = true, true
			}
		}
	}
	l.names = []string{l.name}
	f := fingerprint(l.Data)
	w.logf("letter %d of %s arrives as %s (shared %v, lists as %d), %d octets, group %d, header %x", id, w.name, l.UID, l.shared, l.ListSize, len(l.Data), l.group, f[:3])
	return l
}

// weigh enters the content of a letter.
func (w *world) weigh(l *letter) {
	l.octets = int64(len(l.Data))
	if !bytes.HasSuffix(l.Data, []byte("\r\n")) {
		l.octets += 2
	}
	stored := sha256.Sum256(stored8(l.Data))
	if g, ok := w.groups[stored]; ok {
		l.group = g
	} else if len(l.names) == 0 {
		l.group = l.id
	}
	w.groups[stored] = l.group
	w.groups[sha256.Sum256(l.wire())] = l.group
}

// nameOf is what the ledger calls a message without a UID; "" when nothing can tell it from others.
func (w *world) nameOf(l *letter) string {
	switch {
	case !w.noTOP && fingerprint(l.Data) != (uidl.Fingerprint{}):
		fp := fingerprint(l.Data)
		return plan.HeaderName + hex.EncodeToString(fp[:])
	case w.acc.Policy.Delete == plan.DeleteAfterDelivery:
		sum := sha256.Sum256(l.wire())
		return plan.ContentName + hex.EncodeToString(sum[:])
	}
	return ""
}

func fingerprint(data []byte) uidl.Fingerprint {
	fp := new(uidl.Fingerprinter)
	fp.Write(data)
	return fp.Sum()
}

func (l *letter) wire() []byte {
	b := l.Data
	if l.octets > int64(len(b)) {
		b = append(b[:len(b):len(b)], "\r\n"...)
	}
	return b
}

// forgotten tells whether the ledger knows that a message left the server, so that its UID may be given again: before,
// no client could tell the new message from the old one.
func (w *world) forgotten(l *letter) bool {
	for _, o := range w.letters {
		if slices.Contains(o.names, l.UID) && o.onServer {
			return false
		}
	}
	known := w.info.Epoch > 0
	for _, row := range w.rows {
		if row.UID == l.UID {
			known = known && (row.GoneAt != 0 || row.State == uidl.DeleteSent)
		}
	}
	return known
}

func (w *world) letterOf(m pop3test.Message) *letter {
	for _, l := range w.letters {
		if len(m.Data) > 0 && &l.Data[0] == &m.Data[0] {
			return l
		}
	}
	return nil
}

// eligible tells whether policy wants a message fetched, as it is listed now.
func (w *world) eligible(l *letter) bool {
	size, most := l.ListSize, w.acc.Policy.MaxSize
	if size == 0 {
		size = l.octets
	}
	return l.name != "" && (most == 0 || size <= most && l.octets <= most)
}
