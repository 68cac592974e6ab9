package config

// legacyRisk is what is told of a place that old TLS is allowed for.
const legacyRisk = "old TLS is allowed (tls_legacy): somebody between this machine and the server may make use of that and read password and mail"

// Risks are those that an account's configuration accepts, in words, its own first, then those of its destinations.
func (a *Account) Risks() (all []string) {
	if a.Legacy && a.TLS != TLSNone {
		all = append(all, legacyRisk)
	}
	for _, d := range a.Deliver {
		if s := d.SMTP; s != nil && s.Legacy && s.TLS != TLSNone {
			all = append(all, "destination "+d.Name+": "+legacyRisk)
		}
		if s := d.IMAP; s != nil && s.Legacy && s.TLS != TLSNone {
			all = append(all, "destination "+d.Name+": "+legacyRisk)
		}
		if s := d.Gmail; s != nil && s.Legacy {
			all = append(all, "destination "+d.Name+": "+legacyRisk)
		}
	}
	return all
}
