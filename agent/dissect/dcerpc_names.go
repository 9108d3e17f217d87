package dissect

import (
	"strconv"
	"strings"
	"sync"

	"demarc/internal/tables"
)

// rpcNames gives interfaces their names, by rpcUUID. It is made at first use,
// when the user's tables are in place.
var rpcNames = sync.OnceValue(func() map[uint64][]byte {
	m := map[uint64][]byte{}
	for uuid, name := range tables.RPCInterfaces.Rows {
		m[rpcUUID(uuid)] = []byte(name)
	}
	return m
})

// rpcUUID is the tag of an interface, from the text of its UUID: both halves
// folded together, since families of interfaces share the one or the other. It
// is 0 for what is no UUID.
func rpcUUID(text string) uint64 {
	digits := strings.ReplaceAll(text, "-", "")
	if len(text) != 36 || len(digits) != 32 {
		return 0
	}
	front, err := strconv.ParseUint(digits[:16], 16, 64)
	if err != nil {
		return 0
	}
	back, err := strconv.ParseUint(digits[16:], 16, 64)
	if err != nil {
		return 0
	}
	return front ^ back
}
