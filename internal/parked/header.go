package parked

import (
	"io"

	"github.com/popsync/popsync/internal/headline"
	"github.com/popsync/popsync/internal/words"
)

// header is what a message says of itself, printable.
type header struct{ from, date, subject string }

// readHeader reads the beginning of a message. What cannot be read says nothing.
func readHeader(r io.Reader) header { return shownHeader(headline.Read(r)) }

func shownHeader(h headline.Header) header {
	return header{words.Clip(h.From), words.Clip(h.Date), words.Clip(h.Subject)}
}

// when is the date on this machine's clock, or as it stands there if it is none.
func (h header) when() string {
	if t, ok := (headline.Header{Date: h.date}).When(); ok {
		return words.Stamp(t.Unix())
	}
	return h.date
}
