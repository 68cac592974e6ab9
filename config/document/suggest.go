package document

import "strings"

// DidYouMean words a suggestion for a mistyped word, or gives "".
func DidYouMean(word string, known []string) string {
	if s := Nearest(word, known); s != "" {
		return `did you mean "` + s + `"?`
	}
	return ""
}

// Nearest gives the known word that is at most two edits away or shares its beginning with word, or "".
func Nearest(word string, known []string) string {
	word = strings.ToLower(word)
	if len(word) > 40 { // longer than any known word by far; distance is quadratic
		return ""
	}
	best, least := "", 3
	for _, k := range known {
		if d := distance(word, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(k, word) || strings.HasPrefix(word, k) && len(k) >= 3 {
			return k
		}
	}
	return ""
}

// distance is Levenshtein's: insertions, removals and replacements of one byte.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the previous byte of a
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
