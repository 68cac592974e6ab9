package main_test

import (
	"go/types"
	"regexp"
	"strings"
	"testing"
)

// judging are functions that tell which characters may be shown as they are, or write an octet in another way.
var judging = regexp.MustCompile(`^((unicode|strconv)\.(IsPrint|IsGraphic)|github\.com/popsync/popsync/internal/foreign\.(Shown|Escape))$`)

// mayJudgeText lists the rooms that do so, each with the reason.
var mayJudgeText = map[string]string{
	"internal/foreign": "it is the place",
	"internal/screen":  "its Writer is the last line of defence, and asks internal/foreign octet by octet",
	"config":           "what is part of an address, not how it is shown",
}

// Text from outside is made harmless in one place: rooms that do it alone do it differently.
func TestOnlyForeignJudgesText(t *testing.T) {
	exports := map[string]string{}
	var own []pkg
	for _, p := range goList(t, "-export", "-deps", "./cmd/popsync") {
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module+"/") {
			own = append(own, p)
		}
	}
	unused := map[string]bool{}
	for path := range mayJudgeText {
		unused[path] = true
	}
	for _, p := range own {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		fset, _, info := typed(t, p, exports)
		for id, object := range info.Uses {
			f, ok := object.(*types.Func)
			if !ok || !judging.MatchString(f.FullName()) {
				continue
			}
			delete(unused, path)
			if _, ok := mayJudgeText[path]; !ok {
				t.Errorf("%s uses %s: what is fit to be shown is judged by internal/foreign alone", fset.Position(id.Pos()), f.FullName())
			}
		}
	}
	for path := range unused {
		t.Errorf("%s judges no text: is it still the place, and does this test still see?", path)
	}
}
