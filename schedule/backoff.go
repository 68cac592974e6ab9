package schedule

import "time"

// Backoff is how long to wait after so many failures in a row: a random time, evenly spread between base/2 and a ceiling
// that is base after the first failure and doubles with each further one, up to most. The wide spread keeps many that
// failed together from coming back together; the floor keeps any from hammering. random gives numbers in [0, 1).
//
// No failure, or no base: 0. A base above most counts as most.
func Backoff(failures int, base, most time.Duration, random func() float64) time.Duration {
	base = min(base, most)
	if failures <= 0 || base <= 0 {
		return 0
	}
	ceiling := base
	for range failures - 1 {
		if ceiling > most/2 {
			ceiling = most
			break
		}
		ceiling *= 2
	}
	floor := base / 2
	return floor + time.Duration(random()*float64(ceiling-floor))
}
