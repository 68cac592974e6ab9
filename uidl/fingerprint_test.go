package uidl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const sampleHeader = "Return-Path: <a@b>\r\n" +
	"Received: from mx by store; Tue, 1 Jan 2030 00:00:01 +0000\r\n" +
	"Received: from origin by mx;\r\n\tTue, 1 Jan 2030 00:00:00 +0000\r\n" +
	"Date: Tue, 1 Jan 2030 00:00:00 +0000\r\n" +
	"From: A Person <a@b>\r\n" +
	"To: one@c,\r\n two@c\r\n" +
	"Subject: a subject of some words\r\n" +
	"Message-ID: <1@b>\r\n" +
	"X-Mailer: none\r\n"

func fingerprint(s string) Fingerprint {
	var f Fingerprinter
	f.Write([]byte(s))
	return f.Sum()
}

func TestFingerprintSame(t *testing.T) {
	want := fingerprint(sampleHeader + "\r\n")
	if want == (Fingerprint{}) {
		t.Fatal("zero")
	}
	replace := func(old, with string) string {
		if !strings.Contains(sampleHeader, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(sampleHeader, old, with, 1)
	}
	for name, s := range map[string]string{
		"no empty line":     sampleHeader,
		"with a body":       sampleHeader + "\r\nSubject: not this\r\nMessage-ID: <2@b>\r\n\r\n",
		"LF":                strings.ReplaceAll(sampleHeader, "\r\n", "\n") + "\n",
		"unfolded":          replace(",\r\n two", ", two"),
		"folded elsewhere":  replace("a subject of", "a\r\n subject\r\n\tof"),
		"wide fold":         replace(",\r\n two", ", \r\n \t  two"),
		"moved":             "Message-ID: <1@b>\r\n" + replace("Message-ID: <1@b>\r\n", ""),
		"case of names":     replace("Message-ID", "mEsSage-iD"),
		"no space":          replace("Subject: ", "Subject:"),
		"space around":      replace("Subject: a subject of some words", "Subject : \t a subject of some words \t"),
		"added on top":      "X-Spam: yes\r\nDelivered-To: x\r\nReceived: from store by imap; now\r\n" + sampleHeader,
		"status":            sampleHeader + "Status: RO\r\nX-UIDL: 7\r\n",
		"other Return-Path": replace("<a@b>\r\nReceived", "<c@d>\r\nReceived"),
		"junk lines":        replace("Date:", ">From nowhere\r\n:\r\nno colon here\r\n and more\r\nSubject-: x\r\n\x00\xff: y\r\nDate:"),
		"mbox line":         "From a@b Tue Jan  1\r\n" + sampleHeader,
	} {
		if got := fingerprint(s); got != want {
			t.Errorf("%s: another fingerprint", name)
		}
	}
}

func TestFingerprintDiffers(t *testing.T) {
	seen := map[Fingerprint]string{}
	for _, s := range []string{
		sampleHeader,
		strings.Replace(sampleHeader, "<1@b>", "<2@b>", 1),
		strings.Replace(sampleHeader, "some words", "somewords", 1),
		strings.Replace(sampleHeader, "from origin", "from elsewhere", 1),
		sampleHeader + "Cc: x@y\r\n",
		sampleHeader + "Cc:\r\n", // a field without a value is not no field
		"To: ab\r\n", "To: a\r\nTo: b\r\n", "To: a b\r\n", "To: b\r\nTo: a\r\n", "Cc: a b\r\n",
		"To: a\r\nCc: b\r\n", "To: b\r\nCc: a\r\n", "Received: a\r\n", "Received: b\r\nReceived: c\r\n",
	} {
		fp := fingerprint(s)
		if other, ok := seen[fp]; ok {
			t.Errorf("%q and %q are the same", s, other)
		}
		seen[fp] = s
	}
	for _, s := range []string{"", "\r\n", "\r\nSubject: x\r\n", "X-A: b\r\n\r\n", "Subject", "Subject\r\n : x\r\n", "body only"} {
		if fingerprint(s) != (Fingerprint{}) {
			t.Errorf("%q: not zero", s)
		}
	}
}

// Frozen: what is stored must be recognised for ever.
func TestFingerprintIsFrozen(t *testing.T) {
	fp := fingerprint(sampleHeader)
	if got := hex.EncodeToString(fp[:]); got != frozenFingerprint {
		t.Errorf("%s, want %s", got, frozenFingerprint)
	}
}

func TestFingerprintLimits(t *testing.T) {
	fill := strings.Repeat("X: y\r\n", fieldsMax-1)
	if fingerprint(fill+"To: a\r\n") == (Fingerprint{}) || fingerprint("X: y\r\n"+fill+"To: a\r\n") != (Fingerprint{}) {
		t.Error("the limit of fields is elsewhere")
	}
	pad := func(n int) string { return "X: " + strings.Repeat("y", n-len("X: \r\n")) + "\r\n" }
	if fingerprint(pad(headerMax-len("To:"))+"To:") == (Fingerprint{}) || fingerprint(pad(headerMax-len("To:")+1)+"To:") != (Fingerprint{}) {
		t.Error("the limit of octets is elsewhere")
	}
}

func TestFingerprinterReuse(t *testing.T) {
	var f Fingerprinter
	body := bytes.Repeat([]byte("Subject: body\r\n"), 1000)
	header := []byte(sampleHeader + "\r\n")
	f.Write(header)
	want := f.Sum()
	if f.Sum() != want {
		t.Error("a second Sum differs")
	}
	n := testing.AllocsPerRun(100, func() {
		f.Reset()
		f.Write(header)
		f.Write(body)
		if f.Sum() != want {
			t.Error("differs after Reset")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	var f Fingerprinter
	header := []byte(sampleHeader + "\r\n")
	b.SetBytes(int64(len(header)))
	for b.Loop() {
		f.Reset()
		f.Write(header)
		f.Sum()
	}
}

// slowFingerprint says the same as Fingerprinter in another way: lines, then unfolding, then a regular expression.
func slowFingerprint(s string) (fp Fingerprint) {
	s = s[:min(len(s), headerMax)]
	var fields [][]string // lines of each
	for _, line := range strings.SplitAfter(s, "\n") {
		body := strings.TrimSuffix(line, "\n")
		if line != body && (body == "" || body == "\r") || line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(fields) > 0 {
				fields[len(fields)-1] = append(fields[len(fields)-1], body)
			}
			continue
		}
		if line == "\r" { // the end of the input, in the midst of what may be the empty line
			break
		}
		if len(fields) == fieldsMax {
			break
		}
		fields = append(fields, []string{body})
	}
	values := map[string][]string{}
	for _, f := range fields {
		m := slowField.FindStringSubmatch(strings.Join(f, " "))
		if m == nil || !strings.Contains(f[0], ":") { // white space may precede the colon, a fold may not
			continue
		}
		words := strings.FieldsFunc(m[2], func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
		name, value := strings.ToLower(m[1]), strings.Join(words, " ")+"\n"
		if name == "received" {
			values[name] = nil
		}
		values[name] = append(values[name], value)
	}
	if len(values) == 0 {
		return fp
	}
	var all []byte
	for _, name := range fingerprintFields {
		if v, ok := values[name]; ok {
			sum := sha256.Sum256([]byte(strings.Join(v, "")))
			all = append(append(all, 1), sum[:]...)
		} else {
			all = append(all, make([]byte, 1+sha256.Size)...)
		}
	}
	whole := sha256.Sum256(all)
	copy(fp[:], whole[:])
	return fp
}

var slowField = regexp.MustCompile(`(?is)^(message-id|date|from|to|cc|subject|received)[ \t]*:(.*)$`)

func FuzzFingerprint(f *testing.F) {
	f.Add([]byte(sampleHeader+"\r\nbody\r\n"), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		s := string(b)
		want := slowFingerprint(s)
		if got := fingerprint(s); got != want {
			t.Fatalf("%x, the slow reference says %x", got, want)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		var pieces Fingerprinter
		for rest := b; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 1+r.IntN(40)))
			if w, err := pieces.Write(rest[:n]); w != n || err != nil {
				t.Fatal(w, err)
			}
			rest = rest[n:]
		}
		if got := pieces.Sum(); got != want {
			t.Fatalf("%x in pieces, %x at once", got, want)
		}
		if len(s) < 4096 {
			if got := fingerprint(refold(s, r)); got != want {
				t.Fatalf("%x folded and added to, %x before", got, want)
			}
		}
	})
}

// refold does to a header what servers may do: folds at white space within values, and adds fields that don't count.
func refold(s string, r *rand.Rand) string {
	header, rest := s, ""
	if m := endOfHeader.FindStringIndex(s); m != nil {
		header, rest = s[:m[0]+strings.Index(s[m[0]:m[1]], "\n")+1], s[m[0]+strings.Index(s[m[0]:m[1]], "\n")+1:]
	}
	if strings.HasPrefix(s, "\n") || strings.HasPrefix(s, "\r\n") {
		header, rest = "", s
	}
	var out strings.Builder
	value := false
	for i := range len(header) {
		c := header[i]
		out.WriteByte(c)
		switch {
		case c == '\n':
			value = i+1 < len(header) && (header[i+1] == ' ' || header[i+1] == '\t') && value
			if i+1 == len(header) || !strings.ContainsRune(" \t\r", rune(header[i+1])) {
				if r.IntN(4) == 0 {
					out.WriteString("X-Added: a\r\n\tb\r\n")
				}
			}
		case c == ':':
			value = true
		case value && c == ' ' && i+1 < len(header) && header[i+1] != '\n' && header[i+1] != '\r' && r.IntN(2) == 0:
			out.WriteString("\r\n\t")
		}
	}
	return out.String() + rest
}

var endOfHeader = regexp.MustCompile(`\n\r?\n`)

func TestFuzzSeedsAreThere(t *testing.T) {
	seeds, err := filepath.Glob("testdata/fuzz/FuzzFingerprint/*")
	if err != nil || len(seeds) < 5 {
		t.Fatalf("%d seeds in testdata/fuzz/FuzzFingerprint, want 5 or more", len(seeds))
	}
	for _, s := range seeds {
		if b, err := os.ReadFile(s); err != nil || !bytes.HasPrefix(b, []byte("go test fuzz v1\n")) {
			t.Errorf("%s is no seed: %v", s, err)
		}
	}
}

const frozenFingerprint = "f50ce143d7951bf7e78b65f33078f4f0"
