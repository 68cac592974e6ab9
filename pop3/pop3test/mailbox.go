package pop3test

import (
	"bytes"
	"io"
	"maps"
	"slices"
)

// Message is one message in a mailbox.
type Message struct {
	UID  string // shown by UIDL as it is
	Data []byte // any octets; CRLF is added on the wire when it does not end in CRLF
	// Open makes the data when it is needed, Size octets of it; then Data is not used. It may be called from several
	// goroutines.
	Open     func() io.Reader
	Size     int64 // octets that Open gives; not used with Data
	ListSize int64 // what LIST shows instead of the size, if not 0
}

func (m Message) open() io.Reader {
	if m.Open != nil {
		return m.Open()
	}
	return bytes.NewReader(m.Data)
}

func (m Message) size() int64 {
	switch {
	case m.ListSize != 0:
		return m.ListSize
	case m.Open != nil:
		return m.Size
	}
	n := int64(len(m.Data))
	if n > 0 && !bytes.HasSuffix(m.Data, []byte("\r\n")) {
		n += 2
	}
	return n
}

type mailbox struct {
	password string
	messages []*Message // each is its own identity; never changed
	sessions int
}

// AddUser makes a user with messages, or replaces one.
func (s *Server) AddUser(name, password string, messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &mailbox{password: password}
	b.add(messages)
	s.boxes[name] = b
}

// Deliver adds messages to a user's mailbox; sessions under way do not see them.
func (s *Server) Deliver(user string, messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.boxes[user]; b != nil {
		b.add(messages)
	}
}

func (b *mailbox) add(messages []Message) {
	messages = slices.Clone(messages)
	b.messages = slices.Clip(b.messages) // sessions keep theirs
	for i := range messages {
		b.messages = append(b.messages, &messages[i])
	}
}

// Messages returns what a user's mailbox holds now.
func (s *Server) Messages(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	if b := s.boxes[user]; b != nil {
		for _, m := range b.messages {
			all = append(all, *m)
		}
	}
	return all
}

// remove drops messages from a mailbox, by identity.
func (s *Server) remove(b *mailbox, gone map[*Message]bool) {
	if len(gone) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := make([]*Message, 0, len(b.messages))
	for _, m := range b.messages {
		if !gone[m] {
			kept = append(kept, m)
		}
	}
	b.messages = kept
}

// Stats counts what clients did since the server was made.
type Stats struct {
	Sessions  int            // connections greeted
	Logins    int            // successful
	Refused   int            // logins refused
	Quits     int            // QUIT after login
	Commands  map[string]int // by verb, upper-case
	Retrieved map[string]int // RETRs answered +OK, by UID as stored
	Deleted   map[string]int // DELEs answered +OK, by UID as stored
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Commands, st.Retrieved, st.Deleted = maps.Clone(st.Commands), maps.Clone(st.Retrieved), maps.Clone(st.Deleted)
	return st
}

func (s *Server) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}
