package fetcher

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// stump ends the body of a reply after so many octets, as if it were whole.
func stump(reply []byte, octets int) []byte {
	first := bytes.Index(reply, []byte("\r\n")) + 2
	body := bytes.TrimSuffix(reply[first:], []byte(".\r\n"))
	body = bytes.TrimSuffix(body[:min(octets, len(body))], []byte("\r"))
	if len(body) > 0 && !bytes.HasSuffix(body, []byte("\r\n")) {
		body = append(bytes.Clone(body), "\r\n"...)
	}
	return slices.Concat(reply[:first], body, []byte(".\r\n"))
}

func (c *wireCase) fine(t *testing.T) {
	t.Helper()
	if problems := c.play(t); len(problems) > 0 {
		t.Error(strings.Join(problems, "\n"))
	}
}

// A server in trouble sends nothing, or the beginning, of every message for a day, and ends it with a dot: nothing of that is
// delivered or deleted, and all of it comes when the server is well again.
func TestShortForADay(t *testing.T) {
	for _, octets := range []int{0, 10, 45} {
		for variant := range 8 {
			t.Run(fmt.Sprint(octets, variant), func(t *testing.T) {
				c := &wireCase{box: wireBox(6, variant&1 > 0), learned: variant&2 > 0, apart: 10 * time.Minute, patient: 12}
				c.options.NoPipelining = variant&4 > 0
				c.policy.Delete = plan.DeleteAfterDelivery
				c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
					if verb == "RETR" && day < 4 {
						return stump(reply, octets)
					}
					return reply
				}
				c.after = func(day int, rep report.Report, arrived map[string]int, _ health.Facts) {
					if day == 3 && (rep.Deleted > 0 || rep.Verdict.Class == verdict.OK) {
						t.Errorf("%+v", rep)
					}
					for uid, n := range arrived {
						if day < 4 && strings.HasPrefix(uid, "uid") {
							t.Errorf("day %d: %s came %d times", day, uid, n)
						}
					}
				}
				c.fine(t)
			})
		}
	}
}

// A message that always comes shorter than listed is delivered after an hour, and deleted on another day; nothing waits for it.
func TestAlwaysShort(t *testing.T) {
	for _, hides := range []bool{false, true} {
		for _, pipelining := range []bool{true, false} {
			t.Run(fmt.Sprintf("hides %v, pipelining %v", hides, pipelining), func(t *testing.T) {
				c := &wireCase{box: wireBox(9, false), learned: true, apart: 21 * time.Minute, hides: hides}
				c.box[3].ListSize = int64(len(c.box[3].Data) + 1000)
				c.options.NoPipelining, c.options.HideRetr = !pipelining, hides
				c.policy.Delete = plan.DeleteAfterDelivery
				c.after = func(day int, rep report.Report, arrived map[string]int, f health.Facts) {
					switch {
					case day == 0 && len(arrived)-20 != 8:
						t.Errorf("%d came at once: %+v", len(arrived)-20, rep)
					case day == 2 && arrived["uid003"] != 0:
						t.Error("it was believed within an hour")
					case day == 4 && !hides && (arrived["uid003"] != 1 || len(f.Wire.Short) != 1 || rep.Verdict.Class != verdict.OK):
						t.Errorf("after more than an hour: %+v, %+v", rep, f.Wire)
					case day == 4 && rep.Deleted > 0:
						t.Error("deleted on the same day")
					}
				}
				c.play40(t)
			})
		}
	}
}

// play40 is fine, for passes that follow each other so closely that nothing happens in most of them.
func (c *wireCase) play40(t *testing.T) {
	t.Helper()
	c.patient = 75
	c.fine(t)
}

// What was delivered short and then comes longer is delivered once more, and never again.
func TestShortThenWhole(t *testing.T) {
	c := &wireCase{box: wireBox(6, false), learned: true, apart: 2 * time.Hour, stumps: true}
	c.box[5] = message(c.box[5].UID, strings.Repeat("a line of it\r\n", 200))
	c.policy.Delete = plan.DeleteAfterDelivery
	c.patient = 40
	c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
		if verb == "RETR" && m.UID == c.box[5].UID && day < 6 {
			return stump(reply, 1200)
		}
		return reply
	}
	c.fine(t)
}

// Servers that add lines or make new boundaries at each reading, and list another size: each message once.
func TestShortAndNeverTheSame(t *testing.T) {
	n := 0
	c := &wireCase{box: wireBox(6, false), learned: true, adds: true}
	for i := range c.box {
		c.box[i].ListSize = int64(len(c.box[i].Data) + 5000)
	}
	c.policy.Delete = plan.DeleteAfterDelivery
	c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
		if verb == "RETR" || verb == "TOP" {
			n++
			first := bytes.Index(reply, []byte("\r\n")) + 2
			return slices.Concat(reply[:first], bytes.Repeat([]byte("X-More: of this server\r\n"), 1+n%3), reply[first:])
		}
		return reply
	}
	c.fine(t)
}

// Sizes that are wrong by a rule are learned within ten messages, and cost nothing then.
func TestSizesByRule(t *testing.T) {
	for name, size := range map[string]func(b []byte) int{
		"LF":     func(b []byte) int { return len(b) - bytes.Count(b, []byte("\n")) },
		"CRCRLF": func(b []byte) int { return len(b) + bytes.Count(b, []byte("\n")) },
		"dots":   func(b []byte) int { return len(b) + bytes.Count(b, []byte("\n.")) },
		"plus":   func(b []byte) int { return len(b) + 17 },
		"minus":  func(b []byte) int { return len(b) - 17 },
	} {
		t.Run(name, func(t *testing.T) {
			c := &wireCase{apart: time.Hour, patient: 30}
			for i := range 40 {
				m := message(fmt.Sprintf("uid%03d", i), strings.Repeat("line\r\n.dot\r\n", i+1))
				m.ListSize = int64(size(m.Data))
				c.box = append(c.box, m)
			}
			c.policy.Delete = plan.DeleteAfterDelivery
			c.after = func(day int, rep report.Report, arrived map[string]int, f health.Facts) {
				if day == 0 && (len(arrived) != 40 || f.Wire.Sizes.Rule() < 0) {
					t.Errorf("%d came in the first pass: %+v, %+v", len(arrived), rep, f.Wire)
				}
			}
			c.fine(t)
		})
	}
}

// Sizes that are wrong without a rule are no evidence after some days; then one reading is enough.
func TestSizesWithoutRule(t *testing.T) {
	c := &wireCase{learned: true}
	for i := range 60 {
		m := message(fmt.Sprintf("uid%03d", i), strings.Repeat("line\r\n", 100+i))
		m.ListSize = int64(len(m.Data) + 1 + (i*i*7)%300)
		c.box = append(c.box, m)
	}
	c.policy.Delete = plan.DeleteAfterDelivery
	c.after = func(day int, rep report.Report, arrived map[string]int, f health.Facts) {
		if day == 5 && !f.Wire.Sizes.None {
			t.Errorf("not learned: %+v", f.Wire.Sizes)
		}
	}
	c.fine(t)
}

// A server that does not stuff dots, and a sender who knows what popsync asks: his message stays, and all others come.
func TestForgedReplies(t *testing.T) {
	for variant := range 8 {
		t.Run(fmt.Sprint(variant), func(t *testing.T) {
			c := &wireCase{box: wireBox(8, false), learned: variant&1 > 0, stays: map[string]bool{"uid004": true}}
			victim := c.box[5].Data
			forged := "begin\r\n.\r\n+OK 5 %d\r\n+OK\r\n" + string(victim) + ".\r\n+OK 6 100\r\n+OK\r\n"
			if variant&2 > 0 {
				forged = "begin\r\n.\r\n+OK follows\r\n" + string(victim) + ".\r\n+OK follows\r\n"
			}
			c.box[4] = message("uid004", forged)
			c.options.NoPipelining = variant&4 > 0
			c.policy.Delete = plan.DeleteAfterDelivery
			c.each = func(_ int, verb string, m pop3test.Message, reply []byte) []byte {
				if verb == "RETR" || verb == "TOP" {
					return bytes.ReplaceAll(reply, []byte("\r\n..\r\n"), []byte("\r\n.\r\n"))
				}
				return reply
			}
			c.patient = 14
			c.fine(t)
		})
	}
}

// Where logins must lie apart, a pass has one session, and what came short is read in it.
func TestShortWithLoginDelay(t *testing.T) {
	c := &wireCase{box: wireBox(6, false), apart: 2 * time.Hour, patient: 14, least: time.Hour}
	c.box[2].ListSize = int64(len(c.box[2].Data) + 300)
	c.policy.Delete = plan.DeleteAfterDelivery
	c.fine(t)
}

// A size that is far too small does not hide that a message was cut: what has another length than listed is looked at again on
// another day before it is deleted.
func TestCutAndLongerThanListed(t *testing.T) {
	c := &wireCase{box: wireBox(6, false), learned: true, apart: 5 * time.Hour, patient: 14, stumps: true}
	c.box[3] = message(c.box[3].UID, strings.Repeat("a line of it\r\n", 200))
	c.box[3].ListSize = 300
	c.policy.Delete = plan.DeleteAfterDelivery
	c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
		if verb == "RETR" && m.UID == "uid003" && day < 3 {
			return stump(reply, 1200)
		}
		return reply
	}
	c.fine(t)
}

// A message that counted as whole and could not be delivered then is not taken for delivered.
func TestWatchedAndNotDelivered(t *testing.T) {
	box := mailbox(30)
	box[20].ListSize = int64(len(box[20].Data)) - 3
	r := newRig(t, box...)
	full := &flaky{Target: r.maildir(), fails: true}
	if rep := r.run(settle.Destination{Name: "maildir", Target: full}); rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	if rep := r.ok(); rep.New != 30 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// flaky is a target that cannot make anything durable.
type flaky struct {
	deliver.Target
	fails bool
}

func (f *flaky) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	if f.fails {
		return &deliver.Error{Op: "sync", Place: "here", Scope: deliver.WholeTarget, Full: true, Err: settle.ErrNoSpace}
	}
	return f.Target.Prepare(ctx, tickets)
}

// Hundreds of short messages do not take hundreds of logins, whatever the server can be asked.
func TestManyShortFewLogins(t *testing.T) {
	for variant := range 8 {
		t.Run(fmt.Sprint(variant), func(t *testing.T) {
			c := &wireCase{box: wireBox(300, variant&1 > 0)}
			for i := range c.box {
				c.box[i].ListSize = int64(len(c.box[i].Data) + 100 + i*i%37)
			}
			c.options.NoPipelining = variant&2 > 0
			logins := 0
			c.options.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
				switch {
				case verb == "PASS" || verb == "AUTH":
					logins++
				case verb == "LIST" && arg != "" && variant&4 > 0:
					return &pop3test.Reply{Raw: []byte("-ERR no arguments\r\n")}
				}
				return nil
			}
			c.after = func(day int, rep report.Report, _ map[string]int, _ health.Facts) {
				if logins > 30 {
					t.Errorf("day %d: %d logins, %+v", day, logins, rep.Verdict)
				}
				logins = 0
			}
			if variant&4 == 0 {
				c.fine(t)
				return
			}
			c.play(t) // one at a time there, behind which the connection ends: that takes more passes than this test has
		})
	}
}

// A listing that hides a message for once does not make it safe to delete on the day on which it came cut.
func TestCutAndHiddenOnce(t *testing.T) {
	c := &wireCase{box: wireBox(6, false), learned: true, apart: 2 * time.Hour, patient: 20, stumps: true}
	c.box[5] = message(c.box[5].UID, strings.Repeat("a line of it\r\n", 200))
	c.policy.Delete = plan.DeleteAfterDelivery
	c.each = func(day int, verb string, m pop3test.Message, reply []byte) []byte {
		switch {
		case verb == "RETR" && m.UID == c.box[5].UID && day < 6:
			return stump(reply, 1200)
		case (verb == "LIST" || verb == "UIDL") && m.UID == "" && day == 4: // the last one of the box
			return []byte("+OK\r\n.\r\n")
		}
		return reply
	}
	c.fine(t)
}
