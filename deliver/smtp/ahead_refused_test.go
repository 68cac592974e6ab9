package smtp

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAheadRefused crosses what may become of a message with what may become of the envelope behind it, command by
// command. Each is judged by its own answer. What happens only to an envelope that came ahead costs its message nothing.
func TestAheadRefused(t *testing.T) {
	firsts := map[string]struct {
		answer
		short string
	}{
		"250":    {answer{}, "ok"},
		"451":    {answer{"451 no", goOn}, "message"},
		"550":    {answer{"550 no", goOn}, "message permanent"},
		"554":    {answer{"554 no", goOn}, "message permanent"},
		"421":    {answer{"421 no", end}, "target"},
		"lost":   {answer{"", end}, "target uncertain"},
		"silent": {answer{"", sulk}, "target uncertain"},
	}
	seconds := map[string]struct {
		answer
		short  string
		always bool
	}{
		"450":          {answer{"450 no", goOn}, "message envelope vouched", true},
		"550":          {answer{"550 no", goOn}, "message permanent envelope vouched", true},
		"503":          {answer{"503 no", goOn}, "message permanent envelope vouched", true},
		"503 if ahead": {answer{"503 no", goOn}, "ok", false},
		"451 if ahead": {answer{"451 sync", goOn}, "ok", false},
		"554 if ahead": {answer{"554 sync", goOn}, "ok", false},
		"500 if ahead": {answer{"500 no", goOn}, "ok", false},
		"421":          {answer{"421 no", end}, "ok", false},
		"lost":         {answer{"", end}, "ok", false},
		"silent":       {answer{"", sulk}, "ok", false},
		"odd":          {answer{"399 no", goOn}, "ok", false},
		"no reply":     {answer{"what", goOn}, "ok", false},
		"too many":     {answer{"", garbage}, "ok", false},
		"forgotten":    {answer{"", forget}, "ok", false},
	}
	for n, first := range firsts {
		for m, second := range seconds {
			for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
				t.Run(n+", "+verb+" "+m, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := newMX(t)
						x.answer = func(q asked) answer {
							switch {
							case q.id == "id1" && q.verb == endOfData:
								return first.answer
							case q.id == "id2" && q.verb == verb && (q.ahead || second.always):
								return second.answer
							}
							return answer{}
						}
						s := x.sender(nil)
						all := row("id1", "id2")
						start := time.Now()
						err := s.Send(t.Context(), all[0])
						wants(t, err, first.short)
						wait := 10 * time.Minute
						if n != "silent" {
							wait = time.Second
						}
						if took := time.Since(start); took > wait+time.Second {
							t.Errorf("the first took %v", took)
						}
						start = time.Now()
						wants(t, s.Send(t.Context(), all[1]), second.short)
						wants(t, s.Send(t.Context(), outgoing("id3", letterOf("id3"))), "ok")
						if took := time.Since(start); took > aheadPatience+time.Second {
							t.Errorf("the others took %v", took)
						}
						want := []string{"id3"}
						if n == "250" {
							want = append(want, "id1")
						}
						if second.short == "ok" {
							want = append(want, "id2")
						}
						x.over(s, -1, want...)
						if x.aheads == 0 {
							t.Error("nothing was sent ahead")
						}
					})
				})
			}
		}
	}
}

// TestAheadGivenUp: after a server was seen not to understand it, nothing is sent ahead, and where it has understood it
// before, an end of the connection proves nothing.
func TestAheadGivenUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		on    string // which message's
		verb  string
		early bool // only ahead
		a     answer
		want  int
	}{
		{"all goes well", "", "", true, answer{}, 5},
		{"silence", "id2", "DATA", true, answer{"", sulk}, 1},
		{"silence later", "id3", "RCPT", true, answer{"", sulk}, 2},
		{"end", "id2", "MAIL", true, answer{"", end}, 1},
		{"end later", "id3", "MAIL", true, answer{"", end}, 5},
		{"421", "id2", "MAIL", true, answer{"421 no", end}, 1},
		{"421 later", "id3", "DATA", true, answer{"421 no", end}, 5},
		{"odd later", "id3", "DATA", true, answer{"250 no", goOn}, 2},
		{"554 if ahead", "id2", "MAIL", true, answer{"554 no", goOn}, 1},
		{"503 if ahead", "id3", "MAIL", true, answer{"503 no", goOn}, 2},
		{"thrown away", "id1", endOfData, false, answer{"", forget}, 1},
		{"thrown away in part", "id2", "MAIL", true, answer{"", forget}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMX(t)
				x.answer = func(q asked) answer {
					if q.id == tt.on && q.verb == tt.verb && (q.ahead || !tt.early) {
						return tt.a
					}
					return answer{}
				}
				s := x.sender(nil)
				ids := []string{"id1", "id2", "id3", "id4", "id5", "id6"}
				for _, m := range row(ids...) {
					wants(t, s.Send(t.Context(), m), "ok")
				}
				x.over(s, tt.want, ids...)
			})
		})
	}
	// A message that is refused because of the envelope behind it goes without.
	for _, a := range []answer{{"503 sync", goOn}, {"421 sync", end}} {
		t.Run("blamed "+a.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMX(t)
				x.answer = func(q asked) answer {
					if q.verb == endOfData && q.id == "id1" && q.conn == 1 {
						return a
					}
					return answer{}
				}
				s := x.sender(nil)
				for _, m := range row("id1", "id2", "id3") {
					wants(t, s.Send(t.Context(), m), "ok")
				}
				x.over(s, 1, "id1", "id2", "id3")
			})
		})
	}
	// The end of a message in doubt with an envelope behind it is the last with one.
	t.Run("doubt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			x.answer = func(q asked) answer {
				if q.verb == endOfData && q.id == "id1" {
					return answer{"", end}
				}
				return answer{}
			}
			s := x.sender(nil)
			for i, m := range row("id1", "id2", "id3") {
				wants(t, s.Send(t.Context(), m), []string{"target uncertain", "ok", "ok"}[i])
			}
			x.over(s, 1, "id2", "id3")
		})
	})
}

// TestAheadRefusedAnyway: a server that refuses the first envelope ahead, and again when asked alone, understands; what it
// refuses later is not asked twice, and the messages after that go ahead as before.
func TestAheadRefusedAnyway(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		synctest.Test(t, func(t *testing.T) {
			x := newMX(t)
			times := map[string]int{}
			x.answer = func(q asked) answer {
				if q.verb == verb {
					times[q.id]++
					if q.id == "id2" || q.id == "id5" {
						return answer{"550 no", goOn}
					}
				}
				return answer{}
			}
			s := x.sender(nil)
			for i, m := range row("id1", "id2", "id3", "id4", "id5", "id6", "id7") {
				short := "ok"
				if i == 1 || i == 4 {
					short = "message permanent envelope vouched"
				}
				wants(t, s.Send(t.Context(), m), short)
			}
			x.over(s, 4, "id1", "id3", "id4", "id6", "id7") // behind 1, 3, 4, 6
			if times["id2"] != 2 || times["id5"] != 1 || x.conns != 1 {
				t.Errorf("%s: asked %v, %d connections", verb, times, x.conns)
			}
		})
	}
	// A message refused with an envelope behind it, and alone too: once for a connection.
	synctest.Test(t, func(t *testing.T) {
		x := newMX(t)
		times := map[string]int{}
		x.answer = func(q asked) answer {
			if q.verb == endOfData {
				times[q.id]++
				return answer{"503 no", goOn}
			}
			return answer{}
		}
		s := x.sender(nil)
		for _, m := range row("id1", "id2", "id3") {
			wants(t, s.Send(t.Context(), m), "message permanent")
		}
		x.over(s, -1)
		if times["id1"] != 2 || times["id2"] != 1 || times["id3"] != 1 || x.conns != 2 {
			t.Errorf("sent %v, %d connections", times, x.conns)
		}
	})
}
