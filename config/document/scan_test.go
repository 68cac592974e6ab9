package document

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestScanFindsLines(t *testing.T) {
	doc := "\n# [no.table]\na = 1 # x = 2\n\"q\\\"k\" . 'l.m' = 'x'\n" +
		"m = \"\"\"\n[no]\nx = 1 \\\"\"\" still\\\n\"\"\"\"\nn = '''a''b\n'''\n" + // 5-8, 9-10
		"list = [ # x\n  'one',\n  {k = 1, 'z y'.w = [[2]]},\n]\n" + // 11-14
		"[account.work]\nhost='h]#'\r\n[[account.work.deliver]]\ntype='maildir'\n[[account.work.deliver]]\nx.y=1\n" + // 15-20
		"[account.work.deliver.sub] # of the second\nk=1"
	want := Positions{
		"a": 3, `"q\"k"`: 4, `"q\"k"."l.m"`: 4, "m": 5, "n": 9,
		"list": 11, "list[0]": 12, "list[1]": 13, "list[1].k": 13, `list[1]."z y"`: 13, `list[1]."z y".w`: 13,
		`list[1]."z y".w[0]`: 13, `list[1]."z y".w[0][0]`: 13,
		"account": 15, "account.work": 15, "account.work.host": 16,
		"account.work.deliver": 17, "account.work.deliver[0]": 17, "account.work.deliver[0].type": 18,
		"account.work.deliver[1]": 19, "account.work.deliver[1].x": 20, "account.work.deliver[1].x.y": 20,
		"account.work.deliver[1].sub": 21, "account.work.deliver[1].sub.k": 22,
	}
	got, deep := scan(doc)
	if deep != 0 || !maps.Equal(got, want) {
		t.Errorf("got  %v (deep %d)\nwant %v", got, deep, want)
	}
	assertAgrees(t, doc)
}

// assertAgrees fails when a document that the decoder accepts has other keys for the scanner than for the decoder.
func assertAgrees(t *testing.T, doc string) {
	t.Helper()
	pos, deep := scan(doc)
	if deep > 0 {
		return // decode asks no decoder then
	}
	var tree map[string]any
	if !decodes(doc, &tree) {
		return
	}
	want := map[Path]bool{}
	treePaths(want, "", tree)
	got := map[Path]bool{}
	for p := range pos {
		got[p] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("scanner %q\ndecoder %q\nof %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), doc)
	}
}

func decodes(doc string, tree *map[string]any) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	_, err := toml.Decode(doc, tree)
	return err == nil
}

func treePaths(out map[Path]bool, path Path, v any) {
	if path != "" {
		out[path] = true
	}
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			treePaths(out, path.Key(k), w)
		}
	case []map[string]any:
		for i, w := range v {
			treePaths(out, path.Index(i), w)
		}
	case []any:
		for i, w := range v {
			treePaths(out, path.Index(i), w)
		}
	}
}

func TestScanStopsWhereTheDecoderWouldExhaustItsStack(t *testing.T) {
	for _, open := range []string{"[", "{a=", "[{a="} {
		doc := "\nx = "
		for len(doc) < 1<<20 {
			doc += strings.Repeat(open, 1024)
		}
		if _, deep := scan(doc); deep != 2 {
			t.Errorf("%q: deep = %d, want 2", open, deep)
		}
	}
	long := "a"
	for range maxDepth {
		long += ".a"
	}
	for _, doc := range []string{long + "=1", "[" + long + "]"} {
		if _, deep := scan(doc); deep != 1 {
			t.Errorf("dotted key: deep = %d, want 1", deep)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add("a.b = [{c = 1}]\n[[d]]\n[d.e]\n")
	f.Fuzz(func(t *testing.T, doc string) {
		assertAgrees(t, doc)
	})
}

func TestFuzzSeedsArePresent(t *testing.T) {
	seeds, _ := filepath.Glob("testdata/fuzz/FuzzScan/*")
	if len(seeds) < 4 {
		t.Errorf("%d seeds", len(seeds))
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil || !strings.HasPrefix(string(data), "go test fuzz v1\n") {
			t.Errorf("%s is not a seed (%v)", s, err)
		}
	}
}
