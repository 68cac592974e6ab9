package verdict

import (
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// Many servers refuse a login with words alone, for want of response codes, also when nothing is wrong with it: the mailbox is
// open elsewhere, there were too many logins, something behind them is down. This table tells such texts from refusals. Words that
// blame the login win over all else: a wrong password that is tried for ever locks people out. What no row knows is a refusal.
//
// Phrases are looked for in foreign.Words of the text: lower case, words between blanks, " temporar" for all words that begin so.

// blame is what a server says of the user or the secret.
var blame = []string{
	" password incorrect", " incorrect password", " password is incorrect", " password supplied ", " password mismatch", " password does not match", " password not match", " password is wrong", " password wrong ",
	" incorrect ", " wrong password", " wrong user", " wrong login", " wrong name", " wrong credential", " wrong or ", " or wrong ",
	" invalid password", " invalid user", " invalid login", " invalid logon", " invalid name", " invalid account", " invalid credential", " invalid auth", " invalid mailbox", " invalid pass ", " password invalid", " password is invalid", " login invalid", " or invalid ", " is invalid ", " not valid ",
	" bad password", " bad passwd", " bad user", " bad login", " bad logon", " bad name", " bad auth", " bad credential", " or bad ",
	" unknown user", " unknown login", " unknown account", " unknown mailbox", " unknown name", " user unknown", " user is unknown", " account unknown",
	" no such user", " no such account", " no such mailbox", " no such login", " no such pass", " not exist", " t exist", " user not found", " account not found", " mailbox not found", " no mailbox ",
	" password expired", " password has expired", " password is expired", " permanent",
	" not match", " mismatch", " login failure or pop3 disabled ", // Yandex says the latter in one breath with "try later"
	" not in database ", " not in our ", " not registered ", " not recognized ", " not recognised ",
	" password rejected", " rejected password", " password refused", " login rejected", " credentials rejected", " rejected credential",
	" authorization code ", " auth code ", " app password", " application specific password", " web login required ",
}

// shut is what a server says of an account that it does not serve; with a word of soon it is a passing state all the same. See
// locked, too.
var shut = []string{
	" disabled ", " suspended ", " deactivated ", " inactive ", " blocked ", " banned ", " terminated ", " closed by ", " account closed ", " account is closed ", " account has been closed ", " frozen ",
	" account expired ", " account has expired ", " account is expired ", " subscription ", " locked out ", " lockout ",
	" not available for ", " unavailable for ", " not available to ", " not available on ", " not available with ", " not available in your ", " only available ",
	" not enabled ", " not activated ", " not active ", " not permitted ", " not supported ", " no access ",
}

// soon is what a server says of a state that passes.
var soon = []string{
	" temporar", " try again", " try later", " later ", " retry ", " in a moment ", " in a few ", " minutes ", " seconds ", " shortly ",
	" maintenance ", " at the moment ", " momentar", " for now ", " transient",
}

// taken is what a server says of a mailbox that others have open.
var taken = []string{
	" in use ", " already in ", " already open", " already lock", " already logged ", " already connected ", " already active ",
	" another session", " another connection", " another client", " another pop", " another process", " another user", " another imap",
	" other session", " other connection", " other process", " other client", " by another ", " duplicate login ", " duplicate session ", " session exists ", " session active ",
	" locked ", " lock busy ", " lock on ", " mailbox busy ", " mailbox is busy ", " mailbox is currently busy ", " maildrop busy ", " maildrop is busy ",
	" unable to lock ", " failed to lock ", " t lock ", " not lock ", " cannot lock ", " get lock ", " obtain lock", " acquire lock",
	" get a lock", " obtain a lock", " acquire a lock", " get the lock", " obtain the lock", " acquire the lock", " exclusive lock", " lock failed ", " lock failure ", " lock timeout ",
}

// crowded is what a server says that has too many clients at this moment.
var crowded = []string{
	" too many connection", " too many concurrent ", " too many simultaneous ", " too many session", " too many open ", " too many client",
	" too many pop", " too many process", " connection limit", " session limit", " concurrent connection", " simultaneous connection",
	" maximum connection", " max connection", " maximum number of connection", " max number of connection", " maximum number of session",
	" maximum session", " maximum concurrent ", " maximum simultaneous ", " number of connections ", " connections exceeded ",
}

// often is what a server says to somebody who comes too often, or should come later.
var often = []string{
	" too many ", " too much ", " too frequent", " too often ", " too fast ", " too quick", " too soon ", " too early ", " frequency ",
	" rate ", " rates ", " ratelimit", " throttl", " excessive ", " flood", " slow down ", " login delay ", " once every ",
	" login limit", " logins limited ", " login limited ", " frequency limited ", " limit reached", " limit exceeded", " limit is reached ", " limit is exceeded ",
	" limit has been ", " over limit ", " over the limit ", " exceed", " reached the ", " reached your ", " maximum number ",
	" please wait ", " must wait ", " have to wait ", " need to wait ", " wait a ", " wait for ", " wait until ", " wait at least ",
	" try later ", " try again", " later ", " retry ", " minutes between ", " seconds between ",
}

// apart are those words of often that say that logins must lie apart, whatever else they are about.
var apart = []string{
	" too many ", " too frequent", " too often ", " too fast ", " too quick", " too soon ", " too early ", " frequency ", " rate ", " rates ",
	" ratelimit", " throttl", " flood", " slow down ", " login delay ", " once every ", " login limit", " logins limited ", " login limited ",
	" between ", " minutes ", " seconds ", " wait ",
}

// down is what a server says of itself, or of what stands behind it.
var down = []string{
	" temporar", " transient", " momentar", " unavailable ", " not available ", " t available ", " unreachable ", " not reachable ", " not responding ",
	" no response ", " not ready ", " not running ", " offline ", " is down ", " out of service ", " out of order ",
	" internal error", " internal server", " internal fail", " internal login", " internal problem", " internal fault", " internal system", " internal auth",
	" system error", " system failure", " system problem", " system fault", " system resource", " system i o ",
	" server error", " server failure", " server problem", " server fault", " server down ", " service error", " service failure", " service problem",
	" technical problem", " technical difficult", " technical error", " technical reason", " technical fault", " software error ", " fatal error ", " unexpected error ",
	" unknown error ", " i o error", " io error", " disk error", " error occurred ", " error occured ", " went wrong ",
	" backend", " back end", " database", " db error", " auth db ", " ldap error", " ldap server", " ldap connection", " sql error", " mysql ", " proxy error", " gateway ", " upstream ",
	" real server ", " directory server ", " authentication server ", " auth server ", " authentication service ", " authentication daemon ", " authdaemon ", " lookup failed ", " lookup failure ", " dns ",
	" time out ", " timeout ", " timed out ", " maintenance ", " overload", " busy ", " congest", " shutting down ", " shutdown ", " starting up ", " restarting ", " reboot",
	" out of memory ", " no memory ", " no space ", " disk full ", " resources ", " resource temporar", " cannot allocate ", " fork failed ", " t fork ", " connection refused ",
	" not connect ", " t connect ", " cannot connect ", " unable to connect ", " failed to connect ", " not contact ", " t contact ", " cannot contact ", " unable to contact ", " failed to contact ",
	" cannot open ", " t open ", " unable to open ", " failed to open ", " t access ", " unable to access ", " unable to process ",
	" at this time ", " right now ", " at the moment ", " for now ", " in a moment ", " currently ", " shortly ",
}

// tallies are refusals that a server counts: "too many invalid logon attempts" says nothing of this one.
var tallies = strings.NewReplacer(
	" too many invalid ", " too many ", " too many bad ", " too many ", " too many incorrect ", " too many ", " too many wrong ", " too many ",
	" too many failed ", " too many ", " too many unsuccessful ", " too many ",
	" invalid login attempts ", " attempts ", " invalid logon attempts ", " attempts ", " bad login attempts ", " attempts ",
	" incorrect login attempts ", " attempts ", " incorrect password attempts ", " attempts ", " invalid password attempts ", " attempts ",
)

// locked tells of words that an account is locked, where it is not the mailbox that somebody has open: for providers that is a
// state of the login.
func locked(words string) bool {
	return foreign.Says(words, []string{" locked "}) && foreign.Says(words, []string{" account ", " user ", " login ", " logon ", " userid ", " username "}) &&
		!foreign.Says(words, []string{" mailbox ", " maildrop ", " mail drop ", " inbox ", " folder ", " session", " another ", " in use ", " already ", " client"})
}

// passing is the response code that a refusal without one should have had, by its text, if it is about a state that passes; "": it
// may be about the login.
func passing(text string) string {
	words := foreign.Words(text)
	is := func(phrases []string) bool { return foreign.Says(words, phrases) }
	closed := is(shut) || locked(words)
	switch {
	case foreign.Says(tallies.Replace(words), blame):
		return ""
	case closed && !is(soon):
		return ""
	case closed:
		return "LOGIN-DELAY"
	case is(taken):
		return "IN-USE"
	case is(crowded):
		return "SYS/TEMP"
	case is(often):
		return "LOGIN-DELAY"
	case is(down):
		return "SYS/TEMP"
	}
	return ""
}
