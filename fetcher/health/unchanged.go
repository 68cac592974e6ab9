package health

// Unchanged is what a pass remembers of its listing, when all of it is delivered and stays.
type Unchanged struct {
	Epoch      int64  `json:"epoch"`                // of the lease under which it was true
	Generation int64  `json:"generation,omitempty"` // of the set of destinations likewise
	Policy     string `json:"policy,omitempty"`     // likewise: see policyMark
	Count      int    `json:"count"`                // messages listed
	Sum        string `json:"sum"`                  // see digest
	Lost       int    `json:"lost"`                 // plan.lostKept: what an epoch change may be proven by
	At         int64  `json:"at"`                   // when rows were last read (Unix seconds)
	Oldest     int64  `json:"oldest,omitempty"`     // least FirstSeen of them: from that age on something may be due; 0: none
}
