package fetcher

// enterVerifyMode keeps a pass from deleting what a damaged memory says was delivered.
func (p *pass) enterVerifyMode() {
	if p.desk.Health.Verify {
		p.desk.Account.NeverDelete = true
	}
}
