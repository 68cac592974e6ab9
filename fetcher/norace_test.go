//go:build !race

package fetcher

const raceDetector = false
