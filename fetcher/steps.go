package fetcher

// steps is what became of steps about known mail in a session.
type steps struct {
}
