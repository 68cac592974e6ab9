package screen

import (
	"bytes"
	"testing"
)

func TestWriter(t *testing.T) {
	for wide, want := range map[bool]string{
		false: "a\tb\n\\x1b[m\\x0d\n\\xc3\\xbc\\xe5\\xaf\\x86\\xc2\\x9b\\xe2\\x80\\xae",
		true:  "a\tb\n\\x1b[m\\x0d\n\\xc3\\xbc密\\xc2\\x9b\\xe2\\x80\\xae", // what came in two pieces is not put together
	} {
		var b bytes.Buffer
		w := Writer{W: &b, UTF8: wide}
		for _, s := range []string{"a\tb\n", "\x1b[m\r\n", "\xc3", "\xbc", "密\u009b\u202e"} {
			if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
				t.Fatal(n, err)
			}
		}
		if b.String() != want {
			t.Errorf("%v: %q", wide, b.String())
		}
	}
}

func TestSpeaksUTF8(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false}, {"C", "", "", false}, {"", "", "C.UTF-8", true}, {"", "", "zh_CN.utf8", true}, {"", "", "de_DE.UTF-8@euro", true}, {"", "", "de_DE", false},
		{"", "", "zh_CN.GBK", false}, {"C", "C.UTF-8", "C.UTF-8", false}, {"", "de_DE.ISO-8859-1", "C.UTF-8", false}, {"en_US.UTF-8", "C", "C", true}, {"", "", "UTF-8", false},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		if got := SpeaksUTF8(func(k string) string { return env[k] }); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
