package config

import (
	"fmt"
	"io/fs"

	"github.com/popsync/popsync/config/document"
)

// literalAt gives the path of the first literal secret in a document, or "".
func literalAt(tree map[string]any, where document.Positions) document.Path {
	first := document.Path("")
	look := func(path document.Path, table map[string]any, key string) {
		at := path.Key(key)
		if v, ok := table[key]; ok && v != "" && (first == "" || where[at] < where[first]) {
			first = at
		}
	}
	alarm, _ := tree["alarm"].(map[string]any)
	look("alarm", alarm, "webhook")
	grants, _ := tree["oauth"].(map[string]any)
	for name, v := range grants {
		g, _ := v.(map[string]any)
		look(document.Path("oauth").Key(name), g, "client_secret")
	}
	account := func(at document.Path, v any) {
		a, _ := v.(map[string]any)
		look(at, a, "password")
		list, _ := asTables(a["deliver"])
		for i, d := range list {
			look(at.Key("deliver").Index(i), d, "password")
		}
	}
	account("defaults", tree["defaults"])
	accounts, _ := tree["account"].(map[string]any)
	for name, v := range accounts {
		account(document.Path("account").Key(name), v)
	}
	return first
}

// ownerFault judges a file that holds a secret; mode is its permission bits.
func ownerFault(name string, regular bool, mode fs.FileMode, owner, user uint32) *fault {
	switch {
	case !regular:
		return &fault{text: "the file holds a secret and is not a regular file"}
	case owner != user && owner != 0:
		return &fault{text: fmt.Sprintf("the file holds a secret and belongs to another user (id %d)", owner),
			hint: "chown it to yourself"}
	case mode&0o077 != 0:
		return &fault{text: fmt.Sprintf("the file holds a secret and others may open it (mode %04o)", mode), hint: "chmod 600 " + name}
	}
	return nil
}
