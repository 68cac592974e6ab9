package screen

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/words"
)

// Table writes rows in aligned columns below a head. The cells may be foreign text.
func Table(w io.Writer, head []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for _, r := range rows {
		cells := make([]string, len(r))
		for i := range r {
			cells[i] = words.Clip(r[i])
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// tableWidth is what the table keeps to, whatever the terminal has: it is mailed, too.
const tableWidth = 80

// FitTable is Table, with the names in the first column cut so that it fits. The other columns are ASCII.
func FitTable(w io.Writer, head []string, rows [][]string) error {
	return Table(w, head, fitted(head, rows))
}

// fitted cuts the names in the first column so that a table fits.
func fitted(head []string, rows [][]string) [][]string {
	rest := 0 // what the columns behind the names take
	for i := 1; i < len(head); i++ {
		width := len(head[i])
		for _, r := range rows {
			width = max(width, len(r[i]))
		}
		rest += 2 + width
	}
	most := max(tableWidth-rest, 12)
	for _, r := range rows {
		r[0] = Shorten(r[0], most)
	}
	return rows
}

// Shorten cuts a text to so many characters, three at least.
func Shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-3]) + "..."
}

// Align joins the cells of each row, padded to columns of equal width. The last cell of a row widens no column. Each row has a
// cell at least.
func Align(rows [][]string) []string {
	var cols Columns
	for _, r := range rows {
		cols.Fit(r)
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = cols.Line(r)
	}
	return lines
}

// Columns are the widths of columns, for tables too long to be in memory: see Align.
type Columns []int

// Fit makes the columns wide enough for a row.
func (w *Columns) Fit(row []string) {
	for i, c := range row[:len(row)-1] {
		if i == len(*w) {
			*w = append(*w, 0)
		}
		(*w)[i] = max((*w)[i], len(c))
	}
}

// Line joins the cells of a row that fits.
func (w Columns) Line(row []string) string {
	var b strings.Builder
	for i, c := range row {
		if i < len(row)-1 {
			c += strings.Repeat(" ", w[i]-len(c)+2)
		}
		b.WriteString(c)
	}
	return b.String()
}
