package health

// Purpose is what a session is for. As a rule it is for everything. After one that a step about known mail broke, new mail
// comes first and by itself, then what is to be done about other known mail, and last what broke sessions in earlier passes.
type Purpose uint8

const (
	Everything Purpose = iota
	NewMail            // nothing is done about known mail
	KnownMail          // and nothing else
	OldTrouble         // what broke sessions before, and nothing else
)
