package dissect

import "demarc/internal/ot"

// Classes whose services have a meaning of their own, beside those of
// enip_cip.go.
const (
	classProject      = 0x68 // the first of the objects of a Logix project
	classSymbol       = 0x6b // tags, Logix 5000 Data Access (1756-PM020) chapter 1
	classTemplate     = 0x6c // structures, the same
	classLastProject  = 0x73
	classTimeSync     = 0x43
	classDLR          = 0x47
	classQoS          = 0x48
	classSecurity     = 0x5d // CIP Security, Vol 8
	classENIPSecurity = 0x5e
	classCertificates = 0x5f
	classWallClock    = 0x8b // Logix 5000 WALLCLOCKTIME (1756-RM003)
	classStorage      = 0xa1 // non-volatile storage: firmware
	classPort         = 0xf4
	classEthernetLink = 0xf6
)

// cipOperation is the class of a service on the object that its path names.
// Services below 0x32 mean the same for every object (Vol 1 appendix A); from
// 0x4b on each class has its own.
func cipOperation(service uint8, p *cipPath) (ot.Operation, bool) {
	switch service {
	case 0x01, 0x03, 0x0e, 0x11, 0x18: // Get_Attributes_All, _List, _Single, Find_Next, Get_Member
		return reads(p), true
	case 0x02, 0x04, 0x10, 0x19, 0x1a, 0x1b: // Set_Attributes, Set_, Insert_, Remove_Member
		return writes(p), true
	case 0x05, 0x06, 0x07: // Reset, Start, Stop
		return ot.Control, true
	case 0x08, 0x09: // Create, Delete
		return makes(p), true
	case 0x0d, 0x15, 0x16: // Apply_Attributes, Restore, Save
		return ot.Configure, true
	case 0x17, 0x1c: // No Operation, Group_Sync
		return ot.Diagnose, true
	}
	if service < 0x4b {
		return 0, false
	}
	return ownService(service, p)
}

// infrastructure reports whether an object describes the device and its
// network rather than the process.
func infrastructure(class uint32) bool {
	switch class {
	case classIdentity, classMessageRouter, classConnectionManager, classTimeSync, classDLR, classQoS,
		classSecurity, classENIPSecurity, classCertificates, classPort, classTCPIP, classEthernetLink, classWallClock:
		return true
	}
	return false
}

// project reports whether an object is a piece of a controller's project:
// program, routine, tag, data type, module, task. The maker documents tags and
// data types; the classes around them are seen where its engineering software
// up- and downloads, and nowhere else.
func project(class uint32) bool { return class >= classProject && class <= classLastProject }

func reads(p *cipPath) ot.Operation {
	if infrastructure(p.class) || project(p.class) {
		return ot.Diagnose
	}
	return ot.Read
}

func writes(p *cipPath) ot.Operation {
	switch {
	case infrastructure(p.class):
		return ot.Configure
	case project(p.class):
		return ot.Program
	}
	return ot.Write
}

func makes(p *cipPath) ot.Operation {
	switch {
	case p.class == classFile:
		return ot.Transfer
	case project(p.class):
		return ot.Program
	}
	return ot.Configure
}

// ownService is the services that a class defines for itself.
func ownService(service uint8, p *cipPath) (ot.Operation, bool) {
	if p.symbol || p.class == 0 || p.class == classSymbol {
		if o, ok := tagService(service); ok {
			return o, true
		}
	}
	switch p.class {
	case classConnectionManager: // Vol 1 table 3-5.4: Get, Search Connection Data, Get_Connection_Owner
		return ot.Diagnose, service == 0x56 || service == 0x57 || service == 0x5a
	case classFile: // Vol 1 5-42: Initiate_Upload .. Clear_File
		return ot.Transfer, service <= 0x51
	case classTemplate:
		if service == 0x4c { // Read Template
			return ot.Diagnose, true
		}
	case classStorage:
		return ot.Firmware, true
	case classTCPIP, classEthernetLink: // Get_And_Clear, Vol 2 5-5
		return ot.Diagnose, true
	}
	return ot.Program, project(p.class)
}

// tagService is the Logix 5000 tag access of 1756-PM020 chapter 1.
func tagService(service uint8) (ot.Operation, bool) {
	switch service {
	case 0x4c, 0x52: // Read Tag, Read Tag Fragmented
		return ot.Read, true
	case 0x4d, 0x4e, 0x53: // Write Tag, Read Modify Write, Write Tag Fragmented
		return ot.Write, true
	case 0x55: // Get_Instance_Attribute_List: browses the tags
		return ot.Diagnose, true
	}
	return 0, false
}
