package dissect

import "demarc/internal/ot"

// opcFace is an interface of OPC Classic: what its operations from number 3 on
// do, a letter each (class), the last one for those behind it.
type opcFace struct {
	operations string
	callback   bool // the client's, which the server calls
}

// class tells what an operation does.
func (f *opcFace) class(opnum uint16) (ot.Operation, bool) {
	if opnum < opcGroupOfIUnknown {
		return 0, false
	}
	switch f.operations[min(int(opnum)-opcGroupOfIUnknown, len(f.operations)-1)] {
	case 'r':
		return ot.Read, true
	case 'w':
		return ot.Write, true
	case 'c':
		return ot.Configure, true
	case 's':
		return ot.Subscribe, true
	case 'a':
		return ot.Alarm, true
	case 'd':
		return ot.Diagnose, true
	}
	return 0, false
}

// Tags of interfaces that are read further.
var (
	opcServer = rpcUUID("39c13a4d-011e-11d0-9675-0020afd8adb3")
	opcEvents = rpcUUID("65168851-5783-11d1-84a0-00608cb8a7e9")
	opcCommon = rpcUUID("f31dfde2-07b6-11d2-b2d8-0060083ba1fb")
)

// opcFaces are the interfaces by tag. Their operations stand in the order of
// the OPC Foundation's IDL (appendix of each specification).
var opcFaces = map[uint64]opcFace{
	// Data Access
	opcServer: {operations: "sddd-d"},
	rpcUUID("39c13a4e-011e-11d0-9675-0020afd8adb3"): {operations: "d"},         // IOPCServerPublicGroups
	rpcUUID("39c13a4f-011e-11d0-9675-0020afd8adb3"): {operations: "d"},         // IOPCBrowseServerAddressSpace
	rpcUUID("39c13a50-011e-11d0-9675-0020afd8adb3"): {operations: "dsss"},      // IOPCGroupStateMgt
	rpcUUID("8e368666-d72e-4f78-87ed-647611c61c9f"): {operations: "dsssss"},    // IOPCGroupStateMgt2
	rpcUUID("39c13a52-011e-11d0-9675-0020afd8adb3"): {operations: "rw"},        // IOPCSyncIO
	rpcUUID("730f5f0f-55b1-4c81-9e18-ff8a0904e1fa"): {operations: "rwrw"},      // IOPCSyncIO2
	rpcUUID("39c13a53-011e-11d0-9675-0020afd8adb3"): {operations: "rwr-"},      // IOPCAsyncIO
	rpcUUID("39c13a71-011e-11d0-9675-0020afd8adb3"): {operations: "rwr-ss"},    // IOPCAsyncIO2
	rpcUUID("0967b97b-36ef-423e-b6f8-6bff1e40d39d"): {operations: "rwr-ssrwr"}, // IOPCAsyncIO3
	rpcUUID("39c13a54-011e-11d0-9675-0020afd8adb3"): {operations: "sdsssd"},    // IOPCItemMgt
	rpcUUID("39c13a72-011e-11d0-9675-0020afd8adb3"): {operations: "drd"},       // IOPCItemProperties
	rpcUUID("85c0b427-2893-4cbc-bd78-e5fc5146f08f"): {operations: "rw"},        // IOPCItemIO
	rpcUUID("39227004-a18f-4b57-8b0a-5235670f4468"): {operations: "rd"},        // IOPCBrowse
	rpcUUID("39c13a70-011e-11d0-9675-0020afd8adb3"): {"srw-", true},            // IOPCDataCallback
	// Historical Data Access
	rpcUUID("1f1217b0-dee0-11d2-a5e5-000086339399"): {operations: "d"},        // IOPCHDA_Server
	rpcUUID("1f1217b1-dee0-11d2-a5e5-000086339399"): {operations: "d"},        // IOPCHDA_Browser
	rpcUUID("1f1217b2-dee0-11d2-a5e5-000086339399"): {operations: "r"},        // IOPCHDA_SyncRead
	rpcUUID("1f1217b3-dee0-11d2-a5e5-000086339399"): {operations: "dw"},       // IOPCHDA_SyncUpdate
	rpcUUID("1f1217b4-dee0-11d2-a5e5-000086339399"): {operations: "drw"},      // IOPCHDA_SyncAnnotations
	rpcUUID("1f1217b5-dee0-11d2-a5e5-000086339399"): {operations: "rsrsrrr-"}, // IOPCHDA_AsyncRead
	rpcUUID("1f1217b6-dee0-11d2-a5e5-000086339399"): {operations: "dwwwww-"},  // IOPCHDA_AsyncUpdate
	rpcUUID("1f1217b9-dee0-11d2-a5e5-000086339399"): {"s", true},              // IOPCHDA_DataCallback
	// Alarms and Events: attributes and conditions are browsed, then conditions
	// enabled and disabled, and alarms acknowledged
	opcEvents: {operations: "dsddddddddccccad"},
	rpcUUID("65168855-5783-11d1-84a0-00608cb8a7e9"): {operations: "sdsdsdss"}, // IOPCEventSubscriptionMgt
	rpcUUID("65168857-5783-11d1-84a0-00608cb8a7e9"): {operations: "d"},        // IOPCEventAreaBrowser
	rpcUUID("6516885f-5783-11d1-84a0-00608cb8a7e9"): {"a", true},              // IOPCEventSink
	// Common
	opcCommon: {operations: "cddd-"},
	rpcUUID("13486d50-4821-11d2-a494-3cb306c10000"): {operations: "d"}, // IOPCServerList
	rpcUUID("9dd0b56c-ad9e-43ee-8305-487f3188bf7a"): {operations: "d"}, // IOPCServerList2
}
