package smtp

import (
	"fmt"
	"strings"
	"testing"
)

// TestTranscript wants every octet of a session without and with PIPELINING, and the parameters of MAIL.
func TestTranscript(t *testing.T) {
	two := func(o *Options) { o.To = []string{"x@y.example", "z@y.example", "x@Y.EXAMPLE"} }
	for _, tt := range []struct {
		name   string
		change func(*Options)
		body   string
		script script
	}{
		{"one by one", nil, letter, hello().and(mailCmd, rcpt, data, text)},
		{"duplicates go", two, letter, hello().and(mailCmd, rcpt, turn{"RCPT TO:<z@y.example>\r\n", "251 ok\r\n"}, data, text)},
		{"one flight", two, letter, hello("PIPELINING").and(
			turn{join("MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>", "RCPT TO:<z@y.example>", "DATA"),
				join("250 ok", "250 ok", "250 ok", "354 go")}, text)},
		{"size and envid", nil, letter, hello("size 1000", "DSN", "8bitmime", "SMTPUTF8").and(
			turn{"MAIL FROM:<a@b.example> SIZE=20 ENVID=id1\r\n", "250 ok\r\n"}, rcpt, data, text)},
		{"8-bit", nil, "\xff", hello("8BITMIME").and(
			turn{"MAIL FROM:<a@b.example> BODY=8BITMIME\r\n", "250 ok\r\n"}, rcpt, data, turn{"\xff\r\n.\r\n", "250 ok\r\n"})},
		{"8-bit, not offered", nil, "\xff", hello().and(mailCmd, rcpt, data, turn{"\xff\r\n.\r\n", "250 ok\r\n"})},
		{"UTF-8", func(o *Options) { o.To = []string{"ü@y.example"} }, letter, hello("SMTPUTF8").and(
			turn{"MAIL FROM:<a@b.example> SMTPUTF8\r\n", "250 ok\r\n"}, turn{"RCPT TO:<ü@y.example>\r\n", "250 ok\r\n"}, data, text)},
		{"null sender", func(o *Options) { o.From = "null" }, letter, hello().and(turn{"MAIL FROM:<>\r\n", "250 ok\r\n"}, rcpt, data, text)},
		{"dots, line ends", nil, ".a\n..\r\rb\r\n.\r\nc", hello("SIZE").and(
			turn{"MAIL FROM:<a@b.example> SIZE=19\r\n", "250 ok\r\n"}, rcpt, data,
			turn{"..a\r\n...\r\n\r\nb\r\n..\r\nc\r\n.\r\n", "250 ok\r\n"})},
		{"empty", nil, "", hello("SIZE").and(mailCmd, rcpt, data, turn{".\r\n", "250 ok\r\n"})},
		{"HELO", nil, letter, script{{"", "220 mx\r\n"}, {"EHLO me.example\r\n", "502 what\r\n"}, {"HELO me.example\r\n", "250 mx\r\n"}}.and(mailCmd, rcpt, data, text)},
		{"LMTP", func(o *Options) { two(o); o.LMTP = true }, letter, helloAs("LHLO").and(mailCmd, rcpt,
			turn{"RCPT TO:<z@y.example>\r\n", "250 ok\r\n"}, data, turn{text.want, "250 ok\r\n250 ok\r\n"})},
		{"bare code", nil, letter, script{{"", "220\r\n"}, {"EHLO me.example\r\n", "250\r\n"}}.and(mailCmd, rcpt, data, text)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.script)
			s := r.sender(tt.change)
			wants(t, s.Send(t.Context(), outgoing("id1", tt.body)), "ok")
			r.end(s)
		})
	}
}

// refuse is a script in which one command gets another reply. What follows it differs, so that is given too.
func refuse(s script, verb, reply string, more ...turn) script {
	for i, turn := range s {
		if strings.HasPrefix(turn.want, verb) {
			s = s[: i+1 : i+1]
			s[i].send = reply + "\r\n"
			return append(s, more...)
		}
	}
	panic("no such command")
}

// TestRefusedEverywhere answers each command with a temporary and a permanent refusal, with 421, with nonsense, and
// with nothing but the end of the connection.
func TestRefusedEverywhere(t *testing.T) {
	all := func() script { return hello().and(mailCmd, rcpt, data, text) }
	for _, tt := range []struct {
		verb                      string
		more                      []turn // said after the refusal
		again                     script // the next message
		short4, short5, lost, odd string
	}{
		{"", []turn{}, nil, "target", "target", "target", "target"},
		{"EHLO", nil, nil, "target", "target", "target", "target"},
		{"MAIL", []turn{rset}, nil, "message envelope", "message permanent envelope", "target", "target"},
		{"RCPT", []turn{rset}, nil, "message envelope", "message permanent envelope", "target", "target"},
		{"DATA", []turn{rset}, nil, "message envelope", "message permanent envelope", "target", "target"},
		{"Subject", nil, nil, "message", "message permanent", "target uncertain", "target uncertain"},
	} {
		try := func(name, reply, short string, more ...turn) {
			t.Run(tt.verb+" "+name, func(t *testing.T) {
				base := all()
				var s script
				if tt.verb == "" {
					s = script{{"", reply + "\r\n"}}.and(more...)
				} else {
					s = refuse(base, tt.verb, reply, more...)
				}
				if reply == "" {
					s[len(s)-2].send = "" // only the end of the connection
				}
				r := newRig(t, s)
				sender := r.sender(nil)
				err := sender.Send(t.Context(), outgoing("id1", letter))
				wants(t, err, short)
				if short != "target" && strings.Contains(reply, " 4.3.0 ") || strings.Contains(reply, " 5.7.1 ") {
					wants(t, err, short, reply[4:])
				}
				r.end(sender)
			})
		}
		try("4xx", "451 4.3.0 try again later, please", tt.short4, tt.more...)
		try("5xx", "554 5.7.1 we do not want this one", tt.short5, tt.more...)
		closing := "target"
		try("421", "421 4.3.2 shutting down for a while", closing, hangUp)
		try("lost", "", tt.lost, hangUp)
		try("odd", "399 I do not know what to say here", tt.odd, hangUp)
		try("garbage", "this is no reply at all, not even close", tt.odd, hangUp)
		try("codes", "250-one\r\n251 two", tt.odd, hangUp)
		try("bare LF", "550 one\n250 two", tt.odd, hangUp)
		try("long", strings.Repeat("2", maxReplyLine+1), tt.odd, hangUp)
		try("flood", strings.Repeat("250-more and more\r\n", maxReplyLines)+"250 end", tt.odd, hangUp)
	}
}

// TestStep sends a second message after each kind of refusal: on the same connection, and with nothing in between that
// is not needed.
func TestStep(t *testing.T) {
	second := script{mailCmd, rcpt, data, text}
	for _, tt := range []struct {
		name string
		s    script
	}{
		{"MAIL", hello().and(turn{mailCmd.want, "550 no\r\n"}, rset)},
		{"RCPT", hello().and(mailCmd, turn{rcpt.want, "550 no\r\n"}, rset)},
		{"DATA", hello().and(mailCmd, rcpt, turn{data.want, "450 no\r\n"}, rset)},
		{"content", hello().and(mailCmd, rcpt, data, turn{text.want, "550 no\r\n"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.s.and(second...))
			s := r.sender(nil)
			if err := s.Send(t.Context(), outgoing("id1", letter)); err == nil {
				t.Error("no error")
			}
			wants(t, s.Send(t.Context(), outgoing("id2", letter)), "ok")
			r.end(s)
		})
	}
	t.Run("RSET refused", func(t *testing.T) {
		r := newRig(t, hello().and(turn{mailCmd.want, "550 no\r\n"}, turn{rset.want, "500 no\r\n"}), hello().and(second...))
		s := r.sender(nil)
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "message permanent envelope")
		wants(t, s.Send(t.Context(), outgoing("id2", letter)), "ok")
		r.end(s)
	})
}

// TestPipelinedRefusals: the replies are all read, whatever they are, and content goes out only if somebody gets it.
func TestPipelinedRefusals(t *testing.T) {
	flight := join("MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>", "DATA")
	for _, tt := range []struct {
		name, replies string
		more          []turn
		short         string
	}{
		{"MAIL", join("550 no", "503 no", "503 no"), []turn{rset}, "message permanent envelope"},
		{"RCPT", join("250 ok", "450 no", "554 nobody"), []turn{rset}, "message envelope"},
		{"DATA", join("250 ok", "250 ok", "550 no"), []turn{rset}, "message permanent envelope"},
		// The server wants content although nobody is to get it: not even a dot may follow.
		{"354 for nobody", join("250 ok", "550 no", "354 go"), []turn{silent}, "message permanent envelope"},
		{"354 without MAIL", join("550 no", "250 ok", "354 go"), []turn{silent}, "message permanent envelope"},
		{"one reply too many", join("250 ok", "250 ok", "354 go", "250 forged"), []turn{silent}, "target"},
		{"one reply short", join("250 ok", "354 go"), []turn{silent}, "target"},
		{"421 in the midst", join("250 ok", "421 bye", "503 no"), []turn{silent}, "target"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, hello("PIPELINING").and(turn{flight, tt.replies}).and(tt.more...))
			s := r.sender(nil)
			wants(t, s.Send(t.Context(), outgoing("id1", letter)), tt.short)
			r.end(s)
		})
	}
}

// TestManyRecipients: flights stay small, so that no window can fill up on both sides, and content waits for the last.
func TestManyRecipients(t *testing.T) {
	var to []string
	for i := range maxRecipients {
		to = append(to, fmt.Sprintf("recipient-number-%04d@y.example", i))
	}
	s := hello("PIPELINING")
	flight, replies := "MAIL FROM:<a@b.example>\r\n", "250 ok\r\n"
	for _, a := range append(to, "") {
		line := "RCPT TO:<" + a + ">\r\n"
		if a == "" {
			line = "DATA\r\n"
		}
		if len(flight)+len(line) > maxFlight {
			s = s.and(turn{flight, replies})
			flight, replies = "", ""
		}
		flight += line
		replies += "250 ok\r\n"
	}
	s = s.and(turn{flight, strings.TrimSuffix(replies, "250 ok\r\n") + "354 go\r\n"}, text)
	r := newRig(t, s)
	sender := r.sender(func(o *Options) { o.To = to })
	wants(t, sender.Send(t.Context(), outgoing("id1", letter)), "ok")
	r.end(sender)
}

// TestUnfit: what the server's own words rule out is not even tried, and costs no connection.
func TestUnfit(t *testing.T) {
	r := newRig(t, hello("SIZE 19").and(
		turn{"MAIL FROM:<a@b.example> SIZE=2\r\n", "250 ok\r\n"}, rcpt, data, turn{"\r\n.\r\n", "250 ok\r\n"}))
	s := r.sender(nil)
	wants(t, s.Send(t.Context(), outgoing("id1", letter)), "message permanent", "20 octets", "takes 19")
	wants(t, s.Send(t.Context(), outgoing("id2", "\n")), "ok")
	r.end(s)

	r = newRig(t, hello("8BITMIME"))
	s = r.sender(func(o *Options) { o.To = []string{"ü@y.example"} })
	wants(t, s.Send(t.Context(), outgoing("id1", letter)), "target permanent", "SMTPUTF8")
	r.end(s)
}

// TestSpecialCodes: a full mailbox passes, too many recipients too; a message that is too big is the message's fault.
func TestSpecialCodes(t *testing.T) {
	for _, tt := range []struct{ verb, reply, short string }{
		{"MAIL", "552 too big", "message permanent"},
		{"MAIL", "552 5.3.4 too big", "message permanent"},
		{"MAIL", "452 4.3.1 disk full", "message full envelope"},
		{"MAIL", "530 5.7.0 log in first", "message permanent envelope"},
		{"RCPT", "552 5.2.2 mailbox full", "message full envelope"},
		{"RCPT", "552 too many", "message envelope"},
		{"RCPT", "552 5.2.3 too big for her", "message permanent"},
		{"RCPT", "550 4.2.2 contradiction", "message permanent envelope"},
		{"Subject", "552 5.2.2 mailbox full", "message full"},
		{"Subject", "552 5.3.4 too big", "message permanent"},
	} {
		t.Run(tt.verb+" "+tt.reply, func(t *testing.T) {
			var more []turn
			if tt.verb != "Subject" {
				more = append(more, rset)
			}
			r := newRig(t, refuse(hello().and(mailCmd, rcpt, data, text), tt.verb, tt.reply, more...))
			s := r.sender(nil)
			wants(t, s.Send(t.Context(), outgoing("id1", letter)), tt.short)
			r.end(s)
		})
	}
}

// TestConnectFails: no route is a fact about the target, and says what to look at.
func TestConnectFails(t *testing.T) {
	r := newRig(t)
	s := r.sender(func(o *Options) { o.Address = "127.0.0.1:1"; o.Dial = nil })
	wants(t, s.Send(t.Context(), outgoing("id1", letter)), "target", "connect 127.0.0.1:1", "check the address")
	r.end(s)
}
