package command

import (
	"strings"
	"testing"
)

func TestEnvelopeSender(t *testing.T) {
	long := strings.Repeat("x", 65)
	for header, want := range map[string]string{
		"":                             "",
		"From: a@b.c":                  "a@b.c",
		"FROM \t: <a@b.c>":             "a@b.c",
		"From:\r\n\tJo\r\n  <a@b.c>":   "a@b.c",
		"From: a@b.c\r\nSender: s@b.c": "s@b.c",
		"Sender: s@b.c\r\nReturn-Path: <r@b.c>\r\nFrom: a@b.c": "r@b.c",
		"Return-Path: <>\r\nFrom: a@b.c":                       "",
		"Return-Path: nonsense\r\nFrom: a@b.c":                 "",
		"Return-Path: <r@b.c>\r\nReturn-Path: <x@b.c>":         "r@b.c",
		"Return-Path: <@r.example,@q.example:r@b.c>":           "r@b.c",
		"Subject: x\r\n\r\nFrom: a@b.c":                        "",
		"Subject: x\r\n From: a@b.c":                           "",
		"From mbox Tue\r\nFrom: a@b.c":                         "a@b.c",
		"no field\r\n folded\r\nFrom: a@b.c\r\nX: y\r\n z":     "a@b.c",
		`From: "Jo <x@y.z>, \" ok" <a@b.c>`:                    "a@b.c",
		"From: Jo (a (nested \\) x@y.z) one) <a@b.c>":          "a@b.c",
		"From: a@b.c (Jo), d@e.f":                              "a@b.c",
		"From: Doe, Jo <a@b.c>, d@e.f":                         "a@b.c",
		"From: Team: a@b.c, d@e.f;":                            "a@b.c",
		"From: undisclosed:;":                                  "",
		"From: =?utf-8?q?J=C3=B6?= <a@b.c>":                    "a@b.c",
		"From: J\xf6 <a@b.c>":                                  "a@b.c",
		"From: <j\xc3\xb6@b.c>":                                "",
		"From: Jo a@b.c":                                       "",
		"From: <a@b.c":                                         "",
		`From: "a@b.c`:                                         "",
		"From: (a@b.c":                                         "",
		`From: "a b"@c.d`:                                      "",
		"From: a@b@c.d":                                        "",
		"From: @b.c":                                           "",
		"From: a@":                                             "",
		"From: a..b@c.d":                                       "",
		"From: .a@c.d":                                         "",
		"From: a@c..d":                                         "",
		"From: a@-c.d":                                         "",
		"From: a@c_d.e":                                        "",
		"From: -f@c.d":                                         "",
		"From: <-f@c.d>":                                       "",
		"From: <@r.example:-f@c.d>":                            "",
		"From: a`id`@c.d":                                      "",
		"From: a$x@c.d":                                        "",
		"From: a|x@c.d":                                        "",
		"From: a&x@c.d":                                        "",
		"From: a;x@c.d":                                        "x@c.d",
		"From: a\x00@c.d":                                      "",
		"From: o'b!#%*+-/=?^_{}~@x.example":                    "o'b!#%*+-/=?^_{}~@x.example",
		"From: a@[127.0.0.1]":                                  "a@[127.0.0.1]",
		"From: a@[IPv6:::1]":                                   "a@[IPv6:::1]",
		"From: a@[x y]":                                        "",
		"From: a@[]":                                           "",
		"From: " + long[1:] + "@c.d":                           long[1:] + "@c.d",
		"From: " + long + "@c.d":                               "",
	} {
		for _, end := range []string{"", "\r\n", "\r\n\r\nbody", "\r\n\r\nReturn-Path: <b@o.dy>\r\n"} {
			if got := envelopeSender([]byte(header+end), false); got != want {
				t.Errorf("%q: %q, want %q", header+end, got, want)
			}
			lf := strings.ReplaceAll(header+end, "\r\n", "\n")
			if got := envelopeSender([]byte(lf), false); got != want {
				t.Errorf("%q: %q, want %q", lf, got, want)
			}
		}
	}
}

// Half an address is another address.
func TestEnvelopeSenderBeyondTheScan(t *testing.T) {
	pad := "X: " + strings.Repeat("x", headerScan-22) + "\r\n"
	for _, tail := range []string{"From: a@b.c.example\r\n\r\n", "From:\r\n a@b.c.example\r\n\r\n"} {
		s := sender(t, Options{Args: []string{"/bin/cat"}})
		got, _, err := s.envelope(outgoing(pad + tail))
		if must(t, err); got != "" {
			t.Errorf("%q", got)
		}
		got, _, err = s.envelope(outgoing(pad[10:] + tail[:len(tail)-2]))
		if must(t, err); got != "a@b.c.example" {
			t.Errorf("%q", got)
		}
	}
	if got := envelopeSender([]byte("From: x@y.z\r\n <a@b.c"), true); got != "" {
		t.Errorf("%q", got)
	}
	if got := envelopeSender([]byte("From: a@b.c\r\nX: y"), true); got != "a@b.c" {
		t.Errorf("%q", got)
	}
}
