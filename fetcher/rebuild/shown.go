package rebuild

import (
	"context"
	"io"
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// Shows tells whether a Maildir shows a message that was read under its unique-id, where the row that was made when the ledger
// was lost does not tell which of several copies it stands for.
func (s *Rebuilder) Shows(ctx context.Context, row *uidl.Message, m *settle.Received) bool {
	if row.Generation != uidl.BeforeAll || row.SHA256 != [32]byte{} || row.Fingerprint != (uidl.Fingerprint{}) || row.Have.Destinations() == 0 {
		return false
	}
	one := []stranger{{Entry: plan.Entry{Key: row.Key}}}
	have, err := s.tags(ctx, one)
	if err != nil || have[one[0].tag] == 0 {
		return false
	}
	stored, err := s.storedCopies(ctx, one)
	return err == nil && slices.ContainsFunc(stored[one[0].tag], func(c Copy) bool { return c.Is(m) })
}

// Copies are those that Maildirs show under the unique-ids of messages.
func (s *Rebuilder) Copies(ctx context.Context, of []uidl.Key) (map[uidl.Key][]Copy, error) {
	all := make([]stranger, len(of))
	for i, k := range of {
		all[i].Key = k
	}
	have, err := s.tags(ctx, all)
	if err != nil || len(have) == 0 {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e stranger) bool { return have[e.tag] == 0 })
	stored, err := s.storedCopies(ctx, all)
	if err != nil {
		return nil, err
	}
	copies := make(map[uidl.Key][]Copy, len(all))
	for _, e := range all {
		copies[e.Key] = stored[e.tag]
	}
	return copies, nil
}

// Copy is a message that Maildirs show, by what it is recognised by.
type Copy struct {
	At      uidl.Places
	Header  uidl.Fingerprint
	content [32]byte // with line ends as they were received
}

// Is tells whether it is a message that was read under its unique-id: by its content, or by its header if that says enough.
func (c *Copy) Is(m *settle.Received) bool {
	return c.Holds(m) || m.Strong && c.Header == m.Msg.Fingerprint
}

// Holds tells whether it has the content of a message that was read.
func (c *Copy) Holds(m *settle.Received) bool {
	return c.content == m.Msg.SHA256 || c.content == m.Whole
}

// storedCopies reads the stored messages with these tags.
func (s *Rebuilder) storedCopies(ctx context.Context, found []stranger) (map[string][]Copy, error) {
	wanted := make(map[string]bool, len(found))
	for i := range found {
		wanted[found[i].tag] = true
	}
	out := make(map[string][]Copy, len(found))
	fp, sum := new(uidl.Fingerprinter), settle.NewContentSum()
	for _, d := range s.Settler.Places {
		t := d.Can().Tagger
		if t == nil || d.Fallback {
			continue
		}
		err := t.Tagged(ctx, func(tag string) bool { return wanted[s.tagged[tag]] }, func(tag string, body io.Reader) error {
			if body == nil {
				return nil
			}
			fp.Reset()
			sum.Reset()
			if _, err := io.Copy(io.MultiWriter(fp, &crlfSum{sum: sum}), body); err != nil {
				return nil // what cannot be read proves nothing
			}
			c := Copy{At: d.Bit(), Header: fp.Sum()}
			c.content, _ = sum.Sums()
			tag = s.tagged[tag]
			i := slices.IndexFunc(out[tag], func(o Copy) bool { return o.Header == c.Header && o.content == c.content })
			if i < 0 {
				out[tag] = append(out[tag], c)
			} else {
				out[tag][i].At |= c.At
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// crlfSum gives a contentSum what a Maildir stores with LF, as it was received.
type crlfSum struct {
	sum *settle.ContentSum
	buf []byte
}

func (w *crlfSum) Write(b []byte) (int, error) {
	w.buf = w.buf[:0]
	for _, c := range b {
		if c == '\n' {
			w.buf = append(w.buf, '\r')
		}
		w.buf = append(w.buf, c)
	}
	w.sum.Write(w.buf)
	return len(b), nil
}
