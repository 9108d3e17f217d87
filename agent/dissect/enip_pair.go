package dissect

// CIP replies do not say what was asked. Requests whose answer tells something
// are remembered here until it comes.

// cipWant is what a reply will tell.
type cipWant struct {
	what      cipAnswer
	attribute uint8 // of wantIdentityOne
}

type cipAnswer uint8

const (
	wantNothing      cipAnswer = iota
	wantIdentityAll            // Get_Attributes_All of the Identity object
	wantIdentityOne            // one of its attributes
	wantIdentityList           // several
	wantHostName               // TCP/IP Interface object, attribute 6
	wantInterfaceAll           // all of the TCP/IP Interface object
	wantOpen                   // Forward Open
	wantMembers                // Multiple Service Packet
	wantProcessor              // PCCC diagnostic status
)

// cipMembers is what the members of a Multiple Service Packet will tell.
type cipMembers [8]cipWant

// cipKey pairs a reply with its request: the sender context of an unconnected
// message, connection and sequence count of a connected one.
type cipKey struct {
	id        uint64
	connected bool
	service   uint8
}

type cipRequest struct {
	key     cipKey
	from    side // sideNone: free
	want    cipWant
	members cipMembers
	route   cipRoute
	open    cipOpen
}

// cipRequests holds the last requests that wait for an answer. An entry stays
// after its reply, which a claim from the middle of a stream reads twice; the
// next request with its key takes its place, so a lost reply heals itself.
type cipRequests struct {
	next uint8
	used uint8
	ring *[8]cipRequest // nil before the first
}

// put remembers r in place of an older request with its key.
func (q *cipRequests) put(r *cipRequest) {
	if old := q.find(r.key, r.from); old != nil {
		*old = *r
		return
	}
	if q.ring == nil {
		q.ring = &[8]cipRequest{}
	}
	q.ring[q.next] = *r
	q.next = (q.next + 1) % uint8(len(q.ring))
	q.used = min(q.used+1, uint8(len(q.ring)))
}

// forget is for a request whose reply tells nothing: its key no longer means
// an older one.
func (q *cipRequests) forget(k cipKey, from side) {
	if old := q.find(k, from); old != nil {
		old.from = sideNone
	}
}

// find is the request of one side with a key, or nil.
func (q *cipRequests) find(k cipKey, from side) *cipRequest {
	for i := range q.used {
		if r := &q.ring[i]; r.from == from && r.key == k {
			return r
		}
	}
	return nil
}

// cipOpen is what a Forward Open asks for and its reply needs.
type cipOpen struct {
	transport uint8 // class, Vol 1 3-4.4.3: 0 and 1 carry I/O, 2 and 3 messages
	group     bool  // the target is asked to send to a multicast address
	port      uint16
}

// io reports whether the connection carries I/O data.
func (o *cipOpen) io() bool { return o.transport < 2 }

// cipConnection is one open connection by the identifiers of both directions.
type cipConnection struct {
	ot, to uint32
	route  cipRoute
}

// cipConnections holds the last opened explicit connections.
type cipConnections struct {
	next uint8
	used uint8
	ring *[8]cipConnection // nil before the first
}

func (q *cipConnections) add(c cipConnection) {
	if q.ring == nil {
		q.ring = &[8]cipConnection{}
	}
	q.ring[q.next] = c
	q.next = (q.next + 1) % uint8(len(q.ring))
	q.used = min(q.used+1, uint8(len(q.ring)))
}

// find is the place of the connection that a request (by the identifier of the
// target) or a reply (by that of the originator) belongs to, or -1. The newest
// wins: identifiers come back.
func (q *cipConnections) find(id uint32, reply bool) int {
	for n := 1; n <= int(q.used); n++ {
		i := (int(q.next) - n + len(q.ring)) % len(q.ring)
		if c := &q.ring[i]; reply && c.to == id || !reply && c.ot == id {
			return i
		}
	}
	return -1
}
