package main_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	quoted  = regexp.MustCompile("`([^`\\s]+)`")
	linked  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	unnamed = regexp.MustCompile(`[^\w\- ]`)
)

// documents are the pages in Markdown, by their path from the root, without what stands in code blocks.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bin" || name == "dist" || strings.HasPrefix(name, ".") && name != "."):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			b, err := os.ReadFile(filepath.Join("../..", name))
			pages[name] = fenced.ReplaceAllString(string(b), "")
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 10 {
		t.Fatalf("only %d documents: this test looks in the wrong place", len(pages))
	}
	return pages
}

// A reader who looks for a file that a document names must find it. A Go file is named with its folder.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	top := map[string]bool{}
	for _, e := range entries {
		top[e.Name()] = e.IsDir()
	}
	checked := 0
	for page, text := range documents(t) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			name := strings.TrimSuffix(m[1], "/...")
			first, _, within := strings.Cut(name, "/")
			if path.Ext(name) != ".go" && !(within && top[first]) {
				continue
			}
			checked++
			if found, err := filepath.Glob(filepath.Join("../..", name)); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d names were looked up", checked)
	}
}

// Links within the project lead to a file, and to a heading if they name one.
func TestDocumentsLinkWhatExists(t *testing.T) {
	pages := documents(t)
	checked := 0
	for page, text := range pages {
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s links %s, which does not exist", page, m[1])
			} else if anchor != "" && !slices.Contains(anchors(pages[target]), anchor) {
				t.Errorf("%s links %s: there is no such heading", page, m[1])
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were followed", checked)
	}
}

// anchors are the names of a page's headings, as those who show Markdown make them.
func anchors(text string) (names []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ReplaceAll(unnamed.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

// Each decision tells its context, its choice and its price, and stands in the index.
func TestDecisionsAreWhole(t *testing.T) {
	const folder = "docs/decisions/"
	pages := documents(t)
	index := pages[folder+"README.md"]
	n := 0
	for page, text := range pages {
		name, ok := strings.CutPrefix(page, folder)
		if !ok || name == "README.md" {
			continue
		}
		n++
		for _, part := range []string{"\n**Context.**", "\n**Choice.**", "\n**Price.**"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %s", page, strings.TrimSpace(part))
			}
		}
		if title, _, _ := strings.Cut(text, "\n"); !strings.Contains(index, "- ["+strings.TrimPrefix(title, "# ")+"]("+name+")") {
			t.Errorf("%s does not stand in the index under its title", page)
		}
	}
	if n == 0 {
		t.Error("no decision was found")
	}
}
