package floor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
)

// fetch sends every RETR at once and stores what comes; while one batch is made durable the next is received.
func (c *client) fetch(o Options, res *Result) error {
	m, err := openMaildir(o.Dir)
	if err != nil {
		return err
	}
	defer m.close()

	sent := make(chan error, 1)
	go func() { sent <- c.command("RETR", o.Skip, res.Listed, "") }()
	full, stored := make(chan []string, 1), make(chan error, 1)
	go func() {
		var err error
		for names := range full {
			if err == nil {
				err = m.publish(names)
			}
		}
		stored <- err
	}()

	names := make([]string, 0, o.Batch)
	buf := make([]byte, 0, 1<<20)
	for i := o.Skip + 1; i <= res.Listed && err == nil; i++ {
		var name string
		var n int64
		if err = c.ok("RETR"); err != nil {
			break
		}
		if name, n, err = c.store(m, buf); err != nil {
			err = fmt.Errorf("message %d: %w", i, err)
			break
		}
		res.Messages++
		res.Bytes += n
		if names = append(names, name); len(names) == o.Batch || i == res.Listed {
			full <- names
			names = make([]string, 0, o.Batch)
		}
	}
	close(full)
	if err != nil {
		c.conn.Close() // ends the writer
	}
	return errors.Join(err, <-stored, <-sent)
}

// store reads one message to its terminator and writes it, with LF line ends, to a file in tmp/. Only CRLF.CRLF ends
// a message; a dot that starts a line after CRLF is taken off (RFC 1939, section 3).
func (c *client) store(m *maildir, buf []byte) (name string, octets int64, err error) {
	f, name, err := m.create()
	if err != nil {
		return "", 0, err
	}
	// Closing reports no lost byte: the barrier does.
	defer f.Close()
	flush := func() error {
		_, err := f.Write(buf)
		buf = buf[:0]
		return err
	}
	atStart, heldCR := true, false // of a line; a CR at the end of the last piece, which may belong to a CRLF
	for {
		piece, err := c.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull { // a full buffer only means a long line
			return "", 0, err
		}
		if atStart && piece[0] == '.' {
			if len(piece) == 3 && piece[1] == '\r' && piece[2] == '\n' {
				return name, octets, flush()
			}
			piece = piece[1:]
		}
		octets += int64(len(piece))
		if heldCR && !(len(piece) == 1 && piece[0] == '\n') {
			buf = append(buf, '\r')
		}
		crlf := bytes.HasSuffix(piece, []byte("\r\n")) || heldCR && len(piece) == 1 && piece[0] == '\n'
		switch {
		case crlf && len(piece) >= 2:
			buf = append(append(buf, piece[:len(piece)-2]...), '\n')
			heldCR = false
		case piece[len(piece)-1] == '\r': // the buffer was full; a line never ends so
			buf = append(buf, piece[:len(piece)-1]...)
			heldCR = true
		default:
			buf = append(buf, piece...)
			heldCR = false
		}
		atStart = crlf
		if cap(buf)-len(buf) < 512<<10 {
			if err := flush(); err != nil {
				return "", 0, err
			}
		}
	}
}
