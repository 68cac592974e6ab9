package tokens

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// Forget removes the files of all tokens of an account and its destinations, whatever grant they were for, and tells how many tokens
// there were. The provider is not told; what a program keeps stays with it.
func (k *Keeper) Forget(account string) (removed int, err error) {
	dir, err := safepath.Dir(k.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, safepath.WithNextStep(err)
	}
	defer dir.Close()
	names, err := safepath.NamesAt(dir)
	if err != nil {
		return 0, err
	}
	for _, file := range names {
		name, suffix := cutSuffix(file)
		if _, owner, _ := split(name); owner != account || suffix == "" {
			continue
		}
		if err := safepath.RemoveAt(dir, file); err != nil {
			return removed, err
		}
		if file == name+tokenSuffix {
			removed++
		}
	}
	return removed, durable.SyncDir(dir)
}

// Rename gives the tokens of accounts, by their old names, to others, all at once: names may be swapped. It is for accounts that got
// another name in the configuration. Tokens that a program keeps are not renamed.
func (k *Keeper) Rename(ctx context.Context, to map[string]string) error {
	dir, err := safepath.Dir(k.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return safepath.WithNextStep(err)
	}
	defer dir.Close()
	names, err := safepath.NamesAt(dir)
	if err != nil {
		return err
	}
	slices.Sort(names) // so that two processes take locks in one order
	contents, gone := map[string][]byte{}, []string{}
	for _, file := range names {
		name, suffix := cutSuffix(file)
		grant, account, rest := split(name)
		if to[account] == "" || suffix != tokenSuffix {
			continue
		}
		lock, err := hold(ctx, dir, name)
		if err != nil {
			return err
		}
		defer lock.Close()
		for _, suffix := range []string{tokenSuffix, stateSuffix} {
			b, err := read(dir, name+suffix, maxRecord)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return err
			}
			contents[grant+"+"+to[account]+rest+suffix] = b
			gone = append(gone, name+suffix)
		}
		gone = append(gone, name+lockSuffix)
	}
	for file, b := range contents {
		if err := durable.WriteFile(dir, file, b, 0o600); err != nil {
			return err
		}
	}
	return removeAll(dir, gone, contents)
}

func removeAll(dir *os.File, files []string, but map[string][]byte) error {
	for _, file := range files {
		if _, taken := but[file]; taken {
			continue
		}
		if err := safepath.RemoveAt(dir, file); err != nil {
			return err
		}
	}
	return durable.SyncDir(dir)
}

// split takes a token's name apart: see nameOf. rest is empty, or '+' and a destination.
func split(name string) (grant, account, rest string) {
	parts := strings.SplitN(name, "+", 3)
	if len(parts) < 2 {
		return "", "", ""
	}
	if len(parts) == 3 {
		rest = "+" + parts[2]
	}
	return parts[0], parts[1], rest
}

// cutSuffix is a file's name without what is behind the token's, also where a killed process left the file half written, with a dot
// in front; "": it is no file of a token.
func cutSuffix(file string) (name, suffix string) {
	half, isHalf := strings.CutPrefix(file, ".")
	for _, s := range []string{tokenSuffix, stateSuffix, lockSuffix} {
		if n, ok := strings.CutSuffix(file, s); ok && !isHalf {
			return n, s
		}
		if i := strings.LastIndex(half, s+"."); isHalf && i > 0 && !strings.Contains(half[i+len(s)+1:], ".") {
			return half[:i], s
		}
	}
	return "", ""
}
