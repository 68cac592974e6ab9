// Package transcript writes down what passes between popsync and mail servers, line by line, for a person who looks for a fault:
// popsync run --trace. It never holds a secret, nor any mail.
//
// What is secret is known by where it stands, not by what it is: all that is sent or received from AUTH, AUTHENTICATE or LOGIN to the end
// of the login, and what follows PASS and APOP, is replaced before a line is made of it. What a server says of a login is shown only once the
// secret is known as well, and is struck out of it (Hide). Of messages there is only how many octets they have.
//
// By HTTP it is what stands in fields such as Authorization and Location, and upload_id in an address.
//
// pop3, deliver/smtp, deliver/imap and deliver/gmail tell what they send and receive; cmd/popsync opens the file. All methods do nothing on a nil receiver:
// without a transcript a session costs a comparison for each line.
package transcript

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/safepath"
)

// File is a transcript of all connections. It is safe for concurrent use.
type File struct {
	mu    sync.Mutex
	w     io.WriteCloser
	count int
	err   error
}

// Create makes a new file for the user alone. One that is there already is an error (fs.ErrExist). The caller closes the File.
func Create(path string) (*File, error) {
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := safepath.OpenAt(dir.File, filepath.Base(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return New(f), nil
}

// New writes to w, which Close closes.
func New(w io.WriteCloser) *File { return &File{w: w} }

// Close ends the transcript. The error is the first that there was: then something is missing.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.w.Close(); f.err == nil {
		f.err = err
	}
	return f.err
}

// Of are the connections to one server: name is an account's or a destination's, way how it is reached, "" for at once.
func (f *File) Of(name string, p Protocol, way string) *Party {
	if f == nil {
		return nil
	}
	return &Party{f, name, way, p}
}

func (f *File) write(name string, number int, direction, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := fmt.Fprintf(f.w, "%s %s #%d %s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), name, number, direction, text)
	if f.err == nil {
		f.err = err
	}
}

// Party is one server. The nil Party writes nothing.
type Party struct {
	f         *File
	name, way string
	p         Protocol
}

// Connect begins a connection to an address, or says with err why there is none; the nil Conn writes nothing.
func (p *Party) Connect(address string, err error) *Conn {
	if p == nil {
		return nil
	}
	p.f.mu.Lock()
	p.f.count++
	c := &Conn{party: p, number: p.f.count}
	p.f.mu.Unlock()
	if err != nil {
		c.note("no connection to " + address + ": " + foreign.Tidy(err.Error(), maxLine))
		return nil
	}
	text := "connected to " + address
	if p.way != "" {
		text += " " + p.way
	}
	c.note(text)
	return c
}

// Conn is one connection. It is for one sender and one receiver at a time.
type Conn struct {
	party  *Party
	number int

	mu      sync.Mutex
	part    []byte // a line that was sent in part
	stage   stage
	tag     string // of the command that logs in, by IMAP
	inside  bool   // a literal was received, behind which the line goes on
	secrets *foreign.Secrets
	closed  bool
}

// maxLine bounds what is shown of a line, in octets.
const maxLine = 2 << 10

// Sent takes what is sent, before TLS is put around it: lines with their ends, in whatever pieces.
func (c *Conn) Sent(b []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(string(b)) {
		if !strings.HasSuffix(line, "\n") {
			c.part = append(c.part, line...)
			return
		}
		line = strings.TrimRight(string(c.part)+line, "\r\n")
		c.part = c.part[:0]
		c.line("C:", c.sent(line))
	}
}

// Received takes one line of the server's, without its end; cut: more of it was to come.
func (c *Conn) Received(line []byte, cut bool) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line("S:", c.received(string(line), cut))
}

// SentBody tells of so many octets of a message; whole: that was all of it.
func (c *Conn) SentBody(octets int64, whole bool) { c.body("C:", octets, whole) }

// ReceivedBody tells of so many octets of a message, or of a literal, whatever is in it.
func (c *Conn) ReceivedBody(octets int64, whole bool) {
	if c != nil {
		c.mu.Lock()
		c.inside = true
		c.mu.Unlock()
	}
	c.body("S:", octets, whole)
}

func (c *Conn) body(direction string, octets int64, whole bool) {
	if c == nil {
		return
	}
	text := fmt.Sprintf("<%d octets>", octets)
	if !whole {
		text = fmt.Sprintf("<%d octets, and not to the end>", octets)
	}
	c.line(direction, text)
}

// Hide strikes secrets out of all that is shown from now on.
func (c *Conn) Hide(secrets *foreign.Secrets) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets = secrets
}

// Secured tells of a TLS handshake.
func (c *Conn) Secured(s tls.ConnectionState) {
	if c == nil {
		return
	}
	text := tls.VersionName(s.Version) + ", " + tls.CipherSuiteName(s.CipherSuite)
	if len(s.PeerCertificates) > 0 {
		leaf := s.PeerCertificates[0]
		text += ", certificate of " + foreign.Show([]byte(leaf.Subject.String()), maxLine) + ", valid until " + leaf.NotAfter.UTC().Format(time.DateOnly)
	}
	c.note(text)
}

// Failed tells why a handshake failed.
func (c *Conn) Failed(err error) {
	if c == nil {
		return
	}
	c.note("TLS failed: " + foreign.Tidy(err.Error(), maxLine))
}

// Closed tells that the connection was closed from here.
func (c *Conn) Closed() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.note("closed")
	}
}

func (c *Conn) note(text string) { c.line("--", text) }

func (c *Conn) line(direction, text string) { c.party.f.write(c.party.name, c.number, direction, text) }

// show makes a line harmless, without the secrets that are known.
func (c *Conn) show(line string, cut bool) string {
	return c.secrets.Show([]byte(line), maxLine, cut)
}
