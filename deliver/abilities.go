package deliver

import (
	"context"
	"io"
	"os"
)

// Abilities are what a Target can do beside what every Target can. One that it lacks is nil.
//
//	ability   who has it      without it
//	Sweeper   spool           what a crash left at its staging place stays there
//	Setter    spool           a ledger in doubt makes nobody put anything aside, and nothing is swept
//	Foreseer  spool           messages go one by one, and it is not told which comes next
//	Batched   spool           remote: one Publish takes one ticket
//	Reminded  spool           whatever an earlier process left may have been tried
//	Opener    spool           the fallback gets nothing from it: a refusal for good stands
//	Noter     maildir         nothing there tells that the ledger is older than the mail
//	Tagger    maildir         a ledger that was lost cannot learn from it what was delivered
//	Cleaner   maildir         nothing of others is removed
//	Located   maildir         it is known by its identity alone, and nobody looks for links to it
//	Learner   spool           nothing is remembered of how it is spoken to
//	Teller    spool           nothing is told of it but errors
//	Checker   both            'popsync check' cannot look at it, so that every configured Target has it
//
// A Sender may be a Checker, as those by SMTP, by LMTP and of a command are; of one that is not, the spool looks only at
// where copies wait for it.
type Abilities struct {
	Sweeper  Sweeper
	Setter   Setter
	Foreseer Foreseer
	Batched  Batched
	Reminded Reminded
	Opener   Opener
	Noter    Noter
	Tagger   Tagger
	Cleaner  Cleaner
	Located  Located
	Learner  Learner
	Teller   Teller
	Checker  Checker
}

// AbilitiesOf tells what a Target can do. Nothing else asks it.
func AbilitiesOf(t Target) (a Abilities) {
	a.Sweeper, _ = t.(Sweeper)
	a.Setter, _ = t.(Setter)
	a.Foreseer, _ = t.(Foreseer)
	a.Batched, _ = t.(Batched)
	a.Reminded, _ = t.(Reminded)
	a.Opener, _ = t.(Opener)
	a.Noter, _ = t.(Noter)
	a.Tagger, _ = t.(Tagger)
	a.Cleaner, _ = t.(Cleaner)
	a.Located, _ = t.(Located)
	a.Learner, _ = t.(Learner)
	a.Teller, _ = t.(Teller)
	a.Checker, _ = t.(Checker)
	return a
}

// CheckSender lets a Sender look, if it can. remembered is as for Checker.
func CheckSender(ctx context.Context, s Sender, remembered string) error {
	if c, ok := s.(Checker); ok {
		return c.Check(ctx, remembered)
	}
	return nil
}

// Learner is a Target or a Sender that learns how its destination is to be spoken to.
type Learner interface {
	// Recall gives back what an earlier one of the same configuration learned, before anything is sent. A destination that
	// worked while nothing was remembered yet gets LearnedNothing.
	Recall(learned string)
	// Learned is what is known now, opaque, short and without secrets; "": nothing. news is what a person should be told of it.
	Learned() (learned, news string)
}

// LearnerOf is the Learner that a Sender is; nil if it is none.
func LearnerOf(s Sender) Learner {
	l, _ := s.(Learner)
	return l
}

// Recall gives a Learner what is remembered of it ("": nothing), and that it worked without that.
func Recall(l Learner, learned string, worked bool) {
	switch {
	case learned != "":
		l.Recall(learned)
	case worked:
		l.Recall(LearnedNothing)
	}
}

// LearnedNothing is what Learner.Recall is given for a destination that worked before anything was remembered of it.
const LearnedNothing = "-"

// Teller is a Target or a Sender that finds things which a person should know, although nothing failed.
type Teller interface {
	// Tell gives what was found since it was called last, each in one line.
	Tell() []string
}

// TellerOf is the Teller that a Sender is; nil if it is none.
func TellerOf(s Sender) Teller {
	t, _ := s.(Teller)
	return t
}

// Sweeper is a Target whose staging place is its own alone, so that it can remove what no ticket names.
type Sweeper interface {
	// Sweep removes the staged bytes of all tickets but those that are held. It is called after Identify and before
	// anything is staged.
	Sweep(held []Ticket) error
}

// Foreseer is a Target that can make ready for one message while it publishes another.
type Foreseer interface {
	// PublishBefore is a Publish of one ticket, also where Lanes counts them, and says which one its caller wants to
	// publish after it. That one is prepared too, but nothing of it becomes visible, nothing is wrong with t for its
	// sake, and it need not come.
	PublishBefore(ctx context.Context, t, next Ticket) error
}

// Setter is a Target that can put aside the staged bytes that no ticket names, where the ledger may have forgotten them.
type Setter interface {
	// SetAside keeps the staged bytes of all tickets but those that are held under other names, out of the way, and says
	// how many and where. It is called like Sweep, in its place.
	SetAside(held []Ticket) (n int, where string, err error)
}

// Noter is a Target that can keep, where the mail is, how far the ledger of an account was: a ledger that is older, or
// lost, is recognised by it. Notes are for no reader of the mail; one that cannot be read is as good as none.
type Noter interface {
	// Notes reads the note of one account, or those of all for the token "". It may be called before Identify.
	Notes(token string) ([]Note, error)
	// WriteNote replaces the note of n.Token, without sync. It is called after Identify.
	WriteNote(n Note) error
}

// Note is what a Noter keeps of an account.
type Note struct {
	Token   string // of the account in the ledger; [a-z0-9]{1,64}
	Epoch   int64  // of the lease
	Account string // its name then; [a-z0-9._-]{1,64}
	Mailbox string // opaque identity of its mailbox; [a-z0-9]{0,64}
}

// Opener is a Target that can give a message's staged bytes back, for another destination to take.
type Opener interface {
	// Open returns the message as it was written. ErrUnknown when there are no such bytes. The caller closes it; an
	// error of the last Read may be ErrDamaged, so nothing counts before io.EOF.
	Open(t Ticket) (io.ReadCloser, error)
}

// Checker is a Sender or a Target that can look whether it would work, without delivering anything.
type Checker interface {
	// Check connects, logs in and looks, and changes nothing. remembered is what the ledger has of the place.
	Check(ctx context.Context, remembered string) error
}

// Located is a Target that is a place in the filesystem.
type Located interface {
	// Locate gives the directory's path, absolute, and what the system says of it: nil when it is not there.
	Locate() (path string, info os.FileInfo)
	// Used tells whether a place of the same kind that popsync has delivered to is at a path.
	Used(path string) bool
}

// Cleaner is a Target in whose staging place anybody may leave something behind.
type Cleaner interface {
	// Clean removes what is so old that nobody can need it any more. It is called after recovery, when no ticket of the
	// account is open.
	Clean() error
}

// Tagger is a Target that can tell by the names of its messages which of them popsync brought.
type Tagger interface {
	// Tagged calls want with the tag (see Tag) of each message that is there, and where that says true, found with the
	// message as it is stored: nil when it cannot be read, and not to be used after found returned. An error is *Error, the
	// context's, or found's.
	Tagged(ctx context.Context, want func(tag string) bool, found func(tag string, body io.Reader) error) error
}
