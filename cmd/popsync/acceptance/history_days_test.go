//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"database/sql"
	"encoding/json"
	"os"
)

// histDay is a day and a bit, in seconds.
const histDay = 25 * 3600

// histTimes are what the ledger has of an account's times that are waited for, or waited after, by the names in its facts.
var histTimes = map[string]bool{"no_pipelining_until": true, "scan_at": true, "lost_at": true, "unstuffed": true, "since": true,
	"begun": true, "first": true, "next": true}

// dayPasses lets what waits for another day have it: a message that came shorter than listed, or failed too often, and a server
// that lost step. The clock of the program is this machine's, so it is the notes that grow old.
func (w *histWorld) dayPasses() {
	w.day++
	path := w.path("state", "ledger.db")
	if _, err := os.Stat(path); err != nil {
		return
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	w.must(err)
	defer db.Close()
	_, err = db.Exec(`UPDATE message SET next_try = max(next_try - ?, 1) WHERE state IN (1, 4) AND next_try > 0`, histDay)
	w.must(err)
	_, err = db.Exec(`UPDATE delivery SET next_try = max(next_try - ?, 1) WHERE next_try > 0`, histDay)
	w.must(err)
	rows, err := db.Query(`SELECT id, facts FROM account WHERE facts IS NOT NULL`)
	w.must(err)
	aged := map[int][]byte{}
	for rows.Next() {
		var id int
		var b []byte
		w.must(rows.Scan(&id, &b))
		var facts map[string]any
		w.must(json.Unmarshal(b, &facts))
		histAge(facts)
		aged[id], err = json.Marshal(facts)
		w.must(err)
	}
	w.must(rows.Err())
	w.must(rows.Close())
	for id, b := range aged {
		_, err = db.Exec(`UPDATE account SET facts = ? WHERE id = ?`, b, id)
		w.must(err)
	}
}

func histAge(facts map[string]any) {
	for name, v := range facts {
		switch v := v.(type) {
		case float64:
			if histTimes[name] && v > histDay {
				facts[name] = int64(v) - histDay
			}
		case map[string]any:
			histAge(v)
		case []any:
			for _, e := range v {
				if e, ok := e.(map[string]any); ok {
					histAge(e)
				}
			}
		}
	}
}
