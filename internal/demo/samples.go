package demo

import (
	"fmt"
	"strings"
)

// sample is one message of the demo's mailbox.
type sample struct {
	about string // for the table
	data  string // CRLF line ends
}

// samples are messages of the kinds that fetchers stumble over.
func samples() []sample {
	head := func(n int, subject string) string {
		return fmt.Sprintf("Received: from mail.example.org by pop.example.org; Mon, 23 Nov 2026 10:00:%02d +0000\r\n"+
			"From: Ada <ada@example.org>\r\nTo: you@example.org\r\nSubject: %s\r\n"+
			"Date: Mon, 23 Nov 2026 10:00:%02d +0000\r\nMessage-ID: <demo-%d@example.org>\r\n\r\n", n, subject, n, n)
	}
	return []sample{
		{"plain text", head(1, "Welcome") + "Hello,\r\n\r\nthis message came by POP3.\r\n"},
		{"lines that begin with dots", head(2, "Dots") + ".\r\n..\r\n.hidden\r\nend\r\n"},
		{"one line of 100,000 octets", head(3, "Long") + strings.Repeat("0123456789", 10_000) + "\r\n"},
		{"a dot between bare line feeds", head(4, "Forged end") + "before\n.\nafter: still the same message\r\n"},
		{"NUL, 8-bit and a bare CR", head(5, "Bytes") + "a\x00b \xe4\xf6\xfc c\rd\r\n"},
		{"a From_ line first", "From ada@example.org Mon Nov 23 10:00:06 2026\r\n" + head(6, "From_") + "body\r\n"},
		{"no header at all", "\r\nOnly a body.\r\n"},
		{"empty", ""},
		{"128 KiB attachment", head(9, "Attachment") + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 1683)},
		{"a twin of the first, by another unique-id", head(1, "Welcome") + "Hello,\r\n\r\nthis message came by POP3.\r\n"},
	}
}
