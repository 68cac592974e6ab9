package probe

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/popsync/popsync/deliver/smtp"
)

// What was not asked is not said to be well.
func TestMailServerText(t *testing.T) {
	m := MailServer{Username: "me", Recipients: 1}
	for _, tt := range []struct {
		original bool
		tls      bool // is to be
		saw      smtp.Sight
		err      error
		want     string
	}{
		{false, false, smtp.Sight{Connected: true}, errors.New("x"), "connected, NOT encrypted"},
		{false, false, smtp.Sight{Connected: true, LoggedIn: true}, nil,
			"connected, NOT encrypted, logged in as me; sender and recipients were not tried, as each message names its own"},
		{false, false, smtp.Sight{Connected: true, Asked: true, From: "a@h"}, nil, "connected, NOT encrypted; it accepts the sender <a@h> and 1 recipient; no message was sent"},
		{true, false, smtp.Sight{Connected: true, Asked: true}, nil,
			"connected, NOT encrypted; it accepts the sender <>, where each message will have its own, and 1 recipient; no message was sent"},
		{false, true, smtp.Sight{Connected: true}, errors.New("no STARTTLS"), "connected"},
		{false, true, smtp.Sight{Connected: true, TLS: &tls.ConnectionState{Version: tls.VersionTLS13}}, errors.New("login refused"),
			"connected, encrypted (TLS 1.3), key pinned: who issued its certificate, its names and its dates were not looked at"},
	} {
		m.Original, m.Plain = tt.original, !tt.tls
		if got := m.text(tt.saw, tt.err); got != tt.want {
			t.Errorf("%+v: %s", tt.saw, got)
		}
	}
}
