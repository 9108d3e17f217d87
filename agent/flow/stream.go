package flow

// Stream is one direction of a TCP conversation.
type Stream struct {
	next    uint32 // sequence number expected next
	started bool
}
