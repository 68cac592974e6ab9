package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
)

// A ledger keeps the reports of earlier versions, which said "bytes".
func TestReportOfEarlierVersion(t *testing.T) {
	for doc, want := range map[string]Report{
		`{"account":"a","new":2,"bytes":7,"verdict":{"class":"ok"}}`:  {Account: "a", New: 2, Bytes: 7, Verdict: verdict.Verdict{Class: verdict.OK}},
		`{"account":"a","new":2,"octets":7,"verdict":{"class":"ok"}}`: {Account: "a", New: 2, Bytes: 7, Verdict: verdict.Verdict{Class: verdict.OK}},
	} {
		var got Report
		if err := json.Unmarshal([]byte(doc), &got); err != nil || got.New != want.New || got.Bytes != want.Bytes || got.Verdict != want.Verdict || got.Account != want.Account {
			t.Errorf("%s is read as %+v (%v)", doc, got, err)
		}
	}
	var list []Report // and nothing of one goes into the next
	if err := json.Unmarshal([]byte(`[{"bytes":7},{"octets":3},{}]`), &list); err != nil || list[0].Bytes != 7 || list[1].Bytes != 3 || list[2].Bytes != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	doc, err := json.Marshal(Report{Bytes: 7})
	if err != nil || strings.Contains(string(doc), "bytes") || !strings.Contains(string(doc), `"octets":7`) {
		t.Errorf("%s, %v", doc, err)
	}
}
