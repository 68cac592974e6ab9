package report

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
)

// IsZero tells that there are no steps.
func (s Steps) IsZero() bool { return len(s.list) == 0 }

// MarshalJSON is an array of Step.
func (s Steps) MarshalJSON() ([]byte, error) { return json.Marshal(slices.Collect(s.All())) }

// UnmarshalJSON leaves steps out: they are good for who foresaw them.
func (s *Steps) UnmarshalJSON([]byte) error { return nil }

// JSON is what json.Marshal makes of the report, in parts, so that a million steps are not in memory at once.
func (r Report) JSON() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		steps := r.Steps
		if len(steps.list) > 1 {
			r.Steps.list = steps.list[:1]
		}
		doc, err := json.Marshal(r)
		if err != nil || len(steps.list) < 2 {
			yield(doc, err)
			return
		}
		one, err := json.Marshal(steps.At(0))
		if err != nil {
			yield(nil, err)
			return
		}
		// In a string the quotation marks would have backslashes.
		at := bytes.Index(doc, slices.Concat([]byte(`"steps":[`), one)) + len(`"steps":[`) + len(one)
		if !yield(doc[:at], nil) {
			return
		}
		for i := 1; i < len(steps.list); i++ {
			one, err := json.Marshal(steps.At(i))
			if !yield(slices.Concat([]byte(","), one), err) {
				return
			}
		}
		yield(doc[at:], nil)
	}
}
