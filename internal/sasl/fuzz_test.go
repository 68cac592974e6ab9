package sasl

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

// hostile is a Wire whose server says what the fuzzer wants.
type hostile struct {
	said  [][]byte // lines: their first octet says what they are
	heard [][]byte
	turns int
}

func (h *hostile) next(heard []byte) (Step, error) {
	h.heard = append(h.heard, heard)
	if h.turns++; len(h.said) == 0 {
		return Step{}, errCut
	}
	line := h.said[0]
	h.said = h.said[1:]
	if len(line) == 0 {
		return Step{}, errNo
	}
	switch text := line[1:]; line[0] {
	case '+':
		return Step{Text: []byte(base64.StdEncoding.EncodeToString(text))}, nil
	case 'r':
		return Step{Text: text}, nil
	case 'o':
		return Step{Done: true, Text: text}, nil
	case 'u':
		return Step{}, errUnknown
	case 'i':
		return Step{}, errNoInitial
	case 'l':
		return Step{}, errLater
	}
	return Step{}, errNo
}

func (h *hostile) Begin(_ string, initial []byte) (Step, error) { return h.next(initial) }
func (h *hostile) Answer(response []byte) (Step, error)         { return h.next(response) }
func (h *hostile) Cancel() error                                { _, err := h.next(nil); return err }
func (h *hostile) Hide(*foreign.Secrets)                        {}
func (h *hostile) Means(err error) Refusal                      { return (&script{}).Means(err) }
func (h *hostile) Plainly(_, _, secret string) error {
	_, err := h.next([]byte(secret))
	return err
}

// FuzzRun: whatever a server says, a login ends; SCRAM never succeeds at one that does not know the password, and never sends it
// where nothing protects it.
func FuzzRun(f *testing.F) {
	for _, seed := range []string{
		"+r=abcserver,s=QSXCR+Q6sek8bf92,i=4096\n+v=AAAA\no", "+\n+r=abc1,s=QSXC,i=1\no", "+r=abc1,s=QSXC,i=4294967297\n-", "re=x\no\n", "i\nr+\n+", "u\no", "\n\n", "o",
		"+e=other-error\n-\n", "+m=ext,r=abc1,s=QSXC,i=4096", "+r=abc1,s==,i=4096\n-",
	} {
		for i := range preferred {
			f.Add([]byte(seed), uint8(i))
		}
	}
	names := Methods()
	f.Fuzz(func(t *testing.T, said []byte, which uint8) {
		const secret = "correct horse battery"
		method := names[int(which)%len(names)]
		for _, auth := range []string{"auto", method} {
			h := &hostile{said: bytes.Split(said, []byte("\n"))}
			r := &run{Login: Login{Username: "me", Password: password(secret), Auth: auth, Worked: method}, wire: h, nonce: func() string { return "abc" },
				offer: Offer{Known: true, Mechanisms: []string{"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"}, User: true, Timestamp: "<1@x>", Line: 512}}
			out, err := r.all(t.Context())
			if isSCRAM(out.Method) && err == nil {
				t.Errorf("%s: in without a proof", out.Method)
			}
			if h.turns > 4*maxChallenges {
				t.Errorf("%d turns", h.turns)
			}
			for _, heard := range h.heard {
				if isSCRAM(method) && (auth != "auto" || isSCRAM(r.worked())) && bytes.Contains(heard, []byte(secret)) {
					t.Errorf("%s, %s: the password was sent", auth, method)
				}
			}
			var nonsense *ChallengeError
			if errors.As(err, &nonsense) && bytes.Contains([]byte(err.Error()), []byte(secret)) {
				t.Error("the error has the password")
			}
		}
	})
}
