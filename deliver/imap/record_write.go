package imap

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// save writes all of it anew, durably.
func (r *record) save() error {
	r.close()
	if r.dir == "" {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "look1 %s %d %d %s\n", r.where, r.validity, r.base, r.flags())
	for _, id := range slices.Sorted(maps.Keys(r.old)) {
		fmt.Fprintf(&b, "o %s\n", id)
	}
	for _, id := range slices.Sorted(maps.Keys(r.begun)) {
		fmt.Fprintf(&b, "b %s\n", id)
	}
	for _, id := range r.order {
		fmt.Fprintf(&b, "t %s %d %s\n", id, r.taken[id].uid, r.taken[id].key)
	}
	if r.broke > 0 {
		fmt.Fprintf(&b, "l %d\n", r.broke)
	}
	dir, err := safepath.Dir(r.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := durable.WriteFile(dir, r.name, b.Bytes(), 0o600); err != nil {
		return err
	}
	r.file, err = safepath.OpenOurs(dir, r.name, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// begin notes that a message is about to be sent.
func (r *record) begin(id string) error {
	if _, taken := r.taken[id]; taken { // it was settled, and somebody wants it once more
		r.once(id)
		if err := r.add("n "+id, false); err != nil {
			return err
		}
	}
	if r.begun[id] {
		return nil
	}
	r.begun[id] = true
	return r.add("b "+id, false)
}

// take notes that a message is there.
func (r *record) take(id string, uid uint32, key string) error {
	r.note(id, taken{uid, key})
	return r.add(fmt.Sprintf("t %s %d %s", id, uid, key), true)
}

// add adds a line. A failure makes the next one write all anew.
func (r *record) add(line string, sync bool) (err error) {
	switch {
	case r.dir == "":
		return nil
	case r.file == nil:
		return r.save()
	case sync && !r.lazy:
		err = durable.Append(r.file, []byte(line+"\n"))
	default:
		r.owes = r.owes || sync
		_, err = r.file.WriteString(line + "\n")
	}
	if err != nil {
		r.close()
	}
	return err
}

// together makes lines that are to be synced share one sync, which end does.
func (r *record) together() (end func() error) {
	r.lazy = true
	return func() (err error) {
		if r.lazy = false; r.owes && r.file != nil {
			if err = durable.Append(r.file, nil); err != nil {
				r.close()
			}
		}
		r.owes = false
		return err
	}
}

func (r *record) close() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

// unprove forgets that looking works.
func (r *record) unprove() {
	if r.proved {
		r.proved = false
		_ = r.add("f "+r.flags(), false)
	}
}
