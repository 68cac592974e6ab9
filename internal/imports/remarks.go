package imports

import "errors"

// tidy makes one remark of several about one key, of which the most serious counts, and says something of each that popsync does not do.
func (f *Found) tidy() {
	f.Remarks = tidied(f.Remarks)
	for i := range f.Accounts {
		f.Accounts[i].Remarks = tidied(f.Accounts[i].Remarks)
	}
}

func tidied(all []Remark) []Remark {
	type place struct {
		line int
		key  string
	}
	at := map[place]int{}
	out := all[:0]
	for _, r := range all {
		i, twice := at[place{r.Line, r.Key}]
		switch {
		case !twice:
			at[place{r.Line, r.Key}] = len(out)
			out = append(out, r)
			continue
		case out[i].Why == "" || out[i].Kind == Done:
			out[i].Why = r.Why
		case r.Why != "" && r.Why != out[i].Why && r.Kind != Done:
			out[i].Why += "; " + r.Why
		}
		out[i].Kind = max(out[i].Kind, r.Kind)
	}
	for i := range out {
		if out[i].Kind == Unsupported && out[i].Why == "" {
			out[i].Why = "popsync has nothing of the kind"
		}
	}
	return out
}

// said reports whether there is a remark about a key.
func (a *Account) said(line int, key string) bool {
	for _, r := range a.Remarks {
		if r.Line == line && r.Key == key {
			return true
		}
	}
	return false
}

// leaveOut says of an account why it cannot be translated; the others of the file can. what names it.
func (f *Found) leaveOut(line int, what string, err error) {
	r := Remark{line, what, Decide, "left out: " + err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		r.Why = "left out: " + e.Text
		if e.Line > 0 {
			r.Line = e.Line
		}
	}
	if f.Remarks = append(f.Remarks, r); f.failed == nil {
		f.failed = err
	}
}
