package smtp

import "testing"

// letterFrom is a message with a Return-Path.
func letterFrom(path string) (string, turn) {
	s := "Return-Path: " + path + "\r\n" + letter
	return s, turn{s + ".\r\n", "250 queued\r\n"}
}

func mailFrom(a, reply string) turn { return turn{"MAIL FROM:<" + a + ">\r\n", reply + "\r\n"} }

// TestSenderThatCannotBeSent: where a message came from never keeps it from its recipients.
func TestSenderThatCannotBeSent(t *testing.T) {
	for name, tt := range map[string]struct {
		path, sent string
		keywords   []string
	}{
		"plain":                        {"<r@a.example>", "r@a.example", nil},
		"8-bit local part, no UTF8":    {"<ü@a.example>", "", []string{"8BITMIME"}},
		"8-bit domain, no UTF8":        {"<r@ü.example>", "", []string{"8BITMIME"}},
		"8-bit, and UTF8 is offered":   {"<ü@ü.example>", "ü@ü.example", []string{"SMTPUTF8"}},
		"8-bit that is no UTF-8":       {"<\xfc@a.example>", "", []string{"SMTPUTF8"}},
		"nothing that is an address":   {"<root>", "", nil},
		"a source route":               {"<@a.example:r@b.example>", "r@b.example", nil},
		"a source route that is 8-bit": {"<@ü.example:r@b.example>", "r@b.example", nil},
	} {
		t.Run(name, func(t *testing.T) {
			body, text := letterFrom(tt.path)
			utf8 := ""
			if !ascii(tt.sent) {
				utf8 = " SMTPUTF8"
			}
			mail := turn{"MAIL FROM:<" + tt.sent + ">" + utf8 + "\r\n", "250 ok\r\n"}
			if len(tt.keywords) == 1 && tt.keywords[0] == "8BITMIME" {
				mail = turn{"MAIL FROM:<" + tt.sent + "> BODY=8BITMIME\r\n", "250 ok\r\n"} // the field is in the content
			}
			r := newRig(t, hello(tt.keywords...).and(mail, rcpt, data, text))
			s := r.sender(func(o *Options) { o.From = "original" })
			wants(t, s.Send(t.Context(), outgoing("id1", body)), "ok")
			r.end(s)
		})
	}
}

// TestSenderRefused: a sender that the message named is replaced by <> once, if the server refuses it as an address for good.
func TestSenderRefused(t *testing.T) {
	body, text := letterFrom("<r@a.example>")
	for name, tt := range map[string]struct {
		refusal, second string // "": no second try
		short, words    string
	}{
		"bad syntax of the address": {"501 5.1.7 bad sender address syntax", "250 ok", "ok", ""},
		"its domain is not known":   {"550 5.1.8 domain not found", "250 ok", "ok", ""},
		"553 without more":          {"553 sender no good", "250 ok", "ok", ""},
		"550 in words":              {"550 Sender rejected", "250 ok", "ok", ""},
		"<> is refused as well":     {"550 5.1.8 domain not found", "550 5.7.1 null sender", "message permanent envelope", "domain not found"},
		"and for now":               {"550 5.1.8 domain not found", "451 4.7.1 later", "message permanent envelope", "domain not found"},
		"for now":                   {"450 4.1.8 domain not found", "", "message envelope", "4.1.8"},
		"who may use it":            {"553 5.7.1 not owned by user", "", "message permanent envelope", "not owned"},
		"we may not":                {"550 5.7.1 Sender address rejected: not logged in", "", "message permanent envelope", ""},
		"no reason":                 {"550 no", "", "message permanent envelope", ""},
	} {
		t.Run(name, func(t *testing.T) {
			script := hello().and(mailFrom("r@a.example", tt.refusal), rset)
			if tt.second != "" {
				script = script.and(mailFrom("", tt.second))
				if tt.short == "ok" {
					script = script.and(rcpt, data, text)
				} else {
					script = script.and(rset)
				}
			}
			r := newRig(t, script)
			s := r.sender(func(o *Options) { o.From = "original" })
			wants(t, s.Send(t.Context(), outgoing("id1", body)), tt.short, tt.words)
			r.end(s)
		})
	}
	for name, tt := range map[string]struct{ one, two, short string }{
		"at RCPT":                        {"550 5.1.8 no such domain", "550 5.1.8 no such domain", "ok"},
		"at RCPT in words":               {"550 Sender verify failed", "550 Sender verify failed", "ok"},
		"at RCPT, by one":                {"550 5.1.8 no such domain", "550 5.1.1 no such user", "message permanent envelope"},
		"at RCPT, and another takes it":  {"550 5.1.8 no such domain", "250 ok", "message permanent envelope rest"},
		"at RCPT, and it is no sender's": {"553 no such user", "553 no such user", "message permanent envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			script := hello().and(mailFrom("r@a.example", "250 ok"), to("x", tt.one), to("z", tt.two))
			switch tt.short {
			case "ok":
				script = script.and(rset, mailFrom("", "250 ok"), to("x", "250 ok"), to("z", "250 ok"), data, text)
			case "message permanent envelope rest":
				script = script.and(data, text)
			default:
				script = script.and(rset)
			}
			r := newRig(t, script)
			s := r.sender(func(o *Options) { o.From, o.To = "original", []string{"x@y.example", "z@y.example"} })
			wants(t, s.Send(t.Context(), outgoing("id1", body)), tt.short)
			r.end(s)
		})
	}
	t.Run("a sender that a person set", func(t *testing.T) {
		r := newRig(t, hello().and(mailFrom("a@b.example", "550 5.1.8 no"), rset))
		s := r.sender(nil)
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "message permanent envelope")
		r.end(s)
	})
	t.Run("one that a person set takes SMTPUTF8", func(t *testing.T) {
		r := newRig(t, hello())
		s := r.sender(func(o *Options) { o.From = "ü@b.example" })
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "target permanent", "SMTPUTF8", "in ASCII")
		r.end(s)
	})
	t.Run("sent ahead", func(t *testing.T) {
		ahead := mailFrom("r@a.example", "").want + "RCPT TO:<x@y.example>\r\nDATA\r\n"
		first, firstText := letterFrom("<q@a.example>")
		r := newRig(t, hello("PIPELINING").and(
			turn{mailFrom("q@a.example", "").want + "RCPT TO:<x@y.example>\r\nDATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"},
			turn{firstText.want + ahead, "250 queued\r\n550 5.1.8 no\r\n503 first a sender\r\n503 no recipients\r\n"},
			rset, turn{ahead, "550 5.1.8 no\r\n503 first a sender\r\n503 no recipients\r\n"}, rset,
			turn{"MAIL FROM:<>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"}, text))
		s := r.sender(func(o *Options) { o.From = "original" })
		m, next := outgoing("id1", first), outgoing("id2", body)
		m.Next = &next
		wants(t, s.Send(t.Context(), m), "ok")
		wants(t, s.Send(t.Context(), outgoing("id2", body)), "ok")
		r.end(s)
	})
}
