package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"

	gosasl "github.com/emersion/go-sasl"
)

// client makes the messages of a mechanism other than SCRAM.
func (r *run) client(method, secret string) gosasl.Client {
	switch method {
	case "plain":
		return gosasl.NewPlainClient("", r.Username, secret)
	case "external":
		return gosasl.NewExternalClient(r.Username)
	case "login":
		return &login{answers: []string{r.Username, secret}}
	case "cram-md5":
		return &cramMD5{r.Username, secret, false}
	case "xoauth2":
		return &bearer{mechanism: "XOAUTH2", message: "user=" + r.Username + "\x01auth=Bearer " + secret + "\x01\x01", dummy: ""}
	case "oauthbearer":
		return &bearer{mechanism: "OAUTHBEARER", message: oauthBearer(r.Login, secret), dummy: "\x01"}
	}
	return nil
}

// login is LOGIN: a user name and a password, whatever the prompts say. No initial response: it was never agreed on.
type login struct{ answers []string }

func (c *login) Start() (string, []byte, error) { return "LOGIN", nil, nil }

func (c *login) Next([]byte) ([]byte, error) {
	if len(c.answers) == 0 {
		return nil, errTooMany
	}
	answer := c.answers[0]
	c.answers = c.answers[1:]
	return []byte(answer), nil
}

// cramMD5 is RFC 2195, section 2.
type cramMD5 struct {
	user, secret string
	answered     bool
}

func (c *cramMD5) Start() (string, []byte, error) { return "CRAM-MD5", nil, nil }

func (c *cramMD5) Next(challenge []byte) ([]byte, error) {
	if c.answered {
		return nil, errTooMany
	}
	c.answered = true
	mac := hmac.New(md5.New, []byte(c.secret))
	mac.Write(challenge)
	return []byte(c.user + " " + hex.EncodeToString(mac.Sum(nil))), nil
}

// bearer is a mechanism that sends an access token. A refusal begins with a challenge, JSON about the reason; it wants an
// answer that says nothing before it becomes one (RFC 7628, section 3.2.3).
type bearer struct{ mechanism, message, dummy string }

func (c *bearer) Start() (string, []byte, error) { return c.mechanism, []byte(c.message), nil }

func (c *bearer) Next([]byte) ([]byte, error) { return []byte(c.dummy), nil }

// oauthBearer is the message of RFC 7628, section 3.1.
func oauthBearer(l Login, token string) string {
	var b strings.Builder
	b.WriteString("n,a=" + saslName.Replace(l.Username) + ",")
	if l.Host != "" {
		b.WriteString("\x01host=" + l.Host)
	}
	if l.Port != 0 {
		b.WriteString("\x01port=" + strconv.Itoa(l.Port))
	}
	b.WriteString("\x01auth=Bearer " + token + "\x01\x01")
	return b.String()
}

// saslName is how a name stands in a GS2 header (RFC 5801, section 4).
var saslName = strings.NewReplacer("=", "=3D", ",", "=2C")

// apop is the digest of RFC 1939, section 7.
func apop(timestamp, secret string) string {
	sum := md5.Sum([]byte(timestamp + secret))
	return hex.EncodeToString(sum[:])
}
