package desk

// Count is 1 for true and 0 for false, to be added up.
func Count(b bool) int {
	if b {
		return 1
	}
	return 0
}
