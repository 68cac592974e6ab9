package foreign

import "testing"

func TestTOML(t *testing.T) {
	const doc = "k = \"\u00fc\u202e\U0001f4ec\u009b\"\n"
	for ascii, want := range map[bool]string{
		true:  `k = "\u00fc\u202e\U0001f4ec\u009b"` + "\n",
		false: "k = \"\u00fc" + `\u202e` + "\U0001f4ec" + `\u009b"` + "\n",
	} {
		if got := TOML(doc, ascii); got != want {
			t.Errorf("ascii %v: %q, want %q", ascii, got, want)
		}
	}
}
