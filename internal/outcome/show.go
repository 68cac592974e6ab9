package outcome

import (
	"bufio"
	"io"
	"runtime"
	"slices"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/foreign"
)

// Shown is how reports are shown.
type Shown struct {
	JSON     bool // as programs want them
	Plans    bool // of passes that were only foreseen
	Terminal bool // a person reads them
	Width    int  // of the terminal; 0: it is none
}

// manySteps are so many that the memory counts which they were made in.
const manySteps = 10_000

// Show prints reports as people or programs want them.
func Show(w io.Writer, reports []fetcher.Report, how Shown) error {
	if slices.ContainsFunc(reports, func(r fetcher.Report) bool { return r.Steps.Len() > manySteps }) {
		runtime.GC() // the plan that they are of is garbage by now, and would let the heap grow to twice as much
	}
	if how.JSON {
		for _, r := range reports {
			if err := writeJSON(w, r); err != nil {
				return err
			}
		}
		return nil
	}
	switch {
	case how.Plans:
		for _, r := range reports {
			if err := Plan(w, r, how.Width); err != nil {
				return err
			}
		}
	case how.Terminal:
		return Table(w, reports, how.Width)
	}
	return nil
}

// writeJSON is screen.WriteJSON, a part at a time.
func writeJSON(w io.Writer, r fetcher.Report) error {
	buf := bufio.NewWriterSize(w, 1<<16)
	for part, err := range r.JSON() {
		if err != nil {
			return err
		}
		_, _ = buf.Write(foreign.JSON(part)) // Flush tells
	}
	_ = buf.WriteByte('\n')
	return buf.Flush()
}

// Worst is the error that carries the exit code of the gravest outcome; nil: nothing failed.
func Worst(reports []fetcher.Report) error {
	class := verdict.OK
	for _, r := range reports {
		if verdict.Worse(r.Verdict.Class, class) {
			class = r.Verdict.Class
		}
	}
	if class == verdict.OK {
		return nil
	}
	return exit.With(exit.Of(class), exit.ErrReported)
}
