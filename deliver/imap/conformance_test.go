package imap

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/imap/imaptest"
)

var habits = map[string]imaptest.Options{
	"faithful":    {},
	"asked first": {Caps: "IMAP4rev1 UIDPLUS"},
	"no UIDPLUS":  {Caps: "IMAP4rev1 LITERAL+"},
	"DIGEST":      {Caps: "IMAP4rev1 LITERAL+ UIDPLUS DIGEST=SHA1"},
	"lies":        {Lie: func(v, u uint32) (uint32, uint32) { return v, u ^ 1 }},
	"adds a line end, drops CRs": {Store: func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n") + "\r\n"
	}},
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, o := range habits {
		if o.Store != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			delivertest.RunSender(t, func(t testing.TB) delivertest.SenderBench {
				w := newWorld(t, o)
				w.set = func(o *Options) { o.Connections = 3 }
				return delivertest.SenderBench{
					Open: func(testing.TB) deliver.Sender { return w.open(true) },
					Arrived: func(testing.TB) (all []delivertest.Arrival) {
						for _, m := range w.server.Messages("INBOX") {
							all = append(all, delivertest.Arrival{Body: m.Text})
						}
						return all
					},
					Stored: func(body string) (string, bool) { return body, body != "" && !strings.Contains(body, "\x00") },
				}
			})
		})
	}
}

func TestLooks(t *testing.T) {
	t.Parallel()
	for name, o := range habits {
		t.Run(name, func(t *testing.T) {
			delivertest.RunLooker(t, func(t testing.TB) delivertest.LookerBench {
				var lose atomic.Value
				lose.Store("")
				var later atomic.Int64
				var blind, rewrite atomic.Bool
				o := o
				o.After = func(int, string) string {
					if later.Add(-1) >= 0 {
						return ""
					}
					return lose.Swap("").(string)
				}
				o.On = func(verb, line string) string {
					if verb == "EXAMINE" && blind.Load() {
						return "NO not now"
					}
					return ""
				}
				store := o.Store
				o.Store = func(text string) string {
					if rewrite.Load() {
						text = strings.Replace(text, "Received:", "X-Received:", 1)
					}
					if store != nil {
						text = store(text)
					}
					return text
				}
				w := newWorld(t, o)
				return delivertest.LookerBench{
					Open:   func(testing.TB) deliver.Sender { return w.open(true) },
					Folder: w.copies,
					Lose: func(stored bool) {
						later.Store(0)
						lose.Store(map[bool]string{true: "-ok", false: "-"}[stored])
					},
					LoseLater: func(n int, stored bool) {
						later.Store(int64(n))
						lose.Store(map[bool]string{true: "-ok", false: "-"}[stored])
					},
					Foreign: func(text string) { w.server.Put("INBOX", text) },
					Renew:   func() { w.server.Renew("INBOX") },
					Blind:   blind.Store,
					Rewrite: rewrite.Store,
					Arrived: func(testing.TB) (all []string) {
						for _, m := range w.server.Messages("INBOX") {
							all = append(all, m.Text)
						}
						if store != nil {
							for i := range all {
								if text, ok := strings.CutSuffix(all[i], "\r\n\r\n"); ok {
									all[i] = text + "\r\n"
								}
							}
						}
						return all
					},
				}
			})
		})
	}
}
