package fetcher

// turns is what the sessions of a pass are for.
type turns struct {
}
