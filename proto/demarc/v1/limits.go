package demarcv1

// Limits that agent and collector both hold to.
const (
	// MaxBody is the size limit of Batch.body in bytes.
	MaxBody = 1 << 20
	// MaxItems is how many deltas of all kinds one Body may hold.
	MaxItems = 1 << 15
	// WindowBatches and WindowBytes bound what may be in flight on a stream.
	WindowBatches = 64
	WindowBytes   = 8 << 20
	// MaxSlice is the size limit of Slice.data in bytes, MaxManifest that of its
	// manifest, and MaxSliceOrders how many slices are asked for at a time.
	MaxSlice       = 256 << 10
	MaxManifest    = 8 << 10
	MaxSliceOrders = 64
	// MaxBundle is the size limit of a bundle, BundleRoom what its records may
	// take of it.
	MaxBundle  = 32 << 20
	BundleRoom = MaxBundle - 2*MaxBody
)
