package store

import "context"

// Deliveries keeps how far each destination of events is.
type Deliveries interface {
	// Deliveries returns every position by the name of its destination.
	Deliveries(ctx context.Context) (map[string]Delivery, error)
	// PutDelivery keeps one, in the place of the one before.
	PutDelivery(ctx context.Context, name string, d Delivery) error
	// DropDelivery forgets one, if it is there.
	DropDelivery(ctx context.Context, name string) error
}

// Delivery is how far a destination is: what stands behind it was not taken.
type Delivery struct {
	Position uint64 `json:"position"` // in the journal
	N        uint32 `json:"n"`        // of the events of that record
	Audit    uint64 `json:"audit"`    // sequence of the audit log
	Dropped  uint64 `json:"dropped"`  // events that too many others pushed out
	Told     uint64 `json:"told"`     // of those the destination was told
}
