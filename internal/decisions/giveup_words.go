package decisions

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
)

// notGivenUp words why nothing was given up.
func notGivenUp(name string, err error) error {
	var last *fetcher.LastCopyError
	var half *fetcher.HalfWayError
	var none *fetcher.NoCopyError
	var save *saveError
	switch {
	case errors.As(err, &last):
		return lastCopies(name, last.All)
	case errors.As(err, &half):
		return exit.With(exit.Temp, nextstep.With(fmt.Errorf("%s: %w; nothing was given up", name, half), "first say: popsync run "+name))
	case errors.As(err, &none):
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: %w; nothing was given up", name, none),
			"without --save it is looked for on the server: popsync give-up "+name+" "+uidtext.Args(none.UID)))
	case errors.As(err, &save) && errors.Is(err, fs.ErrExist):
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: %s exists already; nothing was given up", name, save.path), "name a file that does not exist yet"))
	case errors.As(err, &save):
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: the copy could not be saved: %w; nothing was given up", name, save),
			"name a file in a folder of your own, with room for it"))
	}
	return judgedIn(name, err)
}

// lastCopies refuses to give up what may be lost by that.
func lastCopies(name string, all []fetcher.LastCopy) error {
	var text, steps []string
	code := exit.Config // a person must decide
	for _, l := range all {
		uid := uidtext.Args(l.UID)
		why := "the server does not list message " + uid + " any more"
		if l.Unknown != "" {
			why = "whether the server lists message " + uid + " is not known (" + l.Unknown + ")"
			code = exit.Temp
		}
		if l.Copy {
			text = append(text, why+", and the copy that waits here may be the last")
			steps = append(steps, fmt.Sprintf("popsync give-up --save FILE %s %s", name, uid))
		} else {
			text = append(text, why+", and there is no copy of it here that could be saved")
			steps = append(steps, fmt.Sprintf("popsync give-up --lost %s %s", name, uid))
		}
	}
	return exit.With(code, nextstep.With(fmt.Errorf("%s: nothing was given up: %s", name, strings.Join(text, "; ")),
		"if it is to be given up all the same, say: "+strings.Join(steps, "; ")))
}

func notBack(name string, err error) error {
	var gone *fetcher.NotListedError
	if !errors.As(err, &gone) {
		return judgedIn(name, err)
	}
	hint := "if you saved it, its copy is what is left of it"
	if gone.Saved != "" {
		hint = "its copy was saved as " + gone.Saved
	}
	if gone.Unknown != "" {
		return exit.With(exit.Temp, nextstep.With(fmt.Errorf("%s: the last listing did not have message %s, and whether the server lists it again is not known (%s); nothing was changed",
			name, uidtext.Arg(gone.UID), gone.Unknown), "say it again later; "+hint))
	}
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: %w; nothing was changed", name, gone), hint))
}

func (desk *Desk) tellGivenUp(name string, gave []fetcher.GaveUp, saved string) {
	for _, g := range gave {
		fmt.Fprintf(desk.Out, "%s: message %s is given up%s\n", name, uidtext.Arg(g.UID), after("; it does not go to ", strings.Join(g.Places, ", ")))
		switch {
		case g.Saved:
			fmt.Fprintf(desk.Out, "%s: its copy is in %s\n", name, saved)
		case g.Listed:
			fmt.Fprintf(desk.Out, "%s: it stays on the server; to take it back: popsync give-up --undo %s %s\n", name, name, uidtext.Args(g.UID))
		}
	}
}

func (desk *Desk) tellBack(name string, back []fetcher.GaveUp) {
	for _, g := range back {
		fmt.Fprintf(desk.Out, "%s: message %s is no more given up; the next run fetches it%s\n", name, uidtext.Arg(g.UID), after(" for ", strings.Join(g.Places, ", ")))
		if g.Unknown != "" {
			fmt.Fprintf(desk.Out, "%s: the last listing had it; whether the server still does is not known now: %s\n", name, words.Clip(g.Unknown))
		}
	}
}

// after is what follows if there is something to say.
func after(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}
