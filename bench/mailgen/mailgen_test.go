package mailgen

import (
	"bytes"
	"crypto/sha256"
	"net/mail"
	"testing"
)

func TestMessages(t *testing.T) {
	const low, high = 2_000, 8_000
	a, b := Messages(1, 200, low, high), Messages(1, 200, low, high)
	seen := map[[32]byte]bool{}
	dots, smallest, largest := 0, high, low
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			t.Fatal("the same seed gives different messages")
		}
		n := len(a[i])
		smallest, largest = min(smallest, n), max(largest, n)
		if n < low || n > high {
			t.Errorf("message %d has %d octets", i, n)
		}
		if m, err := mail.ReadMessage(bytes.NewReader(a[i])); err != nil || m.Header.Get("Message-ID") == "" {
			t.Errorf("message %d is no mail: %v", i, err)
		}
		if !bytes.HasSuffix(a[i], []byte("\r\n")) {
			t.Errorf("message %d does not end in CRLF", i)
		}
		if bytes.Contains(bytes.ReplaceAll(a[i], []byte("\r\n"), nil), []byte("\n")) {
			t.Errorf("message %d has a bare LF", i)
		}
		dots += bytes.Count(a[i], []byte("\n."))
		seen[sha256.Sum256(a[i])] = true
	}
	if len(seen) != len(a) {
		t.Errorf("only %d of %d messages differ", len(seen), len(a))
	}
	if dots == 0 || smallest > 2_500 || largest < 7_500 {
		t.Errorf("not varied: %d dot lines, sizes %d to %d", dots, smallest, largest)
	}
	if c := Messages(2, 1, low, high); bytes.Equal(c[0], a[0]) {
		t.Error("another seed gives the same message")
	}
}

// Every size that leaves room for the header is met exactly.
func TestMessageSizes(t *testing.T) {
	for size := 700; size < 1_000; size++ {
		for _, m := range Messages(uint64(size), 3, size, size) {
			if len(m) != size {
				t.Fatalf("%d octets, want %d", len(m), size)
			}
		}
	}
}

func TestStored(t *testing.T) {
	for _, c := range []struct{ message, wire, stored string }{
		{"", "", ""},
		{"a", "a\r\n", "a\n"},
		{"a\r\n", "a\r\n", "a\n"},
		{"a\n", "a\n\r\n", "a\n\n"},
		{"a\r", "a\r\r\n", "a\r\n"},
		{"a\r\r\nb\rc\x00\nd\r\n", "a\r\r\nb\rc\x00\nd\r\n", "a\r\nb\rc\x00\nd\n"},
	} {
		if got := string(Wire([]byte(c.message))); got != c.wire {
			t.Errorf("Wire(%q) = %q, want %q", c.message, got, c.wire)
		}
		if got := string(Stored([]byte(c.message))); got != c.stored {
			t.Errorf("Stored(%q) = %q, want %q", c.message, got, c.stored)
		}
	}
}

func TestZoo(t *testing.T) {
	names, sums, total := map[string]bool{}, map[[32]byte]string{}, 0
	byName := map[string][]byte{}
	lengths := map[int]bool{}
	for _, a := range Zoo(1) {
		if names[a.Name] {
			t.Errorf("two are named %q", a.Name)
		}
		names[a.Name], byName[a.Name] = true, a.Message
		// So a test that compares sets, not multisets, still sees every loss.
		sum := sha256.Sum256(Stored(a.Message))
		if other, ok := sums[sum]; ok {
			t.Errorf("%q and %q are stored as the same bytes", a.Name, other)
		}
		sums[sum] = a.Name
		total += len(a.Message)
		for line := range bytes.SplitSeq(a.Message, []byte("\r\n")) {
			lengths[len(line)] = true
		}
	}
	if n := len(byName["size 5000000"]); n != 5_000_000 {
		t.Errorf("the largest has %d octets", n)
	}
	if m, ok := byName["size 0"]; !ok || len(m) != 0 {
		t.Error("no empty message")
	}
	for power := 6; power <= 16; power++ {
		for d := -2; d <= 2; d++ {
			if !lengths[1<<power+d] {
				t.Errorf("no line of %d octets", 1<<power+d)
			}
		}
	}
	if !lengths[1_000_000] {
		t.Error("no line of 1 MB")
	}
	t.Logf("%d animals, %d octets", len(names), total)
}
