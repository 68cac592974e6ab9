package smtp

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

func three(o *Options) { o.To = []string{"x@y.example", "z@y.example", "w@y.example"} }

func to(a, reply string) turn { return turn{"RCPT TO:<" + a + "@y.example>\r\n", reply + "\r\n"} }

func restOf(t *testing.T, err error) string {
	t.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	return e.Rest
}

// TestPartial: some recipients are refused, the others get the message, and the next try serves only those left.
func TestPartial(t *testing.T) {
	start := hello().and(mailCmd)
	for _, tt := range []struct{ name, z, w, short string }{
		{"permanent", "550 no", "553 no", "message permanent envelope rest"},
		{"temporary", "450 no", "451 no", "message envelope rest"},
		{"mixed", "550 no", "451 no", "message envelope rest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, start.and(to("x", "250 ok"), to("z", tt.z), to("w", tt.w), data, text,
				mailCmd, to("z", "250 ok"), to("w", "450 no"), data, text, mailCmd, to("w", "550 no"), rset, mailCmd, to("w", "250 ok"), data, text))
			s := r.sender(three)
			m := outgoing("id1", letter)
			for _, short := range []string{tt.short, "message envelope rest", "message permanent envelope rest", "ok"} {
				err := s.Send(t.Context(), m)
				wants(t, err, short)
				if err != nil {
					m.Rest = restOf(t, err)
				}
			}
			r.end(s)
		})
	}
}

// TestLMTP: each recipient has its own answer after the data.
func TestLMTP(t *testing.T) {
	begin := helloAs("LHLO").and(mailCmd, to("x", "250 ok"), to("z", "250 ok"), to("w", "250 ok"), data)
	for _, tt := range []struct {
		name    string
		replies string
		ends    bool
		short   string
		left    []string // who gets it on the next try
	}{
		{"half", join("250 ok", "450 no", "250 ok"), false, "message rest", []string{"z"}},
		{"permanent", join("550 no", "250 ok", "554 no"), false, "message permanent rest", []string{"x", "w"}},
		{"mixed", join("550 no", "250 ok", "451 no"), false, "message rest", []string{"x", "w"}},
		{"all", join("550 no", "550 no", "550 no"), false, "message permanent", []string{"x", "z", "w"}},
		{"death", join("250 ok", "250 ok"), true, "target uncertain rest", []string{"w"}},
		{"death at once", "", true, "target uncertain", []string{"x", "z", "w"}},
		{"refused, then death", join("250 ok", "550 no"), true, "target uncertain rest", []string{"z", "w"}},
		{"421", join("250 ok", "421 bye", "421 bye"), true, "target rest", []string{"z", "w"}},
		{"odd", join("250 ok", "300 what"), true, "target uncertain rest", []string{"z", "w"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next := script{mailCmd}
			ok := ""
			for _, a := range tt.left {
				next = next.and(to(a, "250 ok"))
				ok += "250 ok\r\n"
			}
			next = next.and(data, turn{text.want, ok})
			first := begin.and(turn{text.want, tt.replies})
			scripts := []script{first.and(next...)}
			if tt.ends {
				scripts = []script{first.and(hangUp), helloAs("LHLO").and(next...)}
			}
			r := newRig(t, scripts...)
			s := r.sender(func(o *Options) { three(o); o.LMTP = true })
			m := outgoing("id1", letter)
			err := s.Send(t.Context(), m)
			wants(t, err, tt.short)
			m.Rest = restOf(t, err)
			wants(t, s.Send(t.Context(), m), "ok")
			r.end(s)
		})
	}
	t.Run("refused at RCPT and after the data", func(t *testing.T) {
		r := newRig(t, helloAs("LHLO").and(mailCmd, to("x", "550 no"), to("z", "250 ok"), to("w", "250 ok"), data, turn{text.want, join("250 ok", "550 no")}))
		s := r.sender(func(o *Options) { three(o); o.LMTP = true })
		err := s.Send(t.Context(), outgoing("id1", letter))
		wants(t, err, "message permanent rest")
		if pending, ok := decodeRest(restOf(t, err), s.o.To); !ok || !slices.Equal(pending, []bool{true, false, true}) {
			t.Error(pending, ok)
		}
		r.end(s)
	})
}

// TestRest: short, printable, and void when the recipients changed.
func TestRest(t *testing.T) {
	list := make([]string, maxRecipients)
	pending := make([]bool, len(list))
	for i := range list {
		list[i] = strings.Repeat("a", i%50+1) + "@y.example"
		pending[i] = i%3 == 0
	}
	rest := encodeRest(list, pending)
	if len(rest) > 128 {
		t.Errorf("%d octets", len(rest))
	}
	if got, ok := decodeRest(rest, list); !ok || !slices.Equal(got, pending) {
		t.Error("not what went in")
	}
	for _, bad := range []string{"", rest[:20], rest + "A", encodeRest(list, make([]bool, len(list))), rest[:len(rest)-1] + "."} {
		if _, ok := decodeRest(bad, list); ok {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, ok := decodeRest(rest, list[1:]); ok {
		t.Error("taken for another list")
	}
	r := newRig(t, once())
	s := r.sender(nil)
	m := outgoing("id1", letter)
	m.Rest = rest
	wants(t, s.Send(t.Context(), m), "ok")
	r.end(s)
}

// TestVouched: the same recipients were accepted for another message, and not too long ago.
func TestVouched(t *testing.T) {
	no := turn{rcpt.want, "550 no\r\n"}
	r := newRig(t, hello().and(mailCmd, no, rset, mailCmd, rcpt, data, text, mailCmd, no, rset, mailCmd, no, rset, mailCmd, no, rset))
	now := time.Unix(1_800_000_000, 0)
	s := r.sender(func(o *Options) { o.Now = func() time.Time { return now } })
	send := func(id, short string) {
		t.Helper()
		wants(t, s.Send(t.Context(), outgoing(id, letter)), short)
	}
	send("id1", "message permanent envelope")
	send("id2", "ok")
	send("id1", "message permanent envelope vouched")
	send("id2", "message permanent envelope") // only its own word
	now = now.Add(time.Hour + time.Second)
	send("id1", "message permanent envelope")
	r.end(s)

	var v vouches
	for i := range 3 * maxVouch {
		v.note([]string{strings.Repeat("a", i)}, "id1", now.Add(time.Duration(i)))
	}
	if len(v.last) != maxVouch || !v.holds([]string{strings.Repeat("a", 3*maxVouch-1)}, "id2", now) {
		t.Error(len(v.last))
	}
}

// TestEnvelopeHeader: recipients by header, counted from the top, within the allowed domains, and never guessed.
func TestEnvelopeHeader(t *testing.T) {
	for _, tt := range []struct {
		header string
		skip   int
		want   string // recipients, or words of the error
	}{
		{"X-Original-To: a@one.example\r\nSubject: x\r\nx-original-to: b@two.example\r\nX-Original-To: a@ONE.example", 0, "a@one.example b@two.example"},
		{"X-Original-To: a@one.example\r\nX-Original-To: b@one.example\r\nX-Original-To: c@one.example", 1, "b@one.example c@one.example"},
		{"X-Original-To: a@evil.example\r\nX-Original-To: b@one.example", 0, "b@one.example"},
		{"X-Original-To: a@one.example, b@evil.example, c@two.example", 0, "a@one.example c@two.example"},
		{"X-Original-To: a@one.example, b c@one.example, <d@two.example>", 0, "a@one.example d@two.example"},
		{"X-Original-To: nobody\r\nX-Original-To: b@one.example", 0, "b@one.example"},
		{"X-Original-To: a@evil.example\r\nX-Original-To: nobody", 0, "not allowed"},
		{"X-Original-To: Box-a@one.example\r\nX-Original-To: box-b@one.example, box-B@one.example", 0, "a@one.example b@one.example B@one.example"},
		{"X-Original-To: box-a@one.example\r\nX-Original-To: a@one.example", 0, "a@one.example"},
		{"X-Original-To: box-@one.example, xbox-a@one.example", 0, "box-@one.example xbox-a@one.example"},
		{"X-Original-To: Ann <a@one.example>, (box-b@two.example) c@two.example", 0, "a@one.example c@two.example"},
		{"X-Original-To: <a@one.example> (a comment)", 0, "a@one.example"},
		{"X-Original-To: x@evil.example\r\n\r\nX-Original-To: a@one.example", 0, "not allowed"},
		{"X-Original-To: a@one.example", 0, "a@one.example"},
		{"x-original-TO : <a@ONE.example>", 0, "a@ONE.example"},
		{"X-Original-To: a@one.example,\r\n b@two.example, a@One.Example", 0, "a@one.example b@two.example"},
		{"X-Original-To: a@one.example\r\nX-Original-To: b@one.example", 1, "b@one.example"},
		{"To: a@one.example", 0, "header X-Original-To is missing"},
		{"X-Original-To: a@one.example", 1, "does not occur 2 times"},
		{"X-Original-To: a@evil.example", 0, "not allowed"},
		{"X-Original-To: a@sub.one.example", 0, "not allowed"},
		{"X-Original-To: a@evil.example@one.example", 0, "does not hold an address"},
		{"X-Original-To: undisclosed-recipients:;", 0, "names none"},
		{"X-Original-To:", 0, "does not hold"},
		{"X-Original-To: a b@one.example", 0, "does not hold"},
		{"Subject: x\r\n\r\nX-Original-To: a@one.example", 0, "is missing"},
	} {
		o := Options{Address: "mx.example.org:25", EnvelopeHeader: "X-Original-To", EnvelopeSkip: tt.skip,
			EnvelopePrefix: "box-", AllowDomains: []string{"One.example", "two.example"}}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		task, err := s.prepare(t.Context(), outgoing("id1", tt.header+"\r\n\r\nbody\r\n"))
		if err != nil {
			wants(t, err, "message permanent", "no recipient", tt.want)
		} else if got := strings.Join(task.to, " "); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.header, got, tt.want)
		}
	}
}

// TestOriginalSender goes through the fields of a message.
func TestOriginalSender(t *testing.T) {
	for header, want := range map[string]string{
		"Return-Path: <r@a.example>\r\nFrom: f@a.example":                         "r@a.example",
		"Return-Path: <>\r\nFrom: f@a.example":                                    "",
		"Return-Path: r@a.example":                                                "r@a.example",
		"Return-Path: <r@a.example>\r\nReturn-Path: <q@a.example>":                "r@a.example",
		"Return-Path: <root>\r\nSender: s@a.example\r\nFrom: f@a.example":         "",
		"Return-Path: <a@b.example> SIZE=1>\r\nFrom: f@a.example":                 "",
		"Return-Path:\r\nFrom: f@a.example":                                       "",
		"Return-Path: <r@\xfc.example>\r\nFrom: f@a.example":                      "",
		"Return-Path: <\xfc@a.example>":                                           "",
		"Return-Path: <ü@a.example>":                                              "ü@a.example",
		"Return-Path: <r\x00@a.example>\r\nFrom: f@a.example":                     "",
		"Return-Path: <" + strings.Repeat("r", 257) + "@a.example>":               "",
		"Return-Path: <r@" + strings.Repeat("a.", 128) + "example>":               "",
		"Return-Path: <@a.example,@b.example:r@c.example>":                        "r@c.example",
		"Return-Path: <@a.example>":                                               "",
		"Return-Path: <@a.example:>":                                              "",
		"Return-Path:\r\n <r@a.example>":                                          "r@a.example",
		"Return-Path: <r\r\n @a.example>":                                         "r@a.example",
		"Return-Path: <r.\r\n\ts@a\r\n .example>":                                 "r.s@a.example",
		"Return-Path: <r s@a.example>":                                            "",
		"Return-Path: <r@a.example> (by way of (someone) \\) else)":               "r@a.example",
		"Return-Path: (x) <r@a.example>":                                          "r@a.example",
		"Return-Path: <r(x)s@a.example>":                                          "",
		"Return-Path: <\"a(b\"@a.example>":                                        `"a(b"@a.example`,
		"Return-Path: <r@a.example> (never ends":                                  "",
		"Return-Path: <root>\r\nReturn-Path: <q@a.example>":                       "",
		"From: A <f@a.example>, b@a.example":                                      "f@a.example",
		"From: =?x-unknown?B?YQ==?= <f@a.example>":                                "f@a.example",
		"From: broken \" <f@a.example>":                                           "f@a.example",
		"From: a..b@a.example":                                                    "a..b@a.example",
		"From: \"a,b\"@a.example":                                                 `"a,b"@a.example`,
		"From: \"a b\"@a.example":                                                 "",
		"From: nobody":                                                            "",
		"From garbage\r\nFrom:\r\n f@a.example":                                   "f@a.example",
		"":                                                                        "",
		"From: " + strings.Repeat("a@a.example, ", 10_000) + "b@a.example":        "",
		"X: " + strings.Repeat("y\r\n ", maxHeader/4) + "\r\nFrom: far@a.example": "",
	} {
		s, err := inspect(t.Context(), strings.NewReader(header+"\r\n\r\nbody"))
		if err != nil {
			t.Fatal(err)
		}
		if got := originalSender(s.header); got != want {
			t.Errorf("%.60q: got %q, want %q", header, got, want)
		}
	}
}

// TestAddresses: what may stand between angle brackets.
func TestAddresses(t *testing.T) {
	for a, want := range map[string]bool{
		"a@b.example": true, "a.b+c=d@b.example": true, "a..b.@b.example": true, `"a,b\"c"@b.example`: true, "ü@ü.example": true,
		"a@[192.0.2.1]": true, "a@[IPv6:2001:db8::1]": true, "a@b": true, "a@b_c.example": true,
		"": false, "a": false, "@b": false, "a@": false, "a b@c": false, "a@b c": false, "a\r\n@b": false, "a@b\r\nRCPT TO:<c@d>": false,
		"a>@b": false, "<a@b>": false, "a@b>": false, "a\x00@b": false, "a@b\n": false, `"a b"@c`: false, `"a"b"@c`: false, `"a\"@c`: false,
		"a@b..c": false, "a@.b": false, "a@-b": false, "a@[1.2.3]": false, "a@[::1]": false, "a\x7f@b": false, "a\t@b": false,
		"a\xff@b": false, "a@b\xff": false, strings.Repeat("a", 257) + "@b": false, "a@" + strings.Repeat("b.", 128) + "c": false,
	} {
		if got := validAddress(a); got != want {
			t.Errorf("%q: %v", a, got)
		}
	}
}
