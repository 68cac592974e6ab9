package mailgen

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// Animal is one nasty message and what is nasty about it.
type Animal struct {
	Name    string // unique in the zoo
	Message []byte
}

// Zoo makes messages that mail clients are known to damage: sizes from nothing to 5 MB, long lines and lines of every
// length around powers of two, dots, bare CR and LF, NUL, eight-bit octets, and headers that are missing or strange.
// About 140 of them, some 18 MB; no two are stored as the same bytes.
func Zoo(seed uint64) []Animal {
	z := &zoo{r: rand.New(rand.NewPCG(seed, 0))}
	z.sizes()
	z.lines()
	z.dots()
	z.lineEnds()
	z.octets()
	z.headers()
	return z.animals
}

type zoo struct {
	r       *rand.Rand
	animals []Animal
}

func (z *zoo) add(message, name string, args ...any) {
	z.animals = append(z.animals, Animal{fmt.Sprintf(name, args...), []byte(message)})
}

// body adds a message with a short proper header.
func (z *zoo) body(body, name string, args ...any) {
	name = fmt.Sprintf(name, args...)
	z.add("From: zoo@example.org\r\nSubject: "+name+"\r\n\r\n"+body, "%s", name)
}

func (z *zoo) sizes() {
	for size := range 9 { // from nothing at all; without a header
		z.add(repeat(string(rune('a'+size)), size), "size %d", size)
	}
	for _, size := range []int{1_000, 4_096, 65_536, 1_000_000, 5_000_000} {
		z.add(string(Message(z.r, size, size)), "size %d", size)
	}
}

// lines: buffers of clients and of the system are powers of two, and off-by-one errors live at their edges.
func (z *zoo) lines() {
	for power := 6; power <= 16; power++ {
		for d := -2; d <= 2; d++ {
			n := 1<<power + d
			long := z.line(n)
			// The same length again after a dot, and in a header; the end of the first is where the next must begin.
			z.add("Subject: "+long[:n-9]+"\r\nFrom: zoo@example.org\r\n\r\n"+long+"\r\n."+long[1:]+"\r\n\r\n"+long+"\r\nend\r\n",
				"lines of %d", n)
		}
	}
	million := z.line(1_000_000)
	z.body(million+"\r\nafter\r\n", "line of 1 MB")
	z.body(million, "line of 1 MB without end")
	z.body("."+million+"\r\n.\r\n."+million+"\r\n", "dot lines of 1 MB")
	z.add("Subject: x\r\nX-Long: "+million+"\r\n\r\nbody\r\n", "header line of 1 MB")
	z.body(million+"\n"+million+"\r"+million+"\r\n", "1 MB between bare line ends")
}

func (z *zoo) line(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + z.r.IntN('~'-'!'+1))
	}
	b[0] = 'L'
	return string(b)
}

func (z *zoo) dots() {
	z.body(".\r\n", "a dot")
	z.body("..\r\n", "two dots")
	z.body(".\r\n.\r\n..\r\n...\r\n.x\r\n..x\r\n", "lines of dots")
	z.body(".", "a dot without line end")
	z.body("x\r\n.", "ends in a dot")
	z.body("x\n.\ny\r\n", "dot between bare LFs")
	z.body("x\n.\r\ny\r\n", "dot after bare LF, before CRLF")
	z.body("x\r\n.\ny\r\n", "dot after CRLF, before bare LF")
	z.body("x\r.\r\ny\r\n", "dot after bare CR")
	z.body("x\r\n.\ry\r\n", "dot before bare CR")
	z.body("x\r\n.\r.\r\ny\r\n", "dot, bare CR, dot")
	z.body("x\n.\n+OK 1 octets\n-ERR no\n.\n", "forged replies after bare LF")
	z.body("+OK\r\n-ERR\r\n+OK 1 2\r\n", "replies as text")
	z.add(".\r\n..\r\n", "only dots")
	z.add(".", "only a dot")
	z.add(".From: a@example.org\r\n\r\nx\r\n", "header starts with a dot")
	z.body(repeat(".\r\n", 20_000), "20,000 dot lines")
	z.body(repeat("\n.\n", 20_000), "20,000 dots between bare LFs")
}

func (z *zoo) lineEnds() {
	z.body("a\nb\nc\n", "bare LF")
	z.body("a\rb\rc\r", "bare CR")
	z.body("a\n\rb\n\r", "LF CR")
	z.body("a\r\r\nb\r\r\r\n", "CR CR LF")
	z.body("\r", "a bare CR alone")
	z.body("\n", "a bare LF alone")
	z.body("a\r\n\r", "ends in a bare CR")
	z.body("a\r\n\n", "ends in a bare LF")
	z.body("no line end", "no final line end")
	z.body("\r\n\r\n\r\n\r\n", "empty lines")
	z.body(repeat("\r", 70_000)+"\r\n", "70,000 bare CRs")
	z.body(repeat("\n", 70_000)+"\r\n", "70,000 bare LFs")
	z.body(repeat("\r\n", 70_000), "70,000 empty lines")
	z.add("From: a@example.org\nSubject: bare\n\nbody\n", "header with bare LF")
	z.add("From: a@example.org\rSubject: bare\r\rbody\r", "header with bare CR")
	for _, edge := range []int{4_095, 4_096, 32_767, 65_535} { // CRLF across the edge of a buffer
		z.add(repeat("x", edge-1)+"\r\n.\r\n"+repeat("y", edge-1)+"\r\r\n", "CRLF at %d", edge)
	}
}

func (z *zoo) octets() {
	z.body("a\x00b\r\n\x00\r\n\x00", "NUL in the body")
	z.add("From: a@example.org\r\nSubject: a\x00b\r\n\x00: c\r\n\r\nbody\r\n", "NUL in the header")
	z.body(repeat("\x00", 10_000), "10,000 NULs")
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	z.body(string(all)+"\r\n", "every octet")
	z.add("From: \xe9t\xe9@example.org\r\nSubject: \xff\xfe\x80\r\n\r\n\xc3\x28 Gr\xfc\xdfe\r\n", "eight-bit header")
	z.body("\xef\xbb\xbfbody\r\n", "byte order mark")
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(z.r.Uint32())
	}
	z.body(string(noise), "random octets")
	z.body("x\x1a\r\ny\x04\r\nz\x7f\r\n", "control characters")
}

func (z *zoo) headers() {
	z.add("From: a@example.org\r\nSubject: x\r\n\r\n", "empty body")
	z.add("From: a@example.org\r\nSubject: x\r\n", "no empty line")
	z.add("From: a@example.org\r\nSubj", "header cut off")
	z.add("\r\nbody without header\r\n", "no header")
	z.add("\r\n", "only an empty line")
	z.add("\n", "only a bare LF")
	z.add("\r", "only a bare CR")
	z.add("\x00", "only a NUL")
	z.add("just text, no colon\r\nmore of it\r\n", "text only")
	z.add("From a@example.org Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\nbody\r\n", "mbox line first")
	z.add(">From a@example.org\r\nSubject: x\r\n\r\nFrom here\r\n>From there\r\n", "quoted mbox line")
	z.add(" folded first\r\nSubject: x\r\n\r\nbody\r\n", "starts folded")
	z.add("Subject : space\r\n: no name\r\nSubject\r\nX:\r\n\r\nbody\r\n", "strange fields")
	z.add("Status: RO\r\nX-Status: F\r\nX-UID: 7\r\nContent-Length: 3\r\nLines: 1\r\n\r\nlonger than that\r\n", "mbox fields")
	z.add(repeat("X-Field: value\r\n", 20_000)+"\r\nbody\r\n", "20,000 fields")
	z.add("Subject: x\r\n"+repeat(" folded\r\n", 20_000)+"\r\nbody\r\n", "20,000 folds")
	z.add("Bcc: b@example.org\r\nReturn-Receipt-To: c@example.org\r\nSubject: x\r\n\r\nbody\r\n", "Bcc")
}

func repeat(s string, n int) string { return string(bytes.Repeat([]byte(s), n)) }
