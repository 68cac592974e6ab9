package transcript

import "strings"

// secretFields are fields of HTTP whose values are secret: logins, and the addresses of uploads, which are good without one.
var secretFields = []string{"authorization", "proxy-authorization", "cookie", "set-cookie", "location", "content-location"}

// maskHTTP replaces what is secret in a line of a request's or an answer's head.
func maskHTTP(line string) string {
	if name, value, ok := strings.Cut(line, ":"); ok && value != "" {
		for _, field := range secretFields {
			if strings.EqualFold(strings.TrimSpace(name), field) {
				return name + ": " + secret
			}
		}
	}
	for _, key := range []string{"upload_id=", "access_token="} {
		rest, masked := line, ""
		for {
			before, after, ok := strings.Cut(rest, key)
			masked += before
			if !ok {
				break
			}
			masked += key + secret
			rest = after[min(strings.IndexAny(after+" ", "& \"'"), len(after)):]
		}
		line = masked
	}
	return line
}
