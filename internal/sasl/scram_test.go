package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"testing"
)

// TestVectors plays the exchanges of RFC 5802, section 5, and RFC 7677, section 3.
func TestVectors(t *testing.T) {
	for _, tt := range []struct{ method, nonce, first, challenge, final, proof string }{
		{"scram-sha-1", "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
		{"scram-sha-256", "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	} {
		wrong := "v=" + base64.StdEncoding.EncodeToString(make([]byte, 32))
		proof := base64.StdEncoding.EncodeToString([]byte(tt.proof))
		for name, c := range map[string]struct {
			turns []string
			ok    bool
		}{
			"as it stands":          {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "+ " + tt.proof, "> ", "ok"}, true},
			"in two steps":          {[]string{strings.ToUpper(tt.method), "+ ", "> " + tt.first, "+ " + tt.challenge, "> " + tt.final, "+ " + tt.proof, "> ", "ok"}, true},
			"overlooked":            {[]string{strings.ToUpper(tt.method) + " " + tt.first, "raw go ahead!", "> " + tt.first, "+ " + tt.challenge, "> " + tt.final, "+ " + tt.proof, "> ", "ok"}, true},
			"proof with the end":    {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "ok " + proof + " welcome"}, true},
			"no proof":              {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "ok welcome"}, false},
			"wrong proof at end":    {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "ok " + base64.StdEncoding.EncodeToString([]byte(wrong))}, false},
			"wrong proof":           {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "+ " + wrong, "*", "no"}, false},
			"done at once":          {[]string{strings.ToUpper(tt.method) + " " + tt.first, "ok"}, false},
			"another nonce":         {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ r=x" + tt.challenge[3:], "*", "no"}, false},
			"a million and one":     {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge[:len(tt.challenge)-4] + "1000001", "*", "no"}, false},
			"more than a number":    {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge[:len(tt.challenge)-4] + "99999999999999999999", "*", "no"}, false},
			"none":                  {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge[:len(tt.challenge)-4] + "0", "*", "no"}, false},
			"twice, the first mild": {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge[:len(tt.challenge)-4] + "1,i=99999999", "*", "no"}, false},
			"no base64":             {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "raw !!", "*", "no"}, false},
			"refused":               {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "+ e=invalid-proof", "> ", "no"}, false},
			"refused and welcome":   {[]string{strings.ToUpper(tt.method) + " " + tt.first, "+ " + tt.challenge, "> " + tt.final, "+ e=invalid-proof", "> ", "ok " + proof}, false},
		} {
			w := &script{t: t, turns: c.turns}
			r := &run{Login: Login{Username: "user", Password: password("pencil"), Auth: tt.method, TwoSteps: name == "in two steps"},
				offer: Offer{Known: true, Line: 512}, wire: w, nonce: func() string { return tt.nonce }}
			err := r.run(t.Context())
			if (err == nil) != c.ok {
				t.Errorf("%s, %s: %v", tt.method, name, err)
			}
			var nonsense *ChallengeError
			if refused := name == "refused"; !c.ok && (errors.As(err, &nonsense) == refused) {
				t.Errorf("%s, %s: %v", tt.method, name, err)
			}
			w.end()
		}
	}
}

// bound is a scripted server of SCRAM with -PLUS, written for this test alone: it takes the proof only over the connection that it
// has itself.
type bound struct {
	t       *testing.T
	newHash func() hash.Hash
	prefix  string // of the binding: "p=tls-exporter,,"
	binding []byte
	first   string // the client's first message without header, then all of the exchange
	said    []string
}

func (b *bound) mac(key, text []byte) []byte {
	m := hmac.New(b.newHash, key)
	m.Write(text)
	return m.Sum(nil)
}

func (b *bound) answer(message string) (Step, error) {
	b.said = append(b.said, message)
	encode := base64.StdEncoding.EncodeToString
	salt := []byte("0123456789abcdef")
	if b.first == "" {
		rest, ok := strings.CutPrefix(message, b.prefix)
		if !ok {
			b.t.Errorf("%q begins otherwise than %q", message, b.prefix)
			return Step{}, errNo
		}
		b.first = rest
		_, nonce, _ := strings.Cut(rest, ",r=")
		challenge := "r=" + nonce + "server,s=" + encode(salt) + ",i=4096"
		b.first += "," + challenge
		return Step{Text: []byte(encode([]byte(challenge)))}, nil
	}
	if message == "" {
		return Step{Done: true}, nil
	}
	without, proof, _ := strings.Cut(message, ",p=")
	if want := "c=" + encode(append([]byte(b.prefix), b.binding...)); !strings.HasPrefix(without, want+",") {
		return Step{}, errNo
	}
	salted, err := pbkdf2.Key(b.newHash, "pencil", salt, 4096, b.newHash().Size())
	if err != nil {
		b.t.Error(err)
	}
	clientKey := b.mac(salted, []byte("Client Key"))
	h := b.newHash()
	h.Write(clientKey)
	auth := []byte(b.first + "," + without)
	want := b.mac(h.Sum(nil), auth)
	for i := range want {
		want[i] ^= clientKey[i]
	}
	if encode(want) != proof {
		return Step{}, errNo
	}
	return Step{Text: []byte(encode([]byte("v=" + encode(b.mac(b.mac(salted, []byte("Server Key")), auth)))))}, nil
}

// boundWire carries to it.
type boundWire struct {
	script
	b *bound
}

func (w *boundWire) Begin(_ string, initial []byte) (Step, error) { return w.b.answer(string(initial)) }
func (w *boundWire) Answer(response []byte) (Step, error)         { return w.b.answer(string(response)) }

// TestPlus: -PLUS is preferred, and binds to the connection; over another one the server refuses, and where it worked before
// nothing follows.
func TestPlus(t *testing.T) {
	for _, tt := range []struct {
		method  string
		newHash func() hash.Hash
		cfg     *tls.Config
	}{
		{"scram-sha-256-plus", sha256.New, &tls.Config{}},
		{"scram-sha-1-plus", sha1.New, &tls.Config{MaxVersion: tls.VersionTLS12}},
		{"scram-sha-256-plus", sha256.New, &tls.Config{MaxVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateOnceAsClient}},
	} {
		for _, between := range []bool{false, true} {
			client, server := shake(t, tt.cfg)
			if between {
				_, server = shake(t, tt.cfg)
			}
			b := &bound{t: t, newHash: tt.newHash, prefix: "p=tls-exporter,,"}
			var err error
			if b.binding, err = server.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err != nil {
				t.Fatal(err)
			}
			if tt.cfg.Renegotiation != tls.RenegotiateNever {
				cert := client.PeerCertificates[0]
				if between {
					cert = modern(t).PeerCertificates[0]
				}
				sum := sha256.Sum256(cert.Raw)
				b.prefix, b.binding = "p=tls-server-end-point,,", sum[:]
			}
			w := &boundWire{script{t: t}, b}
			out, err := Run(t.Context(), Login{Username: "user", Password: password("pencil"), Worked: map[bool]string{true: tt.method}[between]},
				Offer{Known: true, Mechanisms: []string{"PLAIN", "SCRAM-SHA-1", strings.ToUpper(tt.method)}, User: true, TLS: &client, Line: 512}, w)
			if (err == nil) == between || out.Method != tt.method || between && err != errNo {
				t.Errorf("%s, somebody between %v: %+v, %v", tt.method, between, out, err)
			}
			for _, said := range b.said {
				if strings.Contains(said, "pencil") {
					t.Error("the password was sent")
				}
			}
		}
	}
}

// TestHiddenPlus: where the server announces no -PLUS although the connection could be bound, it is told so, and finds out whoever
// hid it (RFC 5802, section 6). Where it does announce it and another way is named, nothing is claimed.
func TestHiddenPlus(t *testing.T) {
	state := modern(t)
	for announced, want := range map[string]string{"": "SCRAM-SHA-256 y,,n=me,r=abc", "SCRAM-SHA-256-PLUS": "SCRAM-SHA-256 n,,n=me,r=abc"} {
		w := &script{t: t, turns: []string{want, "later"}}
		r := &run{Login: Login{Username: "me", Password: password("pencil"), Auth: "scram-sha-256"}, wire: w, nonce: func() string { return "abc" },
			offer: Offer{Known: true, Mechanisms: []string{"SCRAM-SHA-256", announced}, TLS: state, Line: 512}}
		if err := r.run(t.Context()); err != errLater {
			t.Error(err)
		}
		w.end()
	}
}
