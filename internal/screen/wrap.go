package screen

import "strings"

// Wrap breaks text between words so that no line is wider than width, with an indent before all but the first line; a
// word that is too long stays whole, and so does what is quoted for a shell. Width 0: one line.
func Wrap(text, indent string, width int) string {
	var b strings.Builder
	col := 0
	for _, word := range wordsOf(text) {
		switch {
		case b.Len() == 0:
		case width > 0 && col+1+len(word) > width:
			b.WriteString("\n" + indent)
			col = len(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += len(word)
	}
	return b.String()
}

// Less is the width that is left for a text that begins after an indent of two.
func Less(width int, indented bool) int {
	if width > 0 && indented {
		return max(width-2, 1)
	}
	return width
}

// Fill breaks paragraphs anew, so that the source may have other lines than the screen. One with an indented line stays as
// it is.
func Fill(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.Contains("\n"+p, "\n ") {
			paragraphs[i] = Wrap(p, "", width)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// wordsOf splits text at blanks, but for those within quotes: they may be part of a unique-id.
func wordsOf(text string) (words []string) {
	const blanks = " \t\n"
	for text = strings.TrimLeft(text, blanks); text != ""; text = strings.TrimLeft(text, blanks) {
		n := strings.IndexAny(text, blanks)
		if n < 0 {
			n = len(text)
		}
		if q := quotedEnd(text); q > n {
			n = q
		}
		words = append(words, text[:n])
		text = text[n:]
	}
	return words
}

// quotedEnd is the length of a word in single quotes that text begins with, with what stands right behind it; 0: there is none.
func quotedEnd(text string) int {
	start := strings.TrimPrefix(text, "$")
	if !strings.HasPrefix(start, "'") {
		return 0
	}
	for i := len(text) - len(start) + 1; i < len(text); i++ {
		if text[i] != '\'' || text[i-1] == '\\' {
			continue
		}
		rest := strings.TrimLeft(text[i+1:], ".,;:)")
		if rest == "" || rest[0] == ' ' {
			return len(text) - len(rest)
		}
	}
	return 0
}
