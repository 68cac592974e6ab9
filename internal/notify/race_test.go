//go:build race

package notify

// raceDetector tells whether it watches, which takes several times as long: long tables are sampled then.
const raceDetector = true
