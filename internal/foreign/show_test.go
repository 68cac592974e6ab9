package foreign

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestShow(t *testing.T) {
	gbk := "\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc" // login failed
	for in, want := range map[string]string{
		"":                    "",
		"plain text ~":        "plain text ~",
		`a\b \Noselect "\\"`:  `a\b \Noselect "\\"`,
		`a\x41`:               `a\x5cx41`,
		`\xAB`:                `\x5cxAB`,
		`a\xb`:                `a\x5cxb`, // more may follow
		`a\x`:                 `a\x5cx`,
		`a\xyz`:               `a\xyz`,
		`C:\`:                 `C:\x5c`,
		`\\x00`:               `\\x5cx00`,
		"\\\x00":              `\\x00`,
		"a\x00\r\n\t\x7f":     `a\x00\x0d\x0a\x09\x7f`,
		"\x1b[2J":             `\x1b[2J`,
		"密码错误":                "密码错误",
		"Contraseña inválida": "Contraseña inválida",
		"パスワードが違います。　もう一度":         "パスワードが違います。　もう一度",
		"Неверный пароль":          "Неверный пароль",
		"סיסמה":                    "סיסמה",
		"✓ ok":                     "✓ ok",
		"a\u202eb":                 `a\xe2\x80\xaeb`, // turns the direction
		"a\u2066b\u2069":           `a\xe2\x81\xa6b\xe2\x81\xa9`,
		"a\u200bb\u200d\ufeff":     `a\xe2\x80\x8bb\xe2\x80\x8d\xef\xbb\xbf`, // no width
		"a\u0085\u009bb":           `a\xc2\x85\xc2\x9bb`,                     // C1 controls
		"a\u2028b\u2029":           `a\xe2\x80\xa8b\xe2\x80\xa9`,
		"a\u00a0b":                 `a\xc2\xa0b`,
		"a\ufe0f\u3164":            `a\xef\xb8\x8f\xe3\x85\xa4`,
		"\U000e0041":               `\xf3\xa0\x81\x81`, // a tag
		"\ue000":                   `\xee\x80\x80`,     // private
		"\ufffd":                   `\xef\xbf\xbd`,
		"密\xff码":                   `\xe5\xaf\x86\xff\xe7\xa0\x81`, // then nobody knows
		"\xc0\xaf":                 `\xc0\xaf`,
		"\xed\xa0\x80":             `\xed\xa0\x80`,
		gbk:                        "登录失败",
		"-ERR " + gbk + "\xa1\xa3": "-ERR 登录失败。",
		gbk[:len(gbk)-1]:           `\xb5\xc7\xc2\xbc\xca\xa7\xb0`,
		"\xc4\xe3\xba\xc3":         `\xc4\xe3\xba\xc3`, // no word that proves it
		gbk + "\x80\x80":           `\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc\x80\x80`,
		"Ung\xfcltiges Kennwort":   "Ungültiges Kennwort",
		"mot de passe erron\xe9.":  "mot de passe erroné.",
		"\xc9chec":                 "Échec",
		"\xf7 a":                   `\xf7 a`,
		"b\xb3\xb1d":               `b\xb3\xb1d`, // of ISO 8859-2
		"\xee\xe5\xf2":             `\xee\xe5\xf2`,
		"a \xe9 b":                 `a \xe9 b`,
		"\x9b2J":                   `\x9b2J`,
	} {
		if got := Show([]byte(in), 1024); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What is too long is cut between characters, and what fits is not.
func TestShowCut(t *testing.T) {
	for in, want := range map[string]string{
		"0123456789":   "0123456789",
		"0123456789a":  "0123456...",
		"密码密":          "密码密",
		"密码密码":         "密码...",
		"a密码密":         "a密码密",
		"ab密码密":        "ab密...",
		"\x00\x00":     `\x00\x00`,
		"\x00\x00\x00": `\x00...`,
	} {
		if got := Show([]byte(in), 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		`a\xb5 密码`: `a\xb5 密码`,
		"a\x1b":    `a\x1b`,
		"\xb5":     `\xb5`,
	} {
		if got := Tidy(in, 1024); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := ASCII("a密"); got != `a\xe5\xaf\x86` {
		t.Error(got)
	}
}

// Every pair of the table is one that a decoder of GBK gives, as far as its order tells.
func TestGB2312(t *testing.T) {
	for lead, row := range gb2312 {
		if n := utf8.RuneCountInString(row); n != 94 && !(lead+0xb0 == 0xd7 && n == 89) || len(row) != 3*n {
			t.Errorf("row %#x has %d characters in %d octets", lead+0xb0, n, len(row))
		}
	}
	for pair, want := range map[string]string{"\xb0\xa1": "啊", "\xb5\xc7": "登", "\xc3\xdc": "密", "\xd7\xf9": "座", "\xd8\xa1": "亍", "\xf7\xfe": "齄", "\xd7\xfa": "", "\xf8\xa1": "", "\xa3\xac": "，"} {
		if got := gbkPair(pair[0], pair[1]); got != want {
			t.Errorf("%q is %q, want %q", pair, got, want)
		}
	}
}

// unescaped reads \xNN, and leaves every other backslash alone.
func unescaped(s string) string {
	return regexp.MustCompile(`\\x[0-9a-fA-F]{2}`).ReplaceAllStringFunc(s, func(e string) string {
		n, _ := strconv.ParseUint(e[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

// Whatever the text: what is shown is short, valid, without anything that moves a cursor or turns a line around, showing it again
// changes nothing, and it can be read back.
func FuzzShow(f *testing.F) {
	f.Add([]byte("密码错误"), 20)
	f.Add([]byte("\\\\x41 \\\x00 \\"), 40)
	f.Fuzz(func(t *testing.T, text []byte, most int) {
		most = 16 + int(uint(most)%2000)
		s := Show(text, most)
		if len(s) > most || !utf8.ValidString(s) {
			t.Errorf("%q has %d octets of %d", s, len(s), most)
		}
		for _, r := range s {
			if r != 0x3000 && (!unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("%q shows %U", s, r)
			}
		}
		if back := unescaped(Show(text, 8*len(text)+16)); back != decode(text) {
			t.Errorf("%q is read back as %q", text, back)
		}
		if again := Tidy(s, most); again != s {
			t.Errorf("%q becomes %q", s, again)
		}
		once := Tidy(string(text), most)
		if len(once) > most || Tidy(once, most) != once || !tidy(once) {
			t.Errorf("%q is not tidy", once)
		}
		if ascii := ASCII(s); strings.ContainsFunc(ascii, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not ASCII", ascii)
		}
	})
}
