package outcome

import (
	"io"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/screen"
)

// Shown is how reports are shown.
type Shown struct {
	JSON     bool // as programs want them
	Plans    bool // of passes that were only foreseen
	Terminal bool // a person reads them
	Width    int  // of the terminal; 0: it is none
}

// Show prints reports as people or programs want them.
func Show(w io.Writer, reports []fetcher.Report, how Shown) error {
	if how.JSON {
		for _, r := range reports {
			if err := screen.WriteJSON(w, r); err != nil {
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
