package foreign

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

const secret = "mArKeR+7zQ/9xW=kJ"

// A secret goes in whatever form and case it comes, wherever it stands, and however often.
func TestStrike(t *testing.T) {
	s := NewSecrets("me", secret)
	b64 := base64.StdEncoding.EncodeToString
	for _, form := range []string{
		secret, strings.ToUpper(secret), strings.ToLower(secret), b64([]byte("\x00me\x00" + secret)), url.QueryEscape(secret), hex.EncodeToString([]byte(secret)),
		strings.ToUpper(hex.EncodeToString([]byte(secret))),
	} {
		for in, want := range map[string]string{
			form: "(secret)", "a " + form + " b": "a (secret) b", form + form: "(secret)(secret)", "[" + form + "]": "[(secret)]",
		} {
			if got := string(s.Strike([]byte(in))); got != want {
				t.Errorf("%q: %q, want %q", in, got, want)
			}
		}
	}
	for shift := range 3 {
		if got := string(s.Strike([]byte(b64([]byte("xyz"[:shift] + secret + "and more"))))); !strings.Contains(got, marker) {
			t.Errorf("shift %d: %q", shift, got)
		}
	}
	for _, text := range []string{"", "nothing", secret[:len(secret)-1], secret[1:]} {
		if got := string(s.Strike([]byte(text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got := string((*Secrets)(nil).Strike([]byte(text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Secrets that overlap themselves, look like the mark, hold what is escaped, or letters that have several encodings.
func TestStrikeOdd(t *testing.T) {
	for _, c := range []struct{ secret, in, not string }{
		{"aaaaaaaa", strings.Repeat("a", 21), "aaaa"},
		{"abababab", "ababababababx", "abab"},
		{"secret", "the secret is secret", "secret"},
		{"ret)ab", "sec" + "ret)ab" + "ab", "ret)ab"},
		{"***a", "***aaaa", "***a"},
		{"pa\\ss\"w", `got "pa\\ss\"w"`, `ss`},
		{"p&ss<w>", "p&amp;ss&lt;w&gt;", "ss"},
		{"p\u00e4sswort", "P\u00c4SSWORT p\xe4sswort", "sswort"},
		{"p\xe4sswort", "p\u00e4sswort", "sswort"},
		{"p\xe4sswort", "ein p\xe4sswort", "sswort"},
		{"p\u00e4sswort", "ein p\xe4sswort", "sswort"},
		{"\u5bc6\u7801\u767b\u5f55", "\xc3\xdc\xc2\xeb\xb5\xc7\xc2\xbc", "\u7801"},
	} {
		got := NewSecrets("me", c.secret).Show([]byte(c.in), 1024, false)
		if strings.Contains(strings.ToLower(got), c.not) {
			t.Errorf("%q with %q: %q", c.in, c.secret, got)
		}
	}
	// What is shorter than four octets is left: it would mangle all, and tell what it is by what is missing.
	short := NewSecrets("me", "abc")
	if got := short.Show([]byte("abc, AG1lAGFiYw=="), 100, false); got != "abc, (secret)" {
		t.Error(got)
	}
	if s := NewSecrets("", ""); s.Contains([]byte("AAA=")) {
		t.Error("there is no secret, and something is struck")
	}
	both := NewSecrets("me", "", "digest").And(NewSecrets("me", "longer"))
	if got := both.Show([]byte("a DIGEST, longer"), 100, false); got != "a (secret), (secret)" {
		t.Error(got)
	}
}

// A text that was cut may end in the beginning of a secret; one that was not ends as it was meant.
func TestStrikeCut(t *testing.T) {
	s := NewSecrets("me", secret)
	for n := range len(secret) {
		in := "said " + secret[:n]
		want := in
		if n >= least {
			want = "said (secret)"
		}
		if got := string(s.StrikeCut([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := string(s.Strike([]byte(in))); got != in {
			t.Errorf("whole, %q: %q", in, got)
		}
	}
	if got := string(s.StrikeCut([]byte(secret + secret[:9]))); got != "(secret)(secret)" {
		t.Error(got)
	}
	// The cut of what is shown comes last.
	for most := 16; most < 60; most++ {
		if got := s.Show([]byte("0123456789"+secret+strings.Repeat("x", 60)), most, false); len(got) > most || strings.Contains(got, secret[:4]) {
			t.Error(got)
		}
	}
}

func TestName(t *testing.T) {
	s := NewSecrets("me", secret)
	name := func(id string) string { n, _ := s.Name("p:", []byte(id)); return n }
	if n, ok := s.Name("p:", []byte("1234-abcd")); ok || n != "" {
		t.Error(n)
	}
	one, two := name("x"+secret+"1"), name("x"+secret+"2")
	if one == two || one != name("x"+secret+"1") || !strings.HasPrefix(one, "p:") || len(one) != 66 || name(base64.StdEncoding.EncodeToString([]byte(secret))) == "" {
		t.Error(one, two)
	}
	// Nobody can try secrets out on it.
	if other, _ := NewSecrets("me", "another Secret 99").Name("p:", []byte("xanother Secret 991")); other != one {
		t.Error("the name depends on the secret")
	}
	for pw, want := range map[string]bool{"hunter2": true, "secret": true, "pass1": false, "123456": false, "20240131": false, "deadbe": false, "deadbeef": true, "123456789012": true, "": false} {
		if _, ok := NewSecrets("me", pw).Name("p:", []byte("a-"+pw+"-z")); ok != want {
			t.Errorf("%q: %v", pw, ok)
		}
	}
	if _, ok := (*Secrets)(nil).Name("p:", []byte(secret)); ok {
		t.Error("without secrets")
	}
}

// Whatever stands around a secret, in whatever case it comes and wherever the text is cut: four octets of it are in nothing that is
// shown, stored or named.
func FuzzSecrets(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, after []byte, how, most, cut int) {
		const secret = "Qz#Wv~Jk^Xq;Yw" // none of its pairs is in a form of another, or in the marks
		grams := func(s string, n int) (all []string) {
			s = strings.ToLower(s)
			for i := range len(s) - n + 1 {
				all = append(all, s[i:i+n])
			}
			return all
		}
		in := func(text string, n int) bool {
			text = strings.ToLower(text)
			for _, g := range grams(secret, n) {
				if strings.Contains(text, g) {
					return true
				}
			}
			return false
		}
		if in(string(before), 2) || in(string(after), 2) || in(Show(before, 1<<20), 2) || in(Show(after, 1<<20), 2) {
			return
		}
		form := [...]string{secret, strings.ToUpper(secret), strings.ToLower(secret)}[uint(how)%3]
		text := []byte(string(before) + form + string(after))
		s, size := NewSecrets("me", secret), 16+int(uint(most)%200)
		if got := s.Show(text, size, false); in(got, 4) || len(got) > size {
			t.Errorf("%q: %q", text, got)
		}
		part := text[:len(before)+int(uint(cut)%uint(len(text)-len(before)+1))]
		if got := s.Show(part, size, true); in(got, 4) {
			t.Errorf("cut, %q: %q", part, got)
		}
		if got := string(s.Strike(text)); in(got, 4) {
			t.Errorf("struck, %q: %q", text, got)
		}
		if name, ok := s.Name("p:", text); !ok || in(name, 4) {
			t.Errorf("named, %q: %q, %v", text, name, ok)
		}
	})
}
