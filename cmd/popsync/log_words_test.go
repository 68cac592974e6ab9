package main_test

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strings"
	"testing"
)

// logWords are the messages and the field names in a program's log calls, each with where it is.
type logWords struct{ messages, fields map[string]string }

// What people's filters and alarms are made for stands in docs/service.md: every message and every field that can come
// into the log, and no other.
func TestLogIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/service.md")
	if err != nil {
		t.Fatal(err)
	}
	found := logWords{map[string]string{}, map[string]string{}}
	exports := map[string]string{}
	var own []pkg
	for _, p := range goList(t, "-export", "-deps", "./cmd/popsync") {
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module+"/") {
			own = append(own, p)
		}
	}
	for _, p := range own {
		found.collect(t, p, exports)
	}
	for title, words := range map[string]map[string]string{"Messages": found.messages, "Fields": found.fields} {
		_, section, ok := strings.Cut(string(doc), "\n### "+title+"\n")
		section, _, _ = strings.Cut(section, "\n#")
		if !ok || len(words) == 0 {
			t.Fatalf("%s: in the document: %v; %d in the program", title, ok, len(words))
		}
		rows := map[string]bool{}
		for _, m := range regexp.MustCompile("(?m)^\\| ((?:`[^`]+`(?:, )?)+) \\|").FindAllStringSubmatch(section, -1) {
			for _, w := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[1], -1) {
				rows[w[1]] = true
			}
		}
		for w, place := range words {
			if !rows[w] {
				t.Errorf("%s: docs/service.md has no row for %q under %s", place, w, title)
			}
			delete(rows, w)
		}
		for w := range rows {
			t.Errorf("docs/service.md has a row for %q under %s, which nothing logs", w, title)
		}
	}
}

func (l logWords) collect(t *testing.T, p pkg, exports map[string]string) {
	fset, files, info := typed(t, p, exports)
	ours := map[string]bool{"level": true, "time": true, "msg": true}
	for _, f := range files {
		if strings.HasSuffix(fset.File(f.Pos()).Name(), "/internal/logs/safe.go") {
			continue // it makes fields of fields
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			into := l.kind(call, info)
			if into == nil {
				return true
			}
			place := fset.Position(call.Pos()).String()
			words := constants(call.Args[0], files, info)
			if len(words) == 0 {
				t.Errorf("%s: cannot see which words are logged here", place)
			}
			for _, w := range words {
				if ours[w] {
					t.Errorf("%s: %q is there already", place, w)
				}
				into[w] = place
			}
			return true
		})
	}
}

// kind tells whether a call writes a line or makes a field, of zap.
func (l logWords) kind(call *ast.CallExpr, info *types.Info) map[string]string {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	f, ok := info.Uses[fun.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() != "go.uber.org/zap" {
		return nil
	}
	if regexp.MustCompile(`^\(\*go\.uber\.org/zap\.Logger\)\.(Debug|Info|Warn|Error|DPanic|Panic|Fatal)$`).MatchString(f.FullName()) {
		return l.messages
	}
	results, params := f.Signature().Results(), f.Signature().Params()
	if f.Signature().Recv() == nil && results.Len() == 1 && strings.HasSuffix(types.Unalias(results.At(0).Type()).String(), "zapcore.Field") &&
		params.Len() > 0 && types.Identical(params.At(0).Type(), types.Typ[types.String]) {
		return l.fields
	}
	return nil
}

// constants are the texts that an expression may have: its own value, or those that its variable is ever set to, or
// those that its field has in any literal of the struct.
func constants(e ast.Expr, files []*ast.File, info *types.Info) (words []string) {
	add := func(e ast.Expr) {
		if v := info.Types[e].Value; v != nil && v.Kind() == constant.String {
			words = append(words, constant.StringVal(v))
		}
	}
	add(e)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				id, ok := e.(*ast.Ident)
				for i, left := range n.Lhs {
					if to, is := left.(*ast.Ident); ok && is && len(n.Rhs) == len(n.Lhs) && n.Tok != token.ADD_ASSIGN &&
						info.Uses[id] != nil && (info.Defs[to] == info.Uses[id] || info.Uses[to] == info.Uses[id]) {
						add(n.Rhs[i])
					}
				}
			case *ast.CompositeLit:
				sel, ok := e.(*ast.SelectorExpr)
				if !ok || !types.Identical(info.Types[n].Type, info.Types[sel.X].Type) {
					break
				}
				fields, ok := info.Types[n].Type.Underlying().(*types.Struct)
				for i, value := range n.Elts {
					if pair, is := value.(*ast.KeyValueExpr); is {
						if key, is := pair.Key.(*ast.Ident); is && key.Name == sel.Sel.Name {
							add(pair.Value)
						}
					} else if ok && fields.Field(i).Name() == sel.Sel.Name {
						add(value)
					}
				}
			}
			return true
		})
	}
	return words
}
