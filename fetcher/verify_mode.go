package fetcher

// enterVerifyMode keeps a pass from deleting what a damaged memory says was delivered.
func (p *pass) enterVerifyMode() {
	if p.Health.Verify {
		p.a.NeverDelete = true
	}
}
