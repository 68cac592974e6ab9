//go:build race

package fetcher

const raceDetector = true
