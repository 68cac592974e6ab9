package health

// Baselined is what is remembered of the last baseline; stored with the account.
type Baselined struct {
	Mark    int64 `json:"mark"`              // of what was new
	At      int64 `json:"at"`                // Unix seconds
	Marked  int   `json:"marked"`            // messages
	Fetched int64 `json:"fetched,omitempty"` // when a pass began to fetch after it; 0: none has yet (Unix seconds)
	// As they were before.
	Verify    bool   `json:"verify,omitempty"`
	LostAt    int64  `json:"lost_at,omitempty"`
	RenewedAt int64  `json:"renewed_at,omitempty"`
	Flood     *Flood `json:"flood,omitempty"`
	Backlog   int    `json:"backlog,omitempty"`
	Accepted  int64  `json:"accepted,omitempty"`
}
