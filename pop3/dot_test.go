package pop3

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// pieces is a connection that gives what it has in pieces of random size, then ends.
type pieces struct {
	net.Conn
	data []byte
	rnd  *rand.Rand
	most int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rnd.IntN(p.most))], p.data)
	p.data = p.data[n:]
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

func wireOf(data []byte, seed uint64, most int) *wire {
	w := newWire(&pieces{data: data, rnd: rand.New(rand.NewPCG(seed, 1)), most: most})
	w.idle = time.Minute
	return w
}

// unstuffSlowly is what the dot reader must do, one octet at a time: the message, what follows it, and whether its
// end was there.
func unstuffSlowly(data string) (message, rest string, whole bool) {
	var out strings.Builder
	for pos := range len(data) {
		bol := pos == 0 || pos > 1 && data[pos-2] == '\r' && data[pos-1] == '\n'
		if bol && strings.HasPrefix(data[pos:], ".\r\n") {
			return out.String(), data[pos+3:], true
		}
		if !bol || data[pos] != '.' {
			out.WriteByte(data[pos])
		}
	}
	return out.String(), "", false
}

func TestDotReader(t *testing.T) {
	for _, data := range []string{
		".\r\n", "\r\n.\r\n", "a\r\n.\r\n", "..\r\n.\r\n", "...\r\n.\r\n", "a\r\n..b\r\n.\r\nrest",
		"\n.\n\r\n.\r\n", "\n.\r\n\r\n.\r\n", "x\r\n.\n\r\n.\r\n", "\r.\r\r\n.\r\n", ".\r.\r\n.\r\n", ".\rx\r\n.\r\n",
		"a\r\r\n.\r\n", "a\x00b\xff\r\n.\r\n", "no end", "a\r\n.", "a\r\n.\r", "", ".", "\r", "..\r\n",
		"a\r\n.b\r\n.c\r\n..\r\n.d\r\n.\r\n", strings.Repeat(".x\r\n", 50000) + ".\r\n",
		strings.Repeat("long line ", 100_000) + "\r\n.\r\n", strings.Repeat("\r", 200000) + "\r\n.\r\n",
		strings.Repeat("\r\n", 70000) + ".\r\n", strings.Repeat("\r\n..", 70000) + "\r\n.\r\n+OK",
	} {
		for _, most := range []int{1, 2, 3, 5000, 1 << 20} {
			if most > 3 || len(data) < 1000 {
				compareDot(t, data, uint64(most), most)
			}
		}
	}
}

func FuzzDotReader(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, most uint16) {
		compareDot(t, string(data), seed, int(most)+1)
	})
}

func compareDot(t *testing.T, data string, seed uint64, most int) {
	t.Helper()
	want, rest, whole := unstuffSlowly(data)
	w := wireOf([]byte(data), seed, most)
	var d dotReader
	d.reset(w, math.MaxInt64)
	got, err := io.ReadAll(io.LimitReader(&d, int64(len(data))+1))
	if whole && (err != nil || string(got) != want) {
		t.Fatalf("%.200q: got %.200q, %v; want %.200q", data, got, err, want)
	}
	if !whole && (!errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(want, string(got))) {
		t.Fatalf("%.200q: got %.200q, %v; want unexpected EOF", data, got, err)
	}
	if whole {
		after, _ := io.ReadAll(w.conn)
		if after = append(bytes.Clone(w.buffered()), after...); string(after) != rest {
			t.Fatalf("%.200q: left %.200q, want %.200q", data, after, rest)
		}
	}
}

// endless gives the same octets over and over, left times.
type endless struct {
	net.Conn
	text []byte
	left int64
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(b) && e.left > 0 {
		n += copy(b[n:], e.text)
		e.left--
	}
	if n == 0 {
		return copy(b, ".\r\n"), nil
	}
	return n, nil
}

func (e *endless) SetReadDeadline(time.Time) error { return nil }

func BenchmarkDotReader(b *testing.B) {
	line := strings.Repeat("x", 74) + "\r\n"
	for name, text := range map[string]string{
		"lines": line, "dots": ".." + line[2:], "million": strings.Repeat("y", 60000), "crs": strings.Repeat("\r", 76),
	} {
		b.Run(name, func(b *testing.B) {
			const size = 64 << 20
			b.SetBytes(size)
			b.ReportAllocs()
			w := newWire(nil)
			w.idle = time.Minute
			for b.Loop() {
				w.r, w.w = 0, 0
				w.conn = &endless{text: []byte(text), left: int64(size / len(text))}
				var d dotReader
				d.reset(w, math.MaxInt64)
				for {
					if _, err := d.piece(); err != nil {
						break
					}
					if w.conn.(*endless).left == 0 {
						break
					}
				}
			}
		})
	}
}
