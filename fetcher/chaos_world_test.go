package fetcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// dice turns bytes into choices. When they are used up every choice is the tamest one, so that a history made of no
// bytes has no faults, and a fuzzer that cuts bytes off makes it simpler.
type dice struct{ b []byte }

// n is a choice from 0 to k-1; k is at most 256.
func (d *dice) n(k int) int {
	if len(d.b) == 0 {
		return 0
	}
	v := int(d.b[0])
	d.b = d.b[1:]
	return v % k
}

// one is true once in k times.
func (d *dice) one(k int) bool { return d.n(k) == k-1 }

// letter is a message of the world, wherever it is.
type letter struct {
	pop3test.Message
	hash     [32]byte // of what a Maildir stores of it
	octets   int64    // on the wire
	name     string   // the UID that the ledger knows it by; "": none
	shared   bool     // its UID is or was another message's too
	listed   bool     // on the server, and not hidden from listings for now
	onServer bool
	lost     bool // somebody else removed it from the server: it may have been delivered or not
	fits     bool // it was within max_size at least once
}

// world is a mailbox on a server, a Maildir with a reader, a remote destination, a ledger and a clock.
type world struct {
	t      *testing.T
	d      *dice
	root   string
	offset time.Duration // of the clock

	server  *pop3test.Server
	serving sync.WaitGroup
	letters []*letter
	noUIDL  bool
	noTOP   bool // of this pass; of all where there is no UIDL

	ledger uidl.Ledger
	place  *uidltest.Memory    // of the ledger; nil: it is in SQLite
	remote *delivertest.Memory // nil: the Maildir is the only destination
	acc    Account
	opt    Options

	orphans  map[string]bool     // files in tmp that a death or a failed commit left there
	removed  map[[32]byte]int    // copies that the reader removed
	twice    map[string][32]byte // by base name: copies that may come again, with the hash of each (see forget)
	contents map[string][32]byte // by base name: hash of each file ever seen in new or cur
	quiet    bool                // the faults are over
	passes   int
	log      []string // what happened, for a failure
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s\n\t%s", fmt.Sprintf(format, args...), strings.Join(w.log, "\n\t"))
}

func (w *world) now() time.Time { return time.Now().Add(w.offset) }

// newWorld draws a world; place is where its ledger is kept, nil for SQLite.
func newWorld(t *testing.T, d *dice, root string, place *uidltest.Memory) *world {
	w := &world{t: t, d: d, root: root, place: place, orphans: map[string]bool{}, removed: map[[32]byte]int{},
		twice: map[string][32]byte{}, contents: map[string][32]byte{}}
	w.server = pop3test.NewServer(pop3test.Options{})
	w.acc = Account{
		Name:   "a",
		Server: pop3.Options{Host: "test", TLS: pop3.NoTLS},
		Login:  pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }},
	}
	w.opt = Options{Now: w.now, FreeFloor: -1, BatchMessages: 1 + d.n(5), SessionMessages: 3 + d.n(7), BatchBytes: 4000}
	switch d.n(4) {
	case 1, 2:
		w.acc.Policy.Delete = DeleteAfterDelivery
	case 3:
		w.acc.Policy = Policy{Delete: DeleteAfterAge, Age: time.Duration(1+d.n(60)) * time.Hour}
	}
	if d.one(4) {
		w.acc.Policy.Limit = 1 + d.n(4)
	}
	if w.noUIDL = d.one(6); w.noUIDL {
		w.noTOP = d.one(3) // for good: TOP gives the names there
	}
	w.acc.RetrHides = d.one(6) && !w.noUIDL
	if max := d.one(5); max && !w.acc.RetrHides {
		w.acc.Policy.MaxSize = 1500
	}
	if d.one(4) {
		w.remote = delivertest.NewMemory("remote")
		w.remote.Senders = 1 + w.d.n(3)
	}
	w.logf("the policy is %+v, sessions of %d messages, batches of %d; UIDL %v, RETR hides %v, remote %v, ledger in memory %v",
		w.acc.Policy, w.opt.SessionMessages, w.opt.BatchMessages, !w.noUIDL, w.acc.RetrHides, w.remote != nil, place != nil)
	w.add(2 + d.n(9))
	w.reopen()
	return w
}

func (w *world) reopen() {
	if w.ledger != nil {
		if err := w.ledger.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	if w.place != nil {
		w.ledger = w.place.Open()
		return
	}
	l, err := uidl.Open(context.Background(), uidl.Options{Dir: filepath.Join(w.root, "state")})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger = l
}

func (w *world) close() {
	if err := w.ledger.Close(); err != nil {
		w.t.Error(err)
	}
	w.server.Close()
}

func (w *world) mail(sub ...string) string {
	return filepath.Join(append([]string{w.root, "mail"}, sub...)...)
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
	l := &letter{onServer: true, listed: true}
	l.UID = fmt.Sprintf("uid%03d", id)
	header := fmt.Sprintf("Message-ID: <%d@test>\r\nSubject: letter %d\r\nReceived: by a\r\n", id, id)
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
	l.Data = []byte(header + "\r\n" + body)
	if id > 0 && d.one(6) {
		other := w.letters[d.n(min(id, 256))]
		switch d.n(3) {
		case 0: // the same mail once more, as two mailing lists send it
			l.Data = bytes.Clone(other.Data)
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
	defer func() {
		w.logf("%s arrives as %s (shared %v, lists as %d), %d octets, %x, header %x", fmt.Sprint("letter ", id), l.UID, l.shared, l.ListSize, len(l.Data), l.hash[:3], func() []byte { f := fingerprint(l.Data); return f[:3] }())
	}()
	l.hash = sha256.Sum256(stored8(l.Data))
	l.octets = int64(len(l.Data))
	if !bytes.HasSuffix(l.Data, []byte("\r\n")) {
		l.octets += 2
	}
	if l.name = l.UID; w.noUIDL {
		l.name = w.nameOf(l)
		for _, o := range w.letters {
			if o.name == l.name && l.name != "" {
				l.shared, o.shared = true, true
			}
		}
	}
	return l
}

// nameOf is what the ledger calls a message without a UID; "" when nothing can tell it from others.
func (w *world) nameOf(l *letter) string {
	switch {
	case !w.noTOP && fingerprint(l.Data) != (uidl.Fingerprint{}):
		fp := fingerprint(l.Data)
		return headerName + hex.EncodeToString(fp[:])
	case w.acc.Policy.Delete == DeleteAfterDelivery:
		sum := sha256.Sum256(l.wire())
		return contentName + hex.EncodeToString(sum[:])
	}
	return ""
}

func fingerprint(data []byte) uidl.Fingerprint {
	fp := new(uidl.Fingerprinter)
	fp.Write(data)
	return fp.Sum()
}

// forgotten tells whether the ledger knows that a message left the server, so that its UID may be given again: before,
// no client could tell the new message from the old one.
func (w *world) forgotten(l *letter) bool {
	for _, o := range w.letters {
		if o.UID == l.UID && o.onServer {
			return false
		}
	}
	known := false
	w.withAccount(func(a uidl.Account) {
		known = true
		for row, err := range a.Messages(context.Background()) {
			if err != nil {
				w.t.Fatal(err)
			}
			if row.UID == l.UID {
				known = known && (row.GoneAt != 0 || row.State == uidl.DeleteSent)
			}
		}
	})
	return known
}

// withAccount lets a look at the ledger between passes. The note of what was being read outlives it.
func (w *world) withAccount(f func(uidl.Account)) {
	if w.ledger == nil {
		return
	}
	a, err := w.ledger.Acquire(context.Background(), "a")
	if err != nil {
		w.t.Fatal(err)
	}
	defer a.Close()
	f(a)
	// A look changes no rows, so what counts for the lease after the last pass's counts for the lease after this one too.
	st := a.Info().Status
	stored := decodeFacts(st.Facts)
	if u := stored.Unchanged; u != nil && u.Epoch == a.Info().Epoch-1 {
		u.Epoch++
		st.Facts = stored.encode()
		if err := a.Commit(context.Background(), uidl.Change{Status: &st}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// between is what happens while popsync does not run.
func (w *world) between() {
	d := w.d
	for _, l := range w.letters {
		switch {
		case !l.onServer || l.shared:
		case d.one(24):
			l.onServer, l.lost = false, true
			w.logf("%s is removed from the server by somebody", l.UID)
		case d.one(10):
			l.listed = !l.listed
			w.logf("%s listed: %v", l.UID, l.listed)
		case d.one(12):
			l.ListSize = int64(d.n(2) * (1 + d.n(200)*10))
			w.logf("%s is listed with size %d", l.UID, l.ListSize)
		}
	}
	w.add(d.n(3))
	switch d.n(6) {
	case 1:
		w.offset += time.Duration(d.n(90)) * time.Minute
	case 2:
		w.offset += time.Duration(d.n(72)) * time.Hour
	case 3:
		w.offset -= time.Duration(d.n(50)) * time.Hour
	}
	w.logf("the clock says %v", w.now().UTC().Format(time.DateTime))
	w.read()
}

// read is a mail reader: it moves mail from new to cur and removes some.
func (w *world) read() {
	for _, sub := range []string{"new", "cur"} {
		entries, _ := os.ReadDir(w.mail(sub))
		for _, e := range entries {
			path := w.mail(sub, e.Name())
			switch {
			case w.d.one(9):
				w.remember(sub)
				base := strings.FieldsFunc(e.Name(), func(r rune) bool { return strings.ContainsRune(":,;!", r) })[0]
				if err := os.Remove(path); err != nil {
					w.t.Fatal(err)
				}
				w.removed[w.contents[base]]++
			case sub == "new" && w.d.one(3):
				if err := os.Rename(path, w.mail("cur", e.Name()+":2,S")); err != nil {
					w.t.Fatal(err)
				}
			}
		}
	}
}

// remember hashes files of the Maildir that were not seen before.
func (w *world) remember(sub string) (names []string) {
	entries, _ := os.ReadDir(w.mail(sub))
	for _, e := range entries {
		base := strings.FieldsFunc(e.Name(), func(r rune) bool { return strings.ContainsRune(":,;!", r) })[0]
		names = append(names, base)
		if _, ok := w.contents[base]; !ok {
			b, err := os.ReadFile(w.mail(sub, e.Name()))
			if err != nil {
				w.t.Fatal(err)
			}
			w.contents[base] = sha256.Sum256(b)
		}
	}
	return names
}

// copies counts what was ever delivered to the Maildir, by content: what is there and what the reader removed.
func (w *world) copies() map[[32]byte]int {
	got := map[[32]byte]int{}
	for h, n := range w.removed {
		got[h] += n
	}
	for _, sub := range []string{"new", "cur"} {
		for _, base := range w.remember(sub) {
			got[w.contents[base]]++
		}
	}
	return got
}

// offer makes the server's mailbox what is listed now.
func (w *world) offer() {
	var box []pop3test.Message
	for _, l := range w.letters {
		if l.onServer && l.listed {
			box = append(box, l.Message)
			size := l.ListSize
			if size == 0 {
				size = l.octets
			}
			max := w.acc.Policy.MaxSize
			l.fits = l.fits || max == 0 || size <= max && l.octets <= max
		}
	}
	w.server.AddUser("u", "p", box...)
}

// collect finds what the sessions of a pass removed from the server.
func (w *world) collect() {
	w.serving.Wait()
	left := map[*byte]bool{}
	for _, m := range w.server.Messages("u") {
		left[&m.Data[0]] = true
	}
	for _, l := range w.letters {
		if l.onServer && l.listed && !left[&l.Data[0]] {
			l.onServer = false
			w.logf("%s left the server", l.UID)
		}
	}
}

// dial connects to the server, with the pass's faults on the way.
func (w *world) dial(wrap func(net.Conn) net.Conn, buffered, stalls bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		if buffered {
			client, server = fault.Pipe()
		}
		server = wrap(server)
		w.serving.Go(func() { w.server.ServeConn(server) })
		return hangUp{client, server, stalls}, nil
	}
}

// hangUp is a client's connection whose end wakes up a server that stalls.
type hangUp struct {
	net.Conn
	server net.Conn
	stalls bool
}

func (h hangUp) Close() error {
	err := h.Conn.Close()
	if h.stalls {
		_ = h.server.Close()
	}
	return err
}

// tickets are the base names that the ledger holds for the Maildir, with the rows that hold them, oldest first.
func (w *world) tickets() (rows []uidl.Delivery) {
	w.withAccount(func(a uidl.Account) {
		all, err := a.Pending(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		rows = slices.DeleteFunc(all, func(r uidl.Delivery) bool { return r.Destination != "maildir" || r.Ticket == "" })
	})
	return rows
}

func baseOf(ticket string) string { return strings.Fields(ticket)[1] }

// forget finds published mail of an interrupted batch that its reader removed, and that popsync will fetch again because
// nothing can show any more that it was there (ARCHITECTURE.md, 'nowhere'): the one documented duplicate.
func (w *world) forget() (n int) {
	rows := slices.DeleteFunc(w.tickets(), func(r uidl.Delivery) bool { return r.State != uidl.Publishing })
	if len(rows) == 0 {
		return 0
	}
	there := map[string]bool{}
	for _, sub := range []string{"tmp", "new", "cur"} {
		names, _ := os.ReadDir(w.mail(sub))
		for _, e := range names {
			base, _, _ := strings.Cut(e.Name(), ",")
			there[base] = there[base] || true
			if sub != "tmp" {
				there["published "+base] = true
			}
		}
	}
	later := false
	for _, r := range slices.Backward(rows) {
		base := baseOf(r.Ticket)
		if there[base] {
			later = later || there["published "+base]
			continue
		}
		seconds, _ := strconv.ParseInt(base[:strings.IndexByte(base, '.')], 10, 64)
		age := w.now().Sub(time.Unix(seconds, 0))
		if hash, seen := w.contents[base]; !seen {
			w.fail("%s is neither staged nor was it ever published", base)
		} else if !later && (age >= 24*time.Hour || age <= -time.Hour) {
			w.twice[base] = hash
			n++
			w.logf("no trace of %s (%s) any more", base, r.UID)
		}
	}
	return n
}

var _ deliver.Target = (*chaosTarget)(nil)
