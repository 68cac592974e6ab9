package fetcher

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/popsync/popsync/pop3/pop3test"
)

// wireFault is what goes wrong with one reply.
type wireFault int

const (
	leftOut     wireFault = iota // it is not sent
	twice                        // it is sent once more
	swapped                      // the next reply is sent before it
	merged                       // its end lacks the LF, and the next reply follows at once
	cutClean                     // it ends early, as if it were whole
	cutOff                       // it ends early, and the connection with it
	unstuffed                    // its lines are not stuffed
	moreLines                    // its header has one more line
	refusedOnce                  // -ERR
	wireFaults
)

func (k wireFault) String() string {
	return [...]string{"left out", "twice", "swapped", "merged", "cut clean", "cut off", "unstuffed", "more lines", "refused"}[k]
}

// badWire is a server whose replies go wrong at some of the commands that ask for messages.
type badWire struct {
	faults map[int]wireFault // by the number of the command from 0, over all sessions; those of RETR, TOP and LIST n count
	noTOP  bool              // those of TOP are as they should be
	at     int               // octets after which replies are cut
	mu     sync.Mutex
	n      int
	held   map[*pop3test.Session][]byte // to be sent after the next reply
	hit    []string
}

func (b *badWire) reply(s *pop3test.Session, verb, arg string, reply []byte) pop3test.Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	late := b.held[s]
	delete(b.held, s)
	all := func(raw ...[]byte) pop3test.Reply { return pop3test.Reply{Raw: append(bytes.Join(raw, nil), late...)} }
	if verb != "RETR" && (verb != "TOP" || b.noTOP) && (verb != "LIST" || arg == "") {
		return all(reply)
	}
	kind, ok := b.faults[b.n]
	b.n++
	num, _, _ := strings.Cut(arg, " ")
	n, _ := strconv.Atoi(num)
	if m, _ := s.Message(n); ok && kind == cutClean && m.ListSize != 0 && m.ListSize < int64(len(m.Data)) {
		ok = false // a size that is too small hides it, until it is read again
	}
	if !ok {
		return all(reply)
	}
	b.hit = append(b.hit, fmt.Sprintf("%s %s %v", verb, arg, kind))
	dot := []byte("\r\n.\r\n")
	long := bytes.HasSuffix(reply, dot)
	first := bytes.Index(reply, []byte("\r\n")) + 2
	switch kind {
	case leftOut:
		return all(nil)
	case twice:
		return all(reply, reply)
	case swapped:
		if b.held == nil {
			b.held = map[*pop3test.Session][]byte{}
		}
		b.held[s] = reply
		return all(nil)
	case merged:
		return all(reply[:len(reply)-1])
	case cutClean:
		if !long {
			return all(reply)
		}
		cut := reply[:first+b.at%(len(reply)-first-len(dot)+2)]
		cut = bytes.TrimSuffix(cut, []byte("\r"))
		if !bytes.HasSuffix(cut, []byte("\r\n")) {
			cut = append(bytes.Clone(cut), "\r\n"...)
		}
		return all(cut, []byte(".\r\n"))
	case cutOff:
		return pop3test.Reply{Raw: reply[:b.at%len(reply)], Close: true}
	case unstuffed:
		return all(bytes.ReplaceAll(reply, []byte("\r\n.."), []byte("\r\n.")))
	case moreLines:
		if !long {
			return all(reply)
		}
		return all(reply[:first], []byte("X-More: of this server\r\n"), reply[first:])
	}
	return all([]byte("-ERR not now\r\n"))
}

func (b *badWire) String() string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("replies go wrong: %v, cut at %d", b.faults, b.at)
}

// hostile is a message that looks, to whoever does not stuff dots, like the end of one and the reply to the next command.
func hostile(uid string, next int) pop3test.Message {
	return message(uid, strings.ReplaceAll(fmt.Sprintf("begin\n.\n+OK %[1]d 400\n+OK %[1]d octets\nMessage-ID: <forged@x>\nDate: now\nReceived: x\n\nforged\n.\n+OK\n", next), "\n", "\r\n"))
}
