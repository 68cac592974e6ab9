package foreign

import (
	"strings"
	"unicode/utf8"
)

// decode gives text as UTF-8 where it is certain what it says, else as it is. Servers say neither that they do not speak ASCII nor
// in what: ISO 8859-1 and GBK are the two that are met most and that can be told. An error text that cannot be read is a nuisance;
// one that reads as something else is a lie.
func decode(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	if s, ok := fromGBK(text); ok {
		return s
	}
	if s, ok := fromLatin1(text); ok {
		return s
	}
	return string(text)
}

// fromLatin1 reads ISO 8859-1 where each octet beyond ASCII is a letter that stands alone among others of ASCII, as in a word of
// French, German or Spanish. Encodings of other scripts have them in a row.
func fromLatin1(text []byte) (string, bool) {
	letter := func(i int) bool {
		if i < 0 || i >= len(text) {
			return false
		}
		ch := text[i] | 0x20
		return ch >= 'a' && ch <= 'z'
	}
	high := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= utf8.RuneSelf }
	var b strings.Builder
	for i, ch := range text {
		if ch < utf8.RuneSelf {
			b.WriteByte(ch)
			continue
		}
		if ch < 0xc0 || ch == 0xd7 || ch == 0xf7 || high(i-1) || high(i+1) || !letter(i-1) && !letter(i+1) {
			return "", false
		}
		b.WriteRune(rune(ch))
	}
	return b.String(), true
}

// loginWords are in what servers say of logins in Chinese. Their octets make no such words in another encoding.
var loginWords = []string{
	"登录", "登陆", "密码", "用户", "帐号", "账号", "帐户", "账户", "授权", "认证", "验证", "失败", "错误", "系统", "服务", "邮箱", "邮件", "频率", "频繁", "稍后", "连接", "限制", "锁定", "拒绝",
}

// gbkMarks are punctuation of row 0xA1.
var gbkMarks = map[byte]string{
	0xa1: "　", 0xa2: "、", 0xa3: "。", 0xae: "‘", 0xaf: "’", 0xb0: "“", 0xb1: "”", 0xb6: "《", 0xb7: "》", 0xbe: "【", 0xbf: "】",
}

// fromGBK reads GBK where all of it is of GB 2312 and one of loginWords is in it.
func fromGBK(text []byte) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		lead := text[i]
		if lead < utf8.RuneSelf {
			b.WriteByte(lead)
			continue
		}
		if i++; i == len(text) {
			return "", false
		}
		s := gbkPair(lead, text[i])
		if s == "" {
			return "", false
		}
		b.WriteString(s)
	}
	s := b.String()
	for _, w := range loginWords {
		if strings.Contains(s, w) {
			return s, true
		}
	}
	return "", false
}

// gbkPair is the character of two octets; "" for none that is known here.
func gbkPair(lead, trail byte) string {
	switch {
	case trail < 0xa1 || trail == 0xff:
	case lead == 0xa1:
		return gbkMarks[trail]
	case lead == 0xa3:
		return string(0xff00 + rune(trail-0xa0)) // ASCII in full width
	case lead >= 0xb0 && int(lead-0xb0) < len(gb2312):
		n := int(trail - 0xa1)
		for _, r := range gb2312[lead-0xb0] { // all have three octets
			if n == 0 {
				return string(r)
			}
			n--
		}
	}
	return ""
}
