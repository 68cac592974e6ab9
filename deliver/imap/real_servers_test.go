package imap

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver"
)

// texts is what a folder has, as the server gives it, without what it adds.
func (w *world) texts() (all []string) {
	w.Helper()
	s := w.open(true)
	defer s.Close()
	c, err := dial(w.Context(), &s.o)
	w.must(err)
	defer c.quit(w.Context())
	st, err := c.status()
	w.must(err)
	w.must(c.examine(st.validity))
	c.r.text = nil
	w.must(c.fetch("UID FETCH 1:* (UID BODY.PEEK[])", func(_ uint32, values []value) {
		for i := 0; i+1 < len(values); i += 2 {
			if values[i].word() == "BODY[]" {
				text := string(values[i+1].text)
				if w.shown != nil {
					text = w.shown(text)
				}
				all = append(all, text)
			}
		}
	}))
	return all
}

// seeded gives what is in a new folder before the test.
func (w *world) seeded(folder string) (texts []string) {
	if !w.seeds {
		return nil
	}
	base := w.set
	defer func() { w.set = base }()
	w.in(folder, nil)
	s := w.open(false)
	defer s.Close()
	w.must(w.send(s, "seed", ordinary(90), false))
	return []string{ordinary(90)}
}

// cutEverywhere loses the answer to an APPEND at octets of it and of the answer, each time in a folder of its own: one copy.
func (w *world) cutEverywhere() {
	base := w.set
	text := ordinary(1)
	whole := len(text) + len(`p5 APPEND "c000" "28-Nov-2026 09:00:01 +0000" {999+}`) + 4
	for i, n := range octets(whole) {
		w.set = base
		want := append(w.seeded(fmt.Sprintf("c%d", i)), text)
		w.in(fmt.Sprintf("c%d", i), cutting(n, max(0, n-len(text)-60), i%2 == 0))
		sender := w.open(false)
		err := w.send(sender, "one", text, false)
		if i%3 == 0 {
			sender.Close()
			sender = w.open(true)
		}
		for try := 0; err != nil && try < 3; try++ {
			err = w.send(sender, "one", text, true)
		}
		w.must(err)
		sender.Close()
		if got := w.texts(); !slices.Equal(got, want) {
			w.Errorf("cut at %d of %d: %q", n, whole, got)
		}
	}
}

// cutWindows cuts a window of several messages at octets: one copy of each.
func (w *world) cutWindows() {
	base := w.set
	texts := several(1, 4)
	for i, n := range windowed(octetsOf(texts), 97) {
		w.set = base
		want := append(w.seeded(fmt.Sprintf("w%d", i)), append(texts[:4:4], ordinary(0))...)
		w.in(fmt.Sprintf("w%d", i), tearing(i, n))
		sender := w.open(false)
		w.must(w.send(sender, "first", ordinary(0), false))
		w.through(sender, texts, ending(i%3))
		w.set = base
		w.in(fmt.Sprintf("w%d", i), nil)
		got := w.texts()
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			w.Errorf("cut at %d: %q", n, got)
		}
	}
}

// oddMail sends odd mail, and loses each answer: it is refused as its own fault, or arrives and is found again. stored is what a server makes
// of a message beyond what the comparison of headers allows; nil: nothing.
func (w *world) oddMail(stored func(text string) string) {
	base := w.set
	found, refused, local, unsure := 0, 0, 0, 0
	zoo := mailgen.Zoo(11)
	for i, a := range zoo {
		if i%4 != 0 && os.Getenv("POPSYNC_LARGE") == "" {
			continue
		}
		text := string(mailgen.Wire(a.Message))
		if len(crlf(text))+100 > maxLiteral { // texts gives no more
			continue
		}
		w.set = base
		seeds := len(w.seeded(fmt.Sprintf("z%d", i)))
		w.in(fmt.Sprintf("z%d", i), losing(text))
		sender := w.open(false)
		err := w.send(sender, "one", text, false)
		e := w.fault(err)
		if !e.Uncertain {
			if !e.Permanent || e.Scope != deliver.ThisMessage {
				w.Errorf("%s: %+v", a.Name, e)
			}
			local++
			continue
		}
		err = w.send(sender, "one", text, true)
		sender.Close()
		got := w.texts()
		got = got[min(seeds, len(got)):]
		if stored != nil && errors.Is(err, deliver.ErrInferred) { // the original stays where it is
			if unsure++; len(got) > 1 {
				w.Errorf("%s: %d copies", a.Name, len(got))
			}
			w.Logf("%s: unsure: %v", a.Name, err)
			continue
		}
		if err != nil {
			if e := w.fault(err); !e.Permanent || e.Scope != deliver.ThisMessage || len(got) > 0 {
				w.Errorf("%s: %+v, %d copies", a.Name, e, len(got))
			}
			refused++
			w.Logf("%s: refused: %v", a.Name, err)
			continue
		}
		if len(got) != 1 {
			w.Errorf("%s: %d copies", a.Name, len(got))
			continue
		}
		want := text
		if stored != nil {
			got[0], want = stored(got[0]), stored(want)
		}
		if found++; got[0] != want && string(alike([]byte(got[0]))) != string(alike([]byte(want))) {
			w.Errorf("%s: %.300q, want %.300q", a.Name, got[0], text)
		}
	}
	w.Logf("%d odd messages: %d found after a doubt, %d unsure, %d refused by the server, %d not sent", len(zoo), found, unsure, refused, local)
	if found < 10 {
		w.Errorf("only %d were found", found)
	}
}
