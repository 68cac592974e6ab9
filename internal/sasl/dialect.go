package sasl

import (
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// Reading is what a refused login means, by its text, and what a person can do. The zero Reading: the text says nothing beyond
// that it was refused.
type Reading struct{ Meaning, Remedy string }

// Hint is both, for people; "" for the zero Reading.
func (r Reading) Hint() string {
	if r == (Reading{}) {
		return ""
	}
	return r.Meaning + ": " + r.Remedy
}

// Read reads the text of a refused login: -ERR of POP3, 535 and its kin of SMTP, NO of IMAP. It never says whether to try again:
// for that the texts are read elsewhere.
func Read(text string) Reading {
	words := foreign.Words(text)
	for _, row := range dialects {
		if !foreign.Says(words, row.phrases) && !says(text, row.said) || foreign.Says(words, row.but) {
			continue
		}
		return row.Reading
	}
	return Reading{}
}

func says(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// dialect is one way to say something: phrases as in foreign.Says, and parts of texts that are not of ASCII. but: phrases with
// which it means something else.
type dialect struct {
	Reading
	phrases, said, but []string
}

var (
	wantsAppPassword = Reading{"the provider wants an app password here, not that of the account",
		"make one in the security settings of the account on the web (some call it authorization code, or want login in two steps first)"}
	wantsOAuth = Reading{"the provider takes no passwords here any more", "only OAuth 2.0 logs in: set oauth in place of the password, and say popsync login, as docs/oauth.md has it"}
	isOff      = Reading{"access for mail programs is off for this mailbox", "switch on POP3, IMAP or SMTP in the mailbox's settings on the web, or ask the administrator"}
	hasExpired = Reading{"the password has expired", "log in on the provider's web page and set a new one"}
	isLocked   = Reading{"the account is locked or closed", "log in on the provider's web page to see why; after too many refused logins it often opens by itself"}
	comesOften = Reading{"the provider has had too many logins", "nothing but waiting helps; a slower schedule and fewer connections keep it from coming again"}
	wantsName  = Reading{"the provider does not know this user name", "most want the whole address, some only the part before the @"}
	wantsTLS   = Reading{"the server takes no password on this kind of connection", `use tls = "implicit" or "starttls"`}
	isTooWeak  = Reading{"the server does not take this way to log in", `name another in auth, or write auth = "auto"`}
)

// dialects are read from the first to the last: a text that wants an app password also says that the login failed.
var dialects = []dialect{
	{wantsAppPassword, []string{
		" application specific password", " app specific password", " app password", " application password", " invalidsecondfactor ", " authorization code ", " authorized code ", " auth code ",
		" two factor ", " two step ", " 2fa ", " third party app", " external password", " password for external ", " separate password ",
	}, []string{"授权码", "独立密码", "客户端密码", "专用密码"}, nil},
	{wantsOAuth, []string{
		" basic authentication is disabled ", " basic authentication is not ", " basic auth is ", " basic authentication disabled ", " basicauthblocked ", " logondenied basicauth", " 5 7 30 ",
		" modern authentication ", " oauth is required ", " oauth required ", " requires oauth", " use oauth", " less secure app", " please log in via your web browser ", " webloginrequired ", " web login required ",
		" authentication method not allowed ", " authmechanismnotallowed ",
	}, nil, nil},
	{isOff, []string{
		" pop3 is disabled ", " pop is disabled ", " imap is disabled ", " smtp is disabled ", " pop3 disabled ", " pop disabled ", " imap disabled ", " pop access is ", " pop3 access is ", " imap access is ", " pop3 access disabled ",
		" not enabled for pop", " not enabled for imap", " not enabled for smtp", " pop3 not enabled ", " pop not enabled ", " pop3 is not enabled ", " pop is not enabled ", " imap is not enabled ", " pop3 service is not ", " service is not enabled ", " service not open",
		" protocol disabled ", " protocol is disabled ", " smtpclientauthentication is disabled ", " not allowed to use pop", " not allowed to use imap", " not allowed to use smtp",
		" no permission to use pop", " allowed for pop", " activate pop", " enable pop", " enable imap", " pop3 and imap are ", " switch on pop", " pop3 imap smtp ",
	}, []string{"未开启", "没有开启", "未开通", "尚未开启"}, nil},
	{hasExpired, []string{" password expired ", " password has expired ", " password is expired ", " expired password ", " change your password ", " credentials expired ", " password must be changed "}, []string{"密码过期", "密码已过期"}, nil},
	{wantsTLS, []string{" must issue a starttls ", " encryption required ", " requires encryption ", " plaintext authentication disallowed ", " cleartext authentication disallowed ", " cleartext auth", " requires ssl ", " use ssl ", " use tls ", " secure connection required ", " secure connection is required "}, nil, nil},
	{isLocked, []string{
		" account locked", " account is locked ", " account has been locked ", " account is temporarily locked ", " account temporarily locked ", " locked out ", " user locked ", " user is locked ", " lockout ",
		" suspended ", " deactivated ", " account disabled ", " account is disabled ", " account has been disabled ", " user disabled ", " user is disabled ", " user account is disabled ",
		" account blocked", " account is blocked ", " account has been blocked ", " blocked due to ", " user is blocked ", " account inactive ", " account is inactive ", " account is not active ", " account closed ", " frozen ", " has been banned ",
	}, []string{"锁定", "冻结", "禁用", "停用"}, nil},
	{comesOften, []string{
		" too many ", " rate limit", " login rate ", " rate exceeded ", " login limit", " limit for a ", " throttl", " too often ", " too frequent", " frequency ", " excessive ", " exceeded the limit", " exceeded the login ",
		" exceeded command ", " temporarily blocked ", " try again later ", " try later ", " slow down ",
	}, []string{"频率", "频繁", "过多", "次数"}, nil},
	{wantsName, []string{
		" user unknown ", " unknown user", " no such user", " user not found ", " user does not exist ", " account does not exist ", " account not found ", " no such account ", " mailbox not found ", " no such mailbox ", " unknown account ",
		" full e mail address ", " full email address ", " complete email address ", " whole address ", " include the domain ", " include domain ", " without domain ", " missing domain ", " domain part ", " username format ", " malformed user", " invalid user name ", " user does nt exist ", " user doesn t exist ",
	}, []string{"用户不存在", "帐号不存在", "账号不存在"}, []string{" or password ", " or bad password ", " or wrong password "}},
	{isTooWeak, []string{" mechanism too weak ", " mechanism is too weak ", " 5 7 9 authentication mechanism ", " unrecognized authentication type ", " unsupported authentication ", " mechanism not supported "}, nil, nil},
}
