package sasl

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

// Texts of refused logins, as servers and providers send them, and what they mean.
func TestRead(t *testing.T) {
	for _, tt := range []struct {
		want  Reading
		texts []string
	}{
		{wantsAppPassword, []string{
			"5.7.9 Application-specific password required. Learn more at 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor", "[AUTH] Application-specific password required: https://support.google.com/accounts/answer/185833",
			"Login fail. Please using the authorization code to log in.", "authentication failed: please use an app password", "NEOBHODIMO parol prilozheniya / Application password is REQUIRED",
			"登录失败，请使用授权码登录", "Error: 请使用授权码登录。详情请看: http://service.mail.qq.com/",
		}},
		{wantsOAuth, []string{
			"5.7.139 Authentication unsuccessful, basic authentication is disabled. [XX.namprd.prod.outlook.com]", "5.7.30 Basic authentication is not supported for Client Submission.", "Logon failure: LogonDenied-BasicAuthBlocked",
			"[ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)", "[WEBALERT https://accounts.google.com/signin/continue] Web login required.",
		}},
		{isOff, []string{
			"[SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access.", "POP3 is disabled for this account", "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled",
			"User is not allowed to use POP3", "POP service is not enabled", "您的账户未开启POP3服务", "IMAP access is disabled for your domain.", "Protocol disabled",
		}},
		{hasExpired, []string{"Password expired.", "[EXPIRED] Your password has expired", "535 5.7.0 you must change your password"}},
		{wantsTLS, []string{"[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", "5.7.0 Must issue a STARTTLS command first", "5.7.11 Encryption required for requested authentication mechanism"}},
		{isLocked, []string{"Account locked", "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy", "your account has been suspended", "Account is disabled", "Your account has been blocked", "用户被锁定", "账号已被冻结"}},
		{comesOften, []string{
			"[LOGIN-DELAY] Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server.", "4.7.0 Too many login attempts, please try again later.", "Request is throttled. Suggested Backoff Time: 299609 milliseconds", "登录频率过高，请稍后再试",
			"Account exceeded command or bandwidth limits. Rate limit", "5.7.0 too many bad auth attempts",
		}},
		{wantsName, []string{"user unknown", "Username must be your full e-mail address", "no such user here", "5.7.8 unknown user", "username format: name@domain; please include the domain", "用户不存在"}},
		{isTooWeak, []string{"5.7.9 Authentication mechanism is too weak", "5.7.4 Unrecognized authentication type"}},
		{Reading{}, []string{"", "authentication failed", "[AUTH] Authentication failed.", "invalid username or password", "Unknown user or bad password", "5.7.8 Error: authentication failed: UGFzc3dvcmQ6", "Username and Password not accepted.", "密码错误", "Logon failure: unknown user name or bad password."}},
	} {
		for _, text := range tt.texts {
			if got := Read(text); got != tt.want {
				t.Errorf("%q: %q, want %q", text, got.Meaning, tt.want.Meaning)
			}
		}
		if hint := tt.want.Hint(); (hint == "") != (tt.want == Reading{}) || strings.ContainsAny(hint, "\n") {
			t.Errorf("%q", hint)
		}
	}
}

// TestReadGBK: texts in GBK are read as they are shown.
func TestReadGBK(t *testing.T) {
	var none *foreign.Secrets
	shown := none.Show([]byte("\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc\xa3\xac\xc7\xeb\xca\xb9\xd3\xc3\xca\xda\xc8\xa8\xc2\xeb\xb5\xc7\xc2\xbc"), 1024, false)
	if shown != "登录失败，请使用授权码登录" || Read(shown) != wantsAppPassword {
		t.Error(shown)
	}
}

// TestPhrases: a phrase is in lower case and begins with a blank, or it is never found.
func TestPhrases(t *testing.T) {
	for _, row := range dialects {
		for _, p := range append(row.phrases, row.but...) {
			if strings.TrimRight(foreign.Words(p), " ") != strings.TrimRight(p, " ") {
				t.Errorf("%q", p)
			}
		}
	}
}
