package uidl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Empty tells that the change writes nothing; At alone is no change.
func (c *Change) Empty() bool {
	return c.Lift == 0 && !c.Listed && c.Generation == 0 && !c.Vouch && !c.Release && !c.Purge && c.Status == nil && c.Pass == nil &&
		len(c.Fold)+len(c.Destinations)+len(c.Move)+len(c.Remove)+len(c.Put)+len(c.Renew)+len(c.Mark)+len(c.Gone)+len(c.Back)+
			len(c.Stage)+len(c.Settle) == 0
}

// Check refuses what no caller should ask for, before a transaction begins.
func (c *Change) Check() error {
	if c.Lift < 0 || c.Generation < 0 {
		return fmt.Errorf("epoch %d, generation %d: below zero", c.Lift, c.Generation)
	}
	for _, step := range [...]func() error{c.checkDestinations, c.checkMessages, c.checkDeliveries} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Change) checkDestinations() error {
	for _, ordinal := range c.Fold {
		if ordinal < 0 || ordinal >= Ordinals {
			return fmt.Errorf("fold destination %d: ordinals are below %d", ordinal, Ordinals)
		}
	}
	var seen []int
	for _, d := range c.Destinations {
		switch {
		case d.Name == "" || d.Name[0] < ' ':
			return fmt.Errorf("destination %d: %.80q is no name", d.Ordinal, d.Name)
		case d.Ordinal < 0 || d.Ordinal >= Ordinals || slices.Contains(seen, d.Ordinal):
			return fmt.Errorf("destination %.80q: ordinal %d is too high, or there twice", d.Name, d.Ordinal)
		case d.Role > WasOptional || d.Rest > Without || d.Born < 0 || d.Since < 0:
			return fmt.Errorf("destination %.80q: unknown role, rest or generation", d.Name)
		}
		seen = append(seen, d.Ordinal)
	}
	return nil
}

func (c *Change) checkMessages() error {
	for i := range c.Move {
		m := &c.Move[i]
		if err := m.From.Check(); err != nil {
			return fmt.Errorf("move: %w", err)
		}
		if err := m.To.Check(); err != nil {
			return fmt.Errorf("move: %w", err)
		}
		if m.From == m.To {
			return fmt.Errorf("move %s: to itself", m.From.Quoted())
		}
	}
	for _, k := range c.Remove {
		if err := k.Check(); err != nil {
			return fmt.Errorf("remove: %w", err)
		}
	}
	for _, rows := range [...][]Message{c.Put, c.Renew} {
		for i := range rows {
			if err := checkRow("put", rows[i].Key, rows[i].State.known()); err != nil {
				return err
			}
			if !rows[i].Facts.known() {
				return fmt.Errorf("put %s: unknown facts", rows[i].Key.Quoted())
			}
			if rows[i].FirstSeen < 0 || rows[i].FirstSeen > Unstamped {
				return fmt.Errorf("put %s: no time of a first sight: %d", rows[i].Key.Quoted(), rows[i].FirstSeen)
			}
			if rows[i].GoneAt == 0 && rows[i].GoneListing != 0 { // Messages looks at one of them only
				return fmt.Errorf("put %s: gone in a listing, at no time", rows[i].Key.Quoted())
			}
		}
	}
	for i := range c.Mark {
		m := &c.Mark[i]
		resized := m.State == 0 && m.Size != 0 && m.Attempts == 0 && m.NextTry == 0 && m.Reason == ""
		if err := checkRow("mark", m.Key, m.State.known() || resized); err != nil {
			return err
		}
	}
	return nil
}

func (c *Change) checkDeliveries() error {
	for i := range c.Stage {
		d := &c.Stage[i]
		if err := checkRow("stage", d.Key, d.State >= Staged && d.State <= Owed); err != nil {
			return err
		}
	}
	for i := range c.Settle {
		s := &c.Settle[i]
		if s.As > Waive || s.State != 0 && !s.State.known() {
			return fmt.Errorf("settle %s: unknown outcome or state", s.Key.Quoted())
		}
	}
	return nil
}

func (s State) known() bool { return s >= Wanted && s <= Held }

// known tells that the facts have no members but those that there are.
func (f *Facts) known() bool {
	const all = 1<<(4+Ordinals) - 1
	return f.Have <= all && f.Waived <= all && f.Waived&(Former|Legacy|Seen|Unsure) == 0 && f.Generation >= BeforeAll
}

func checkRow(op string, k Key, stateOK bool) error {
	if err := k.Check(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if !stateOK {
		return fmt.Errorf("%s %s: unknown state", op, k.Quoted())
	}
	return nil
}

// MaxUID is how many octets a UID may have; longer ones are hashed before they come here.
const MaxUID = 512

// Check refuses a key that no message can have.
func (k Key) Check() error {
	if len(k.UID) < 1 || len(k.UID) > MaxUID || k.Dup < 0 || int64(k.Dup) > 1<<31-1 {
		return fmt.Errorf("key %s: a UID has 1 to %d octets, Dup is not negative", k.Quoted(), MaxUID)
	}
	return nil
}

// Quoted is a key as an error shows it: printable ASCII, cut.
func (k Key) Quoted() string {
	const most = 80 // octets
	uid := k.UID
	if len(uid) > most {
		uid = uid[:most] + "..."
	}
	return strconv.QuoteToASCII(uid) + "/" + strconv.Itoa(k.Dup)
}

// CheckName keeps the names of accounts to what is a harmless file name on every filesystem.
func CheckName(name string) error {
	ok := len(name) >= 1 && len(name) <= 64 && name[0] != '.'
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0
	}
	if !ok {
		return fmt.Errorf("account name %.80q: it must be 1 to 64 of a-z 0-9 . _ - and not begin with a dot", name)
	}
	return nil
}
