package imports

import (
	"fmt"
	"strings"
)

// parseDump reads what "fetchmail --configdump" prints: a dictionary of Python.
func parseDump(s string) (*fmReader, error) {
	_, s, _ = strings.Cut(s, "fetchmailrc = ")
	v, _, err := literal(s, 0)
	top, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, &Error{Text: "is not what fetchmail --configdump prints"}
	}
	r := &fmReader{globals: newOptions(), server: newOptions(), user: newOptions()}
	if n, ok := top["poll_interval"].(int); ok && n > 0 {
		r.globals.put("daemon", 0, false, false, []string{fmt.Sprint(n)})
	}
	if name, ok := top["idfile"].(string); ok && name != "" {
		r.globals.put("idfile", 0, false, false, []string{name})
	}
	servers, _ := top["servers"].([]any)
	for _, e := range servers {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, &Error{Text: "is not what fetchmail --configdump prints"}
		}
		name, _ := m["pollname"].(string)
		srv := &fmServer{name: name, skip: m["active"] == false, options: newOptions()}
		for theirs, key := range map[string]string{"via": "via", "protocol": "proto", "service": "service", "interval": "interval",
			"qvirtual": "qvirtual", "localdomains": "localdomains", "plugin": "plugin", "plugout": "plugout", "interface": "interface"} {
			dumped(srv.options, key, m[theirs])
		}
		if header, ok := m["envelope"].(string); ok && header != "" && header != "Received" {
			values := []string{header}
			if n, ok := m["envskip"].(int); ok && n > 0 {
				values = []string{fmt.Sprint(n), header}
			}
			srv.options.put("envelope", 0, false, false, values)
		}
		users, _ := m["users"].([]any)
		for _, e := range users {
			u, ok := e.(map[string]any)
			if !ok {
				return nil, &Error{Text: "is not what fetchmail --configdump prints"}
			}
			srv.users = append(srv.users, dumpedUser(u))
		}
		r.servers = append(r.servers, srv)
	}
	return r, nil
}

func dumpedUser(m map[string]any) *fmOptions {
	o := newOptions()
	for theirs, key := range map[string]string{"remote": "user", "password": "password", "mda": "mda", "bsmtp": "bsmtp", "limit": "limit",
		"fetchlimit": "fetchlimit", "expunge": "expunge", "smtpaddress": "smtpaddress", "smtpname": "smtpname", "preconnect": "preconnect",
		"postconnect": "postconnect", "sslcertfile": "sslcertfile", "sslfingerprint": "sslfingerprint", "smtphunt": "smtphost"} {
		dumped(o, key, m[theirs])
	}
	for _, key := range []string{"keep", "flush", "fetchall", "ssl", "sslcertck", "lmtp", "limitflush", "mimedecode"} {
		if on, ok := m[key].(bool); ok {
			if key == "keep" || key == "sslcertck" || on {
				o.put(key, 0, !on, false, nil)
			}
		}
	}
	if proto, ok := m["sslproto"].(string); ok {
		o.put("sslproto", 0, false, false, []string{proto})
	}
	var names []string
	local, _ := m["localnames"].([]any)
	for _, e := range local {
		switch e := e.(type) {
		case string:
			names = append(names, e)
		case []any:
			if len(e) == 2 {
				names = append(names, fmt.Sprint(e[0])+"="+fmt.Sprint(e[1]))
			}
		}
	}
	if len(names) > 0 {
		o.put("is", 0, false, false, names)
	}
	return o
}

// dumped puts a value of the dump where the parser of a fetchmailrc would put it. What is empty is not there.
func dumped(o *fmOptions, key string, v any) {
	switch v := v.(type) {
	case string:
		if v != "" {
			o.put(key, 0, false, false, []string{v})
		}
	case int:
		if v != 0 {
			o.put(key, 0, false, false, []string{fmt.Sprint(v)})
		}
	case []any:
		var values []string
		for _, e := range v {
			values = append(values, fmt.Sprint(e))
		}
		if len(values) > 0 {
			o.put(key, 0, false, false, values)
		}
	}
}
