//go:build bench

package ratio

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// panel is a diagram with logarithmic axes; the x axis may be linear.
type panel struct {
	title  string
	xUnit  string
	yUnit  string
	linear bool // the x axis
	lines  []*line
}

// line is what one program did; x grows.
type line struct {
	program string
	x, y    []float64
}

// add enters a program's figure; 0 stands for none.
func (p *panel) add(program string, x, y float64) {
	if y <= 0 {
		return
	}
	i := slices.IndexFunc(p.lines, func(l *line) bool { return l.program == program })
	if i < 0 {
		i, p.lines = len(p.lines), append(p.lines, &line{program: program})
	}
	l := p.lines[i]
	l.x, l.y = append(l.x, x), append(l.y, y)
}

const (
	panelWidth, panelHeight = 420, 340
	left, right, top, below = 58, 86, 36, 44
)

// colours are told apart by nearly everybody (Okabe and Ito), and each line has its name at its end.
var colours = map[string]string{"popsync": "#0072b2", "floor": "#555555", "mpop": "#d55e00", "fetchmail": "#009e73"}

// axis maps figures to a length.
type axis struct {
	from, to float64
	log      bool
	length   float64
}

func (a axis) at(v float64) float64 {
	if a.log {
		return (math.Log10(v) - math.Log10(a.from)) / (math.Log10(a.to) - math.Log10(a.from)) * a.length
	}
	return (v - a.from) / (a.to - a.from) * a.length
}

// axes fit the figures; logarithmic ones go from one power of ten to another.
func (p *panel) axes() (x, y axis) {
	x, y = axis{math.Inf(1), 0, !p.linear, panelWidth - left - right}, axis{math.Inf(1), 0, true, panelHeight - top - below}
	for _, l := range p.lines {
		x.from, x.to = min(x.from, slices.Min(l.x)), max(x.to, slices.Max(l.x))
		y.from, y.to = min(y.from, slices.Min(l.y)), max(y.to, slices.Max(l.y))
	}
	for _, a := range []*axis{&x, &y} {
		if a.log {
			a.from, a.to = math.Pow(10, math.Floor(math.Log10(a.from))), math.Pow(10, math.Ceil(math.Log10(a.to)))
		}
		if a.to == a.from {
			a.to = a.from*10 + 1
		}
	}
	return x, y
}

// ticks are the figures written at an axis.
func (p *panel) ticks(a axis) (all []float64) {
	if !a.log {
		for _, l := range p.lines {
			all = append(all, l.x...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for v := a.from; v <= a.to*1.0001; v *= 10 {
		all = append(all, v)
	}
	return all
}

func (p *panel) svg(w *strings.Builder, offset int) {
	x, y := p.axes()
	px := func(v float64) float64 { return float64(left) + x.at(v) }
	py := func(v float64) float64 { return panelHeight - below - y.at(v) }
	fmt.Fprintf(w, "<g transform=\"translate(%d 0)\">\n<text x=\"%d\" y=\"20\" font-size=\"14\">%s</text>\n", offset, left, html.EscapeString(p.title))
	for _, v := range p.ticks(y) {
		fmt.Fprintf(w, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s %s</text>\n",
			left, py(v), panelWidth-right, left-6, py(v)+4, figure(v), p.yUnit)
	}
	for _, v := range p.ticks(x) {
		fmt.Fprintf(w, "<path d=\"M%.1f %dV%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			px(v), top, panelHeight-below, px(v), panelHeight-below+16, figure(v))
	}
	fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", left+(panelWidth-left-right)/2, panelHeight-8, html.EscapeString(p.xUnit))
	lines := slices.SortedFunc(slices.Values(p.lines), func(a, b *line) int { return cmp.Compare(b.y[len(b.y)-1], a.y[len(a.y)-1]) })
	label := 0.0 // where the one above was written
	for _, l := range lines {
		colour := cmp.Or(colours[l.program], "#cc79a7")
		var path strings.Builder
		for i := range l.x {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], px(l.x[i]), py(l.y[i]))
		}
		fmt.Fprintf(w, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", path.String(), colour)
		for i := range l.x {
			fmt.Fprintf(w, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>", px(l.x[i]), py(l.y[i]), colour)
		}
		last := len(l.x) - 1
		label = max(label+14, py(l.y[last])+4)
		fmt.Fprintf(w, "\n<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n", px(l.x[last])+8, label, colour, html.EscapeString(l.program))
	}
	w.WriteString("</g>\n")
}

// figure writes a number as people do: 10k, 0.1.
func figure(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%gk", v/1e3)
	}
	return fmt.Sprintf("%.4g", v)
}

// svg puts panels side by side.
func svg(panels ...*panel) string {
	var w strings.Builder
	fmt.Fprintf(&w, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", panelWidth*len(panels), panelHeight)
	for i, p := range panels {
		p.svg(&w, i*panelWidth)
	}
	w.WriteString("</svg>\n")
	return w.String()
}

// plots writes the diagrams of growth beside the page and returns the text that shows them.
func (p *page) plots(t *testing.T, dir string) (text string) {
	t.Helper()
	for _, d := range []struct {
		file, about string
		panels      []*panel
	}{
		{"growth-listed.svg", "Time and memory against the number of messages listed", []*panel{&p.listedTime, &p.listedMemory}},
		{"growth-distance.svg", "Time against the round trip", []*panel{&p.distance}},
	} {
		if len(d.panels[0].lines) == 0 {
			continue
		}
		if err := os.WriteFile(dir+"/"+d.file, []byte(svg(d.panels...)), 0o644); err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("![%s](%s)\n\n", d.about, d.file)
	}
	return text
}
