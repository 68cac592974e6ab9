package foreign

import "testing"

// BenchmarkName is what looking for a secret adds to each unique-id of a listing.
func BenchmarkName(b *testing.B) {
	s := NewSecrets("me@example.org", "correct horse battery")
	id := []byte("0000123456abcdef-0001")
	b.SetBytes(int64(len(id)))
	for b.Loop() {
		if _, ok := s.Name("p:", id); ok {
			b.Fatal("found")
		}
	}
}
