package health

import (
	"errors"
	"time"

	"github.com/popsync/popsync/pop3"
)

// WireFacts is what a server taught us of how it speaks; stored with the account's facts.
type WireFacts struct {
	// Scan tells whether LIST n is answered as it should be: 1, or -1 where it is not; ScanAt is since when (Unix seconds).
	Scan   int   `json:"scan,omitempty"`
	ScanAt int64 `json:"scan_at,omitempty"`
	// Lost is how often step was lost since the last session in which it was held; LostAt when last (Unix seconds).
	Lost   int   `json:"lost,omitempty"`
	LostAt int64 `json:"lost_at,omitempty"`
	// Unstuffed is when it was last seen that dots are not stuffed (Unix seconds).
	Unstuffed int64          `json:"unstuffed,omitempty"`
	Sizes     sizes          `json:"sizes,omitzero"`
	Short     []ShortReading `json:"short,omitempty"`
}

// scanAgain is for how long a server is not asked LIST n that did not answer it.
const scanAgain = 30 * 24 * time.Hour

// ScanFails notes that LIST n was not answered as it should be.
func (w *WireFacts) ScanFails(now time.Time) { w.Scan, w.ScanAt = -1, now.Unix() }

const (
	LeastApart = 24 * time.Hour // after step was lost, commands are sent one at a time for so long, then twice as long
	MostApart  = 64 * 24 * time.Hour
	Silent     = 6 * time.Hour // after a server fell silent
	InStep     = 20            // messages in one session that show that step is held
)

// LostStep tells for how long a server is to be spoken to one command at a time from now on: longer each time.
func (w *WireFacts) LostStep(now time.Time, least time.Duration) time.Duration {
	wait := least << min(w.Lost, 10)
	w.Lost, w.LostAt = w.Lost+1, now.Unix()
	return min(wait, MostApart)
}

// ErrNoScan: LIST n is not answered as it should be, or closes the connection.
var ErrNoScan = errors.New("the server does not answer LIST for a single message as it should; popsync goes on without that")

// Taught learns from how asking for messages ended, and returns what of that counts. scans is how often LIST n was answered as
// it should be; inOrder: it ended as it should.
func (w *WireFacts) Taught(err error, inOrder bool, scans int, now time.Time) error {
	var protocol *pop3.ProtocolError
	var conn *pop3.ConnError
	isProtocol := errors.As(err, &protocol)
	switch trial := w.Scan == 0; {
	case inOrder:
		if trial && scans > 0 {
			w.Scan, w.ScanAt = 1, now.Unix()
		}
	case errors.Is(err, pop3.ErrCut):
		w.Unstuffed = now.Unix()
	case trial && (isProtocol && (scans > 0 || protocol.Command == "LIST") || errors.As(err, &conn) && conn.Command == "LIST"):
		w.ScanFails(now)
		return ErrNoScan
	}
	return err
}
