package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// format is the version of the files. A file of another one counts as damaged.
const format = 1

func encode(r *record) ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// decode reads a file. Its texts end in mails, environments and terminals, so nothing in it is taken that encode would
// not have written.
func decode(b []byte) (*record, error) {
	if len(b) > maxFile {
		return nil, errors.New("it is too long")
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if r.Format != format {
		return nil, fmt.Errorf("it has format %d, not %d", r.Format, format)
	}
	if !r.valid() {
		return nil, errors.New("it holds what popsync does not write")
	}
	return &r, nil
}

func (r *record) valid() bool {
	return checkName(r.Account) == nil && slices.Contains(groupNames[:], r.Group) && isID(r.ID) && r.Host == fitHost(r.Host) &&
		r.Cause == word(r.Cause) && isLine(r.What) && isLine(r.Next) && min(r.Failures, r.Parked, r.Flaps) >= 0 &&
		slices.Contains([]string{"", toldTemporary, toldPerson}, r.Told) &&
		!slices.ContainsFunc(r.Queue, func(q *queued) bool { return q == nil || !q.valid(r) })
}

func (q *queued) valid(r *record) bool {
	n := &q.Notice
	for _, t := range q.To {
		if t == nil || !slices.Contains([]string{due, begun, sent, ended}, t.State) || min(t.Tries, t.Doubt) < 0 {
			return false
		}
	}
	return isID(q.Incident) && isID(n.ID) && (n.Follows == "" || isID(n.Follows)) && n.Account == r.Account && n.About == r.Group &&
		n.Host == fitHost(n.Host) && (n.Kind == Trouble || n.Kind == Recovered) && n.Cause == word(n.Cause) &&
		isLine(n.What) && isLine(n.Means) && isLine(n.Next) && min(n.Failed, n.Parked) >= 0
}

func isID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}
