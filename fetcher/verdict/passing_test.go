package verdict

import (
	"testing"

	"github.com/popsync/popsync/pop3"
)

// What servers say to a login without a response code, and what is made of it. "" is a refusal; the rest passes by itself. Texts
// that have words of both are decided here one by one: a word that blames the login is never outweighed.
func TestPassing(t *testing.T) {
	for want, texts := range map[string][]string{
		"IN-USE": {
			"maildrop already locked", "mailbox locked", "Mailbox is locked by another process", "mailbox is busy", "mailbox in use", "locked",
			"Can't get lock.  Mailbox in use", "/var/mail/.u.pop lock busy!  Is another session active? (11)", "Unable to lock maildrop: Mailbox is locked by POP server",
			"Your mailbox is already locked", "Mailbox is locked, will abort", "user u is already logged in", "duplicate login!", "account is in use", "Account locked by another session",
			"couldn't lock mailbox", "Failed to acquire lock on your maildrop", "mailbox locked, try again later", "another session is active",
			"Session exists; please quit the other one", "The user's mailbox is locked", "MAILDROP ALREADY LOCKED!",
		},
		"LOGIN-DELAY": {
			"Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server.", "rate limit exceeded", "login rate too high", "please wait", "please wait 5 minutes between logins",
			"try later", "Try again later", "Too many login attempts", "Too many invalid logon attempts.", "Too many failed logins, please try again later", "login too frequent", "you log in too often",
			"Throttled", "login limited, frequency too high", "please retry", "Login failed, try again later",
			// An account that is shut, for a while: whoever goes on at once makes it last.
			"Account temporarily locked", "Account is temporarily disabled", "Account locked due to too many failed login attempts, try again in 30 minutes", "user temporarily blocked", "Your account has been suspended temporarily",
			"IP temporarily banned", "POP3 service temporarily unavailable for this account",
		},
		"SYS/TEMP": {
			"Too many connections", "too many concurrent sessions for this user", "connection limit reached", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
			"Access denied: too many connections from your host", "Too many simultaneous connections, try again later",
			"temporary failure", "Temporary authentication failure.", "Temporary problem, please contact your provider", "service unavailable", "Server Unavailable. 15", "POP3 server not available",
			"internal error", "internal server error", "Internal login failure. Refer to server log for more information.", "system error", "System busy", "server error", "server busy", "server too busy",
			"backend unavailable", "cannot contact backend", "authentication backend failed", "back end down", "Authentication service unavailable", "Authentication failed: backend timeout", "user database unavailable",
			"POP authentication DB not available (user u)", "can't connect to LDAP server", "LDAP error", "timed out", "timeout", "down for maintenance", "server is shutting down", "overloaded", "Unable to open maildrop: I/O error",
			"could not connect to real server", "No space left on device: disk full", "login not possible at this time", "technical problems", "Something went wrong", "Unable to verify password: backend unavailable", "account unavailable",
			"mailbox unavailable", "user not available", "fork failed: resource temporarily unavailable", "An unexpected error occurred",
		},
		"": {
			"", "no", "no reason given", "authentication failed", "Authentication failure", "Login failed.", "LOGIN FAILED", "access denied", "login denied", "permission denied", "authorization failed", "authentication error",
			"Logon failure: unknown user name or bad password.", "invalid user or password", "Invalid login", "Invalid username/password", "bad login", "bad password", "wrong password", "incorrect password", "Password supplied for \"u\" is incorrect.",
			"no such user", "user unknown", "user u does not exist", "user doesn't exist", "account not found", "sorry, no mailbox for u here", "password does not match", "your password has expired",
			// For good, or until a person acts.
			"account locked", "Account is locked", "Your account has been locked", "Your account is now locked", "user locked out", "User locked", "account has been disabled", "account disabled", "account suspended", "account closed", "account expired",
			"account permanently locked", "mailbox disabled", "POP3 access is disabled", "POP3 is not enabled for this mailbox", "POP3 is currently not enabled", "POP access is not available for free accounts", "POP3 unavailable for your plan",
			"IP address blocked", "Account blocked due to too many failed login attempts", "login not permitted", "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", "web login required", "use an app password",
			// Both: the login is blamed.
			"password incorrect, account temporarily locked", "Invalid password. Please try again later.", "wrong password; too many attempts", "invalid login or system error", "bad password, mailbox in use",
			"Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.", "login failure or POP3 disabled, try later", "temporary password incorrect", "user not in database",
			"backend: password rejected", "Invalid credentials (backend)", "unknown user or internal error",
			// Words within words say nothing.
			"accurate password needed", "generated", "delimited", "unlocked", "blockbuster", "interlaced",
		},
	} {
		for _, text := range texts {
			if got := passing(text); got != want {
				t.Errorf("%q is %q, want %q", text, got, want)
			}
		}
	}
}

// Texts count at a login and in the greeting. Behind it they may be about anything.
func TestPassingOnlyAtLogin(t *testing.T) {
	for command, want := range map[string]string{"USER": "IN-USE", "PASS": "IN-USE", "AUTH": "IN-USE", "greeting": "IN-USE", "RETR": "", "LIST": "", "STLS": ""} {
		if got := CodeOf(&pop3.ResponseError{Command: command, Text: "mailbox locked"}); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	if got := CodeOf(&pop3.ResponseError{Command: "PASS", Code: "AUTH", Text: "mailbox locked"}); got != "AUTH" {
		t.Errorf("a code counts more than words, got %q", got)
	}
}
