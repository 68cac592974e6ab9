package pop3

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

func TestSaysGone(t *testing.T) {
	for text, gone := range map[string]bool{
		"message 31 expunged":                           true,
		"Message 31 is expunged.":                       true,
		"[EXPUNGED] 31":                                 true,
		"no such message":                               true,
		"no such message, only 2 messages in maildrop":  true,
		"No such message in this mailbox":               true,
		"There's no message 31.":                        true,
		"message 31 already deleted":                    true,
		"Message 31 has been deleted.":                  true,
		"message marked deleted":                        true,
		"Message does not exist":                        true,
		"message 31 doesn't exist in mailbox":           true,
		"[NONEXISTENT] message":                         true,
		"Unknown message":                               true,
		"Invalid message number":                        true,
		"message number out of range":                   true,
		"[SYS/TEMP] message 31 expunged":                true,
		"MESSAGE 31 EXPUNGED":                           true,
		"":                                              false,
		"cannot get the letter":                         false,
		"it is not there any more":                      false,
		"mailbox does not exist":                        false,
		"message file not found":                        false,
		"message has not been deleted":                  false,
		"no messages may be fetched now":                false,
		"command not found":                             false,
		"[SYS/TEMP] disk trouble":                       false,
		"user unknown":                                  false,
		strings.Repeat("message ", 1000) + "unreadable": false,
	} {
		if got := saysGone([]byte(text)); got != gone {
			t.Errorf("%.60q: %v", text, got)
		}
	}
}

// What a server says is judged before secrets are struck out: a password may be part of any word.
func TestGoneDespiteSecret(t *testing.T) {
	c := &talk{secrets: foreign.NewSecrets("u", "expunge")}
	err := c.refusal("RETR", 31, []byte("message 31 expunged")).(*ResponseError)
	if !err.Gone || strings.Contains(err.Text, "exp") {
		t.Errorf("%+v", err)
	}
	if err := c.refusal("PASS", 0, []byte("no such message")).(*ResponseError); err.Gone {
		t.Errorf("of no message: %+v", err)
	}
}
