package imap

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// candidate is a message in the folder that may be one of ours.
type candidate struct {
	uid    uint32
	header header
	digest string // as the server tells it (DIGEST=SHA1), in hexadecimal; "": it does not
}

// index is what a look found at the base and above.
type index struct {
	made       int         // Sender.doubts at that time
	last       uint32      // the highest UID
	calm       bool        // nothing more came for a while
	candidates []candidate // those that are known to be of nobody
}

// Ways in which a look fails for good: it can't tell, and another one could not either.
var (
	errValidity  = errors.New("the folder has other UIDs now (UIDVALIDITY)")
	errTooMany   = errors.New("too much other mail has come into the folder since")
	errNoFetch   = errors.New("the server does not show what is in the folder")
	errBroke     = errors.New("the connection broke whenever the folder was looked at")
	errRewritten = errors.New("a message like it is there, and the server may have changed it")
)

// look reads the UIDs from the base on, and the headers of those that are known to be of nobody.
func (c *session) look(r *record, most int) (x *index, err error) {
	x = &index{}
	seen := map[uint32]bool{}
	if err := c.examine(r.validity); err != nil {
		return nil, err
	}
	var unknown []uint32
	from := strconv.FormatUint(uint64(r.base), 10)
	err = c.fetch("UID FETCH "+from+":* (UID)", func(uid uint32, _ []value) {
		// A server answers n:* with its last message where there is none from n on.
		if uid >= r.base && !seen[uid] {
			x.last = max(x.last, uid)
			if seen[uid] = true; r.owner[uid] == "" {
				unknown = append(unknown, uid)
			}
		}
	})
	switch {
	case err != nil:
		return nil, err
	case len(unknown) > most:
		return nil, errors.Join(errTooMany, c.unselect())
	}
	slices.Sort(unknown)
	items := "(UID RFC822.SIZE BODY.PEEK[HEADER])"
	if c.caps["DIGEST=SHA1"] {
		items = "(UID RFC822.SIZE DIGEST.SHA1 BODY.PEEK[HEADER])"
	}
	got := map[uint32]bool{}
	for chunk := range slices.Chunk(unknown, 100) {
		err = c.fetch("UID FETCH "+set(chunk)+" "+items, func(uid uint32, values []value) {
			one := candidate{uid: uid}
			found := false
			for i := 0; i+1 < len(values); i += 2 {
				switch name := values[i].word(); {
				case name == "BODY[HEADER]" && values[i+1].quoted:
					one.header, found = newHeader(values[i+1].text, values[i+1].cut), true
				case name == "DIGEST.SHA1":
					one.digest = strings.ToLower(string(values[i+1].text))
				}
			}
			if _, asked := slices.BinarySearch(unknown, uid); found && asked && !got[uid] {
				got[uid] = true
				x.candidates = append(x.candidates, one)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(x.candidates, func(a, b candidate) int { return cmp.Compare(a.uid, b.uid) })
	return x, c.unselect()
}

// set writes UIDs that are sorted.
func set(uids []uint32) string {
	var b strings.Builder
	for i := 0; i < len(uids); {
		j := i + 1
		for j < len(uids) && uids[j] == uids[j-1]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(uids[i]), 10))
		if j > i+1 {
			b.WriteByte(':')
			b.WriteString(strconv.FormatUint(uint64(uids[j-1]), 10))
		}
		i = j
	}
	return b.String()
}

// examine opens the folder for reading. SELECT would take \Recent from what is new.
func (c *session) examine(validity uint32) error {
	if c.stays && c.selected {
		return nil
	}
	var is uint32
	tag := c.tag()
	if err := c.send("EXAMINE", tag+" EXAMINE "+c.mailbox); err != nil {
		return err
	}
	// UIDVALIDITY comes as the code of an untagged OK, which command does not show.
	c.onCode = func(a *response) {
		if a.code == "UIDVALIDITY" {
			v := value{text: []byte(a.args)}
			is = v.uint32()
		}
	}
	a, err := c.receive("EXAMINE", tag, nil, c.o.Timeouts.Reply)
	c.onCode = nil
	if err == nil {
		if a.tag == "+" {
			err = c.fail("EXAMINE", errOdd)
		} else {
			err = c.judge("EXAMINE", &a)
		}
	}
	if err != nil {
		return refusedLook(err)
	}
	c.selected = true
	if is != validity && is != 0 {
		return errors.Join(errValidity, c.leave())
	}
	return nil
}

// unselect closes the folder, as some servers take nothing for one that is open for reading. It removes nothing there.
func (c *session) unselect() error {
	if !c.selected || c.stays {
		return nil
	}
	c.selected = false
	verb := "CLOSE"
	if c.caps["UNSELECT"] || c.caps["IMAP4REV2"] {
		verb = "UNSELECT"
	}
	_, err := c.command(verb, nil, verb)
	var refused *replyError
	if errors.As(err, &refused) {
		return c.fail(verb, err)
	}
	return err
}

// leave closes the folder although it was to stay open, so that the next look sees it as it is then.
func (c *session) leave() error {
	stays := c.stays
	c.stays = false
	defer func() { c.stays = stays }()
	return c.unselect()
}

// fetch sends a UID FETCH and gives each answer that tells a UID.
func (c *session) fetch(line string, each func(uid uint32, values []value)) error {
	a, err := c.command("FETCH", func(a *response) error {
		if a.name != "FETCH" || len(a.values) != 1 {
			return nil
		}
		list := a.values[0].list
		for i := 0; i+1 < len(list); i += 2 {
			if uid := list[i+1].uint32(); list[i].word() == "UID" && uid != 0 {
				each(uid, list)
			}
		}
		return nil
	}, line)
	if err == nil && a.code == "MESSAGELIMIT" {
		err = errors.Join(errTooMany, c.unselect())
	}
	if err != nil {
		return refusedLook(err)
	}
	return nil
}

// refusedLook makes a refusal one that says what it means.
func refusedLook(err error) error {
	var refused *replyError
	if errors.As(err, &refused) {
		return errors.Join(errNoFetch, err)
	}
	return err
}

// failedForGood tells whether another look would fail as well. What broke the connection may pass, and so may a refusal that does not say
// otherwise.
func failedForGood(err error) bool {
	var conn *connError
	if errors.As(err, &conn) {
		return false
	}
	var refused *replyError
	if errors.As(err, &refused) {
		return meant(refused, atFolder).permanent
	}
	return true
}

// sameText tells whether the text of a message there is that of one of ours. No more of it is read than ours has, but for what a server
// may add.
func (c *session) sameText(uid uint32, r *record, t *task) (same bool, err error) {
	if err := c.examine(r.validity); err != nil {
		return false, err
	}
	theirs, found := newTextSum(), false
	c.r.text = func(n int64) io.Writer {
		if n > 2*t.octets+maxLiteral {
			return nil
		}
		theirs, found = newTextSum(), true
		return theirs
	}
	c.r.waits = func() { c.w.deadline(c.w.conn.SetReadDeadline, c.o.Timeouts.Reply) }
	err = c.fetch("UID FETCH "+strconv.FormatUint(uint64(uid), 10)+" (UID BODY.PEEK[TEXT])", func(uint32, []value) {})
	c.r.text, c.r.waits = nil, nil
	if err != nil {
		return false, errors.Join(err, c.unselect())
	}
	return found && theirs.sum() == t.text, c.unselect()
}

// match tells how a message there is like one of ours: not at all, by its header, which its text has to confirm, or for certain.
func (one *candidate) match(t *task) (lacks int, by likeness) {
	switch {
	case t.traced && slices.Contains(one.header.traces, t.id), one.digest != "" && one.digest == t.digest:
		return -1, certain
	case t.traced && len(one.header.traces) > 0, one.digest != "" && t.digest != "" && t.plain:
		return 0, different
	}
	if lacks, ok := t.header.missing(&one.header); ok {
		return lacks, sameHeader
	}
	return 0, different
}

type likeness int

const (
	different likeness = iota
	sameHeader
	certain
)

// find looks for a message among those that are known to be of nobody; 0: it is not there. unsure tells that one is there which may be what a
// server made of it that changes messages.
func (x *index) find(c *session, r *record, t *task) (uid uint32, unsure bool, err error) {
	type match struct{ lacks, at int }
	var matches []match
	for i := range x.candidates {
		one := &x.candidates[i]
		if owner := r.owner[one.uid]; owner != "" && owner != t.id {
			continue
		}
		lacks, by := one.match(t)
		if by == sameHeader {
			same, err := c.sameText(one.uid, r, t)
			if err != nil {
				return 0, false, err
			}
			if by = certain; !same {
				by = different
			}
		}
		if by == certain {
			matches = append(matches, match{lacks, i})
		} else {
			unsure = unsure || t.header.resembles(&one.header)
		}
	}
	if len(matches) <= r.others(t.id, t.key) {
		return 0, unsure && !r.proved, nil
	}
	best := slices.MinFunc(matches, func(a, b match) int { return cmp.Or(cmp.Compare(a.lacks, b.lacks), cmp.Compare(a.at, b.at)) })
	return x.candidates[best.at].uid, false, nil
}

// lied tells that a message which was taken is there under another UID than the server has said, by all that its header tells.
func (x *index) lied(r *record) bool {
	if !r.uids {
		return false
	}
	keys := map[string]bool{}
	for _, t := range r.taken {
		keys[t.key] = t.uid != 0
	}
	return slices.ContainsFunc(x.candidates, func(one candidate) bool {
		return r.owner[one.uid] == "" && one.header.strong() && keys[one.header.key("")]
	})
}
