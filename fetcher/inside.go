package fetcher

import (
	"bufio"
	"context"
	"io"
	"mime"
	"net/mail"
	"strings"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/pop3"
)

// What a person knows a message by stands in its header. It is shown and nothing else: no decision depends on it.

const (
	mostInside  = 100      // messages that are looked into
	insideMost  = 64 << 10 // octets of a header that are read for it
	insideField = 200      // octets of a field that are shown
)

// lookInside adds sender, date and subject to the steps of a dry run, by TOP, if a person wants to see them.
func (s *session) lookInside(ctx context.Context) {
	if !s.o.Headers {
		return
	}
	nums := make([]int, 0, mostInside)
	for _, st := range s.rec.Rep.Steps {
		if len(nums) < mostInside && st.Action != "delete" && st.Action != "skip" {
			nums = append(nums, st.Num)
		}
	}
	all := len(nums)
	nums, _ = s.spareTops(nums)
	fields := map[int]shownHeader{}
	s.c.Alone(true) // so that no answer is another's
	defer s.c.Alone(false)
	err := s.c.Top(ctx, 0, func(yield func(pop3.Item) bool) {
		for _, n := range nums {
			if !yield(pop3.Item{Num: n}) {
				return
			}
		}
	}, func(r pop3.Response) error {
		if r.Err != nil {
			return nil // it has no TOP, or not of this one
		}
		h, err := readHeader(r.Body)
		fields[r.Num] = h
		return err
	})
	s.rec.Count(func(r *report.Report) {
		for i := range r.Steps {
			if h, ok := fields[r.Steps[i].Num]; ok {
				r.Steps[i].From, r.Steps[i].Date, r.Steps[i].Subject = h.from, h.date, h.subject
			}
		}
	})
	if err != nil || len(fields) < all {
		s.rec.Mention("the server did not give the headers of all messages that are shown")
	}
}

// shownHeader is what is shown of a header, harmless.
type shownHeader struct{ from, date, subject string }

// readHeader reads a header to its end. An error is the reader's.
func readHeader(r io.Reader) (h shownHeader, err error) {
	var name, value string
	take := func() {
		text := &h.from
		switch strings.ToLower(name) {
		case "from":
		case "date":
			text = &h.date
		case "subject":
			text = &h.subject
		default:
			return
		}
		if *text == "" { // the first one counts
			*text = strings.TrimSpace(value)
		}
	}
	in := bufio.NewReader(io.LimitReader(r, insideMost))
	for {
		line, rerr := in.ReadString('\n')
		text := strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(text, " ") || strings.HasPrefix(text, "\t") {
			value += " " + strings.TrimSpace(text)
		} else {
			take()
			name, value, _ = strings.Cut(text, ":")
		}
		if rerr != nil || text == "" {
			break
		}
	}
	take()
	_, err = io.Copy(io.Discard, r)
	if t, perr := mail.ParseDate(h.date); perr == nil {
		h.date = t.Local().Format("2006-01-02 15:04")
	}
	h.from, h.date, h.subject = shownField(h.from), shownField(h.date), shownField(h.subject)
	return h, err
}

// shownField is a field as it is meant, where that can be told, and made harmless.
func shownField(raw string) string {
	var words mime.WordDecoder
	text, err := words.DecodeHeader(raw)
	if err != nil {
		text = raw
	}
	return foreign.Show([]byte(text), insideField)
}
