package server

import "testing"

// What a person reads counts one and many.
func TestOnlyInOneListing(t *testing.T) {
	for want, got := range map[string]string{
		"1 message is in UIDL alone":                               only(1, 0),
		"2 messages are in LIST alone":                             only(0, 2),
		"1 message is in UIDL alone, 3 messages are in LIST alone": only(1, 3),
		"0 messages are in LIST alone":                             only(0, 0),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
