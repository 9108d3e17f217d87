package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// uaService is what the type of a message tells: the binary encoding ids of
// OPC 10000-6 annex A (NodeIds.csv), requests and, three on (from 12208 on: one on), responses.
type uaService struct {
	known     bool
	response  bool
	discovery bool // needs no session: proves nothing of the channel that data use
	body      bool // is read when the rest of the conversation asks for it
	class     int8 // ot.Operation, -1 none
}

// Messages whose body is read.
const (
	uaFault                  = 397
	uaFindServersResponse    = 425
	uaGetEndpointsRequest    = 428
	uaGetEndpointsResponse   = 431
	uaRegisterServerRequest  = 437
	uaOpenChannelRequest     = 446
	uaOpenChannelResponse    = 449
	uaCreateSessionRequest   = 461
	uaCreateSessionResponse  = 464
	uaActivateSessionRequest = 467
	uaReadRequest            = 631
	uaReadResponse           = 634
	uaCallRequest            = 712
	uaPublishRequest         = 826
	uaRegisterServer2Request = 12211
)

const noClass = -1

// uaRequests are the request messages by class. Without one: sessions and
// channels open and close, Cancel.
var uaRequests = []struct {
	class int8
	ids   []uint32
}{
	{noClass, []uint32{uaOpenChannelRequest, 452, uaCreateSessionRequest, 473, 479}},
	{int8(ot.Authenticate), []uint32{uaActivateSessionRequest}},
	{int8(ot.Diagnose), []uint32{
		422, uaGetEndpointsRequest, 12208, // FindServers, GetEndpoints, FindServersOnNetwork
		527, 533, 554, 560, 566, // Browse, BrowseNext, TranslateBrowsePaths, Register-, UnregisterNodes
		615, 621, // QueryFirst, QueryNext
	}},
	{int8(ot.Configure), []uint32{
		uaRegisterServerRequest, uaRegisterServer2Request,
		488, 494, 500, 506, // AddNodes, AddReferences, DeleteNodes, DeleteReferences
	}},
	{int8(ot.Read), []uint32{uaReadRequest, 664}}, // Read, HistoryRead
	{int8(ot.Write), []uint32{673, 700}},          // Write, HistoryUpdate
	{int8(ot.Control), []uint32{uaCallRequest}},   // see uaCall
	{int8(ot.Subscribe), []uint32{
		751, 763, 769, 775, 781, // Create-, ModifyMonitoredItems, SetMonitoringMode, SetTriggering, DeleteMonitoredItems
		787, 793, 799, uaPublishRequest, 832, 841, 847, // Create-, ModifySubscription, SetPublishingMode, Republish, Transfer-, DeleteSubscriptions
	}},
}

// uaServices is uaRequests with their responses, by id; ids from 12208 on
// stand behind those below 1024.
var uaServices = func() (t [1024 + 8]uaService) {
	for _, r := range uaRequests {
		for _, id := range r.ids {
			s := uaService{known: true, class: r.class, discovery: id <= uaOpenChannelResponse || id >= 12208}
			t[uaIndex(id)] = s
			s.response = true
			if id >= 12208 {
				t[uaIndex(id+1)] = s
			} else {
				t[uaIndex(id+3)] = s
			}
		}
	}
	t[uaFault] = uaService{known: true, class: noClass, discovery: true, response: true}
	for _, id := range []uint32{
		uaFindServersResponse, uaGetEndpointsRequest, uaGetEndpointsResponse, uaRegisterServerRequest, uaCreateSessionRequest, uaCreateSessionResponse,
		uaActivateSessionRequest, uaReadRequest, uaReadResponse, uaCallRequest, uaPublishRequest, uaRegisterServer2Request,
	} {
		t[uaIndex(id)].body = true
	}
	return t
}()

// uaIndex is the place of a type in uaServices; 0 is never a service.
func uaIndex(id uint32) uint32 {
	switch {
	case id < 1024:
		return id
	case id >= 12208 && id < 12216:
		return id - 12208 + 1024
	}
	return 0
}

func uaServiceOf(typ uaID) (*uaService, bool) {
	if !typ.standard() {
		return nil, false
	}
	s := &uaServices[uaIndex(typ.id)]
	return s, s.known
}

// wants reports whether the body of a message tells anything new.
func (d *opcua) wants(s *uaService, id, request uint32) bool {
	switch {
	case !s.body:
		return false
	case id == uaReadResponse:
		return d.reads.asked(request) || !d.reads.any
	case id == uaPublishRequest:
		return d.modeUnknown()
	}
	return true
}

// service tells who sent it, and how the channel that carries it is protected.
func (d *opcua) service(s *uaService, out Out) {
	if s.response {
		out.Sender(Server)
	} else {
		out.Sender(Client)
	}
	switch {
	case !d.opened || s.discovery || d.plain && d.none:
	case d.plain:
		d.secure(uaNone, out)
	default:
		now := d.security
		now.Mode = ot.Sign // clear, though the policy is not None
		d.secure(now, out)
	}
}

// operation counts one message: a request, or an answer as long as the mirror
// has shown no request.
func (d *opcua) operation(s *uaService, class int8, out Out) {
	d.requests = d.requests || !s.response
	if class >= 0 && (!s.response || !d.requests) {
		out.Operation(ot.Operation(class), 1)
	}
}

// body reads what stands behind the type of a message, where that tells
// something. whole is false when the message's end, where a signature would
// stand, is not there.
func (d *opcua) body(s *uaService, id, request uint32, b []byte, whole bool, out Out) {
	c := wire.New(b)
	class := s.class
	if s.response {
		if !uaResponseHeader(&c) {
			d.operation(s, class, out)
			return
		}
	} else {
		uaRequestHeader(&c)
	}
	switch id {
	case uaFindServersResponse:
		uaServers(&c, out)
	case uaGetEndpointsRequest:
		uaAskedURL(uaString(&c), "opcua.request.endpoint_url", out)
	case uaGetEndpointsResponse:
		d.endpoints(&c, out)
	case uaRegisterServerRequest, uaRegisterServer2Request:
		uaRegistered(&c, out)
	case uaCreateSessionRequest:
		uaCreateSession(&c, out)
	case uaCreateSessionResponse:
		d.sessionCreated(&c, out)
	case uaActivateSessionRequest:
		uaActivateSession(&c, out)
	case uaReadRequest:
		class = d.readRequest(&c, request)
	case uaReadResponse:
		d.readResponse(&c, request, out)
	case uaCallRequest:
		class = uaCall(&c)
	case uaPublishRequest:
		for n := uaCount(&c); n > 0 && c.OK(); n-- {
			c.Skip(8)
		}
	}
	if whole && (id == uaReadRequest || id == uaPublishRequest) {
		d.tail(&c, out)
	}
	d.operation(s, class, out)
}

// uaCall classes a Call by its methods, OPC 10000-4 section 5.11.2: control,
// unless all of them are known to be something else.
func uaCall(c *wire.Cursor) int8 {
	class := int8(ot.Control)
	n := uaCount(c)
	if n == 0 || n > 16 {
		return class
	}
	for range n {
		uaNodeID(c) // objectId
		kind := uaMethod(uaNodeID(c))
		for a := uaCount(c); a > 0 && c.OK(); a-- {
			uaVariant(c, 0)
		}
		if kind == int8(ot.Control) || !c.OK() {
			return int8(ot.Control)
		}
		class = kind
	}
	return class
}

// uaMethod classes the methods of the OPC UA namespace that steer no process.
func uaMethod(n uaID) int8 {
	if !n.standard() {
		return int8(ot.Control)
	}
	switch n.id {
	case 3875, 12912, 11489, 11492, 12871, 12873: // ConditionRefresh, -Refresh2, GetMonitoredItems, ResendData
		return int8(ot.Subscribe)
	case 9111, 9113, 9029, 9027, 9028: // Acknowledge, Confirm, AddComment, Enable, Disable
		return int8(ot.Alarm)
	case 11580, 11583, 11585, 11588, 11590, 11593: // FileType: Open, Close, Read, Write, Get-, SetPosition
		return int8(ot.Transfer)
	}
	return int8(ot.Control)
}
