package mbox

import (
	"os"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, lock := range []Lock{Both, Fcntl, DotLock} {
		t.Run(string(lock), func(t *testing.T) {
			delivertest.RunSender(t, func(t testing.TB) delivertest.SenderBench {
				w := newWorld(t)
				w.set = func(o *Options) { o.Lock = lock }
				return delivertest.SenderBench{
					Open: func(testing.TB) deliver.Sender { return w.open(true) },
					Arrived: func(testing.TB) (all []delivertest.Arrival) {
						for _, m := range w.messages() {
							all = append(all, delivertest.Arrival{Body: m})
						}
						return all
					},
					Stored: func(body string) (string, bool) { return stored(body), true },
				}
			})
		})
	}
}

func TestLooks(t *testing.T) {
	t.Parallel()
	delivertest.RunLooker(t, func(t testing.TB) delivertest.LookerBench {
		w := newWorld(t)
		return delivertest.LookerBench{
			Open:   func(testing.TB) deliver.Sender { return w.open(true) },
			Folder: w.copies,
			Lose: func(stored bool) {
				w.lose.Store(map[bool]int{true: behind, false: 0}[stored])
			},
			Foreign: func(text string) { w.foreign(stored(text)) },
			Renew: func() {
				text := w.file()
				if err := os.Rename(w.path, w.path+".old"); err != nil { // which keeps its number from being used again
					t.Fatal(err)
				}
				w.put(text)
			},
			Blind: w.blind.Store,
			Arrived: func(testing.TB) (all []string) {
				for _, m := range w.messages() {
					all = append(all, crlf(m))
				}
				return all
			},
		}
	})
}
