package providers

// short is the length up to which two letters make another name, not a mistyped one: a.de is not web.de.
const short = 6

// Near is the domain of the table that was probably meant, where a domain that is not in it differs from one by one or two letters: one
// that is wrong, missing, too many, or two that changed places. "": there is none. Whoever owns gmial.com may have waited for passwords.
func Near(domain string) string {
	if _, ok := Of(domain); ok {
		return ""
	}
	best, at := "", 3
	for p := range all {
		for _, d := range p.domains {
			if n := distance(domain, d, 2); n < at && (n < 2 || min(len(domain), len(d)) > short) {
				best, at = d, n
			}
		}
	}
	return best
}

// distance is how many letters make one text of the other, by optimal string alignment; more than most: it is more.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	rows := [3][]int{}
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	before, last, row := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
