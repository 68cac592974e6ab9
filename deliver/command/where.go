package command

// Where is the opaque identity of the destination: the program's path. Arguments are no part of it, since they may hold
// secrets, and a digest of them could be guessed; so two commands that differ in them alone are told apart by their names.
func (o Options) Where() string {
	if len(o.Args) == 0 {
		return ""
	}
	return "command " + o.Args[0]
}
