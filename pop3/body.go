package pop3

import (
	"io"
	"math"
)

// body is what handle gets: the engine's dot reader until handle returns, typed errors, and a look at what follows.
type body struct {
	e    *engine
	verb string
	num  int
	most int64 // octets
}

func (b *body) Read(p []byte) (int, error) {
	if b.e == nil {
		return 0, errStale
	}
	if b.e.c.t.broken != nil {
		return 0, b.e.c.t.broken
	}
	n, err := b.e.body.Read(p)
	if err != nil {
		err = b.check(err)
	}
	return n, err
}

// WriteTo implements io.WriterTo; errors of dst are returned as they are.
func (b *body) WriteTo(dst io.Writer) (n int64, err error) {
	if b.e == nil {
		return 0, errStale
	}
	for {
		if err := b.e.c.t.broken; err != nil {
			return n, err
		}
		d := &b.e.body
		if len(d.pending) == 0 {
			if d.pending, err = d.piece(); err != nil {
				if err = b.check(err); err == io.EOF {
					err = nil
				}
				return n, err
			}
		}
		k, err := dst.Write(d.pending)
		n += int64(k)
		if err == nil && k < len(d.pending) {
			err = io.ErrShortWrite
		}
		d.pending = d.pending[k:]
		if err != nil {
			return n, err
		}
	}
}

// skip reads on to the end.
func (b *body) skip() error {
	_, err := b.e.body.skip(math.MaxInt64 - 1)
	if err == nil {
		err = io.EOF
	}
	if err = b.check(err); err == io.EOF {
		err = nil
	}
	return err
}

// check types an error. An end is believed only if what has arrived after it can be the next reply, or is nothing
// when no reply is outstanding: a server that does not stuff dots would otherwise have a mail cut at its first lone
// dot.
func (b *body) check(err error) error {
	c := b.e.c
	if err == errTooMuch {
		what := "message"
		if b.verb == "TOP" {
			what = "header"
		}
		return c.t.limit(b.verb, b.num, what, int(min(b.most, math.MaxInt)))
	}
	if err != io.EOF {
		return c.t.fail(b.verb, b.num, nil, err)
	}
	after := c.t.w.buffered()
	if len(after) == 0 || plausibleStatus(after) && b.e.outstanding()-b.e.nready > 1 {
		return io.EOF
	}
	return c.t.fail(b.verb, b.num, after, ErrCut)
}
