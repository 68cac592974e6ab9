package dialer

// Identity tells, for whoever compares it with an earlier one, by which way a server is reached; nothing for at once. password is the
// identity of where the proxy's password is found. Arguments of the command may be secrets, and are left out.
func Identity(proxy, password, source, family string, command []string) []string {
	if proxy == "none" {
		proxy = ""
	}
	program := ""
	if len(command) > 0 {
		program = command[0]
	}
	parts := []string{proxy, password, source, family, program}
	for _, p := range parts {
		if p != "" {
			return parts
		}
	}
	return nil
}
