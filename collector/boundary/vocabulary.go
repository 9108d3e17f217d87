package boundary

import (
	"maps"
	"slices"

	"demarc/internal/ot"
)

// vocabularies are the lists that document types name as "@list" in oneof.
var vocabularies = map[string][]string{
	"@operations": ot.OperationNames(),
	// Categories of information between levels 3 and 4 (IEC 62264-1:2013, 5 and 7.1).
	"@transactions": {
		"production-schedule", "production-performance", "production-capability", "product-definition",
		"material", "personnel", "equipment", "maintenance", "quality", "inventory",
	},
	"@checks": slices.Sorted(maps.Keys(checks)),
	"@roles": {
		string(ot.PLC), string(ot.RTU), string(ot.IED), string(ot.DCSController), string(ot.SafetyController),
		string(ot.IODevice), string(ot.Drive), string(ot.HMI), string(ot.SCADAServer), string(ot.DCSServer),
		string(ot.EngineeringWorkstation), string(ot.OPCServer), string(ot.Historian), string(ot.MES),
		string(ot.BatchRecord), string(ot.QualityRecord), string(ot.ERP), string(ot.ERPInterface),
		string(ot.IIoTGateway), string(ot.IIoTBroker), string(ot.CloudService), string(ot.RemoteAccess),
		string(ot.JumpHost), string(ot.Database), string(ot.DomainController), string(ot.NetworkDevice),
		string(ot.Firewall), string(ot.Printer), string(ot.Camera), string(ot.Workstation), string(ot.Server),
	},
}
