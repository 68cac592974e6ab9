package health

// MarksEach: each baseline has two numbers: one for what was new, and the next for what may have been delivered before.
const MarksEach = 2

// MarkOf is the number of what was new, or of what may have been delivered before.
func MarkOf(mark int64, known bool) int64 {
	if known {
		mark++
	}
	return mark
}
