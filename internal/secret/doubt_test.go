package secret

import (
	"slices"
	"testing"
)

func TestDoubts(t *testing.T) {
	for _, tt := range []struct {
		secret string
		want   []Doubt
	}{
		{"plain", nil},
		{"with a blank within", nil},
		{"pässwörd", nil},
		{"pa$$word", nil},
		{"$5.00", nil},
		{"a$HOME", nil},
		{"100%", nil},
		{"\xef\xbb\xbfplain", []Doubt{Marked}},
		{"\xff\xfep", []Doubt{Marked}},
		{"\xfe\xffp", []Doubt{Marked}},
		{"p\xef\xbb\xbf", []Doubt{Unseen}},
		{" plain", []Doubt{Leading}},
		{"\tplain", []Doubt{Leading}},
		{"plain ", []Doubt{Trailing}},
		{"plain\u00a0", []Doubt{Trailing}},
		{" ", []Doubt{Leading, Trailing}},
		{"\xef\xbb\xbf plain ", []Doubt{Marked, Leading, Trailing}},
		{"a\bb", []Doubt{Control}},
		{"a\tb", []Doubt{Control}},
		{"ab\x7f", []Doubt{Control}},
		{"a\u0085b", []Doubt{Control}},
		{"zero\u200bwidth", []Doubt{Unseen}},
		{"${PASSWORD}", []Doubt{Variable}},
		{"x${PASSWORD}y", []Doubt{Variable}},
		{"$PASSWORD", []Doubt{Variable}},
		{"%PASSWORD%", []Doubt{Variable}},
		{"${}", nil},
		{"\xff\xff", nil},
	} {
		if got := Doubts(tt.secret); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.secret, got, tt.want)
		}
	}
}
