package fetcher

import "encoding/json"

// UnmarshalJSON also reads what earlier versions wrote: the ledger has their reports.
func (r *Report) UnmarshalJSON(doc []byte) error {
	type plain Report
	was := struct {
		*plain
		Bytes int64 `json:"bytes"` // now octets
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(doc, &was); err != nil {
		return err
	}
	if r.Bytes == 0 {
		r.Bytes = was.Bytes
	}
	return nil
}
