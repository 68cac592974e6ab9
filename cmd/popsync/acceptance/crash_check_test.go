//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ask returns what the ledger answers, a line for each row.
func (w *crashWorld) ask(query string, args ...any) (string, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.state(), "ledger.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return "", err
	}
	defer db.Close()
	rows, err := db.Query(query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		if err := rows.Scan(values...); err != nil {
			return "", err
		}
		var line []string
		for _, v := range values {
			line = append(line, v.(*sql.NullString).String)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return strings.Join(lines, "\n"), rows.Err()
}

// mailbox is what the Maildir holds, by content and by name.
func (w *crashWorld) mailbox() (sums, []string) {
	got, names := sums{}, []string{}
	for _, sub := range []string{"new", "cur", "tmp"} {
		files, err := os.ReadDir(filepath.Join(w.mail("Mail"), sub))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			w.wrong("%v", err)
		}
		for _, f := range files {
			names = append(names, sub+"/"+f.Name())
			if sub == "tmp" {
				continue
			}
			b, err := os.ReadFile(filepath.Join(w.mail("Mail"), sub, f.Name()))
			if err != nil {
				w.wrong("%v", err)
			}
			got[sha256.Sum256(b)]++
		}
	}
	return got, names
}

// left is what the server still has.
func (w *crashWorld) left() (messages [][]byte) {
	for _, u := range w.users {
		for _, m := range w.server.Messages(u) {
			messages = append(messages, m.Data)
		}
	}
	return messages
}

// count compares the Maildir, and what its reader took out, with all messages.
func (w *crashWorld) count() (lost, twice int) {
	got, _ := w.mailbox()
	for k, n := range w.read {
		got[k] += n
	}
	return differ(w.all, got)
}

// gone counts messages that are neither on the server nor in the Maildir.
func (w *crashWorld) gone() (n int) {
	got, _ := w.mailbox()
	server := wanted(w.left()...)
	for k := range w.all {
		if got[k]+w.read[k]+server[k] == 0 {
			n++
		}
	}
	return n
}

// resume makes two plain runs and tells what they leave.
func (w *crashWorld) resume() (out crashOutcome) {
	out.lost = w.gone()
	w.plain(0)
	lost, twice := w.count()
	if lost > 0 { // it may have left the account alone, and why is what one wants to know
		w.wrong("the run after that said:\n%s", w.said)
	}
	out.lost, out.twice = max(out.lost, lost), twice
	out.again = w.checkRemote()
	w.checkLedger()
	if n, want := len(w.left()), w.stay(); fmt.Sprint(n) != want {
		w.wrong("the server has %d of %d messages, want %s", n, w.total, want)
	}
	const dump = `SELECT account, hex(uid), dup, state, size, octets, hex(sha256), attempts FROM message ORDER BY 1, 2, 3`
	_, names := w.mailbox()
	rows, err := w.ask(dump)
	server := len(w.left())
	w.plain(0)
	_, again := w.mailbox()
	rows2, err2 := w.ask(dump)
	if err := errors.Join(err, err2); err != nil {
		w.wrong("%v", err)
	}
	if !slices.Equal(names, again) || rows != rows2 || len(w.left()) != server {
		w.wrong("the run after the next changed something:\n%q\n%q\n%s\n%s", names, again, rows, rows2)
	}
	if again := w.checkRemote(); again != out.again {
		w.wrong("the run after the next sent %d messages", again-out.again)
	}
	out.trouble = w.trouble
	return out
}

// stay is how many messages must be left on the server: those that a reader took before anybody saw them durable, too.
func (w *crashWorld) stay() string {
	switch {
	case w.policy == "never":
		return fmt.Sprint(w.total)
	case len(w.read) == 0:
		return "0"
	}
	unsure, err := w.ask(`SELECT count(*) FROM message WHERE have & 8`)
	if err != nil {
		w.wrong("%v", err)
	}
	return unsure
}

// checkLedger is for the ledger after a run that completed.
func (w *crashWorld) checkLedger() {
	if got, err := w.ask(`PRAGMA user_version`); w.schema != "" && got != w.schema {
		w.wrong("the schema is %s, want %s (%v)", got, w.schema, err)
	}
	for query, want := range map[string]string{
		`SELECT count(*) FROM message`:                                               fmt.Sprint(w.total),
		`SELECT count(*) FROM message WHERE state NOT IN (2, 3)`:                     "0",
		`SELECT count(*) FROM delivery`:                                              "0",
		fmt.Sprintf(`SELECT coalesce(sum(attempts), 0) <= %d FROM message`, w.kills): "1",
		`PRAGMA quick_check`:                                                         "ok",
	} {
		if got, err := w.ask(query); err != nil || got != want {
			w.wrong("%s: %s, want %s (%v)", query, got, want, err)
		}
	}
}
