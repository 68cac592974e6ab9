// Package checkup looks at accounts side by side before anything is fetched, and says what it found: on a sheet for each account,
// and one for what belongs to none. What a sheet says is ok, known, worth a look, or a failure with its next step.
//
// 'popsync check' calls it. What is looked at, and how, its caller brings: the room knows no server and no configuration, and
// changes nothing. A panic in one look is a finding on that sheet.
package checkup
