package dissect

import "demarc/internal/ot"

// cipOperation is the class of a service on the object that its path names.
// Services 0x00..0x31 mean the same for every object (Vol 1 appendix A);
// from 0x4b on each class has its own.
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
	if p.symbol || p.class == 0 || p.class == classSymbol {
		return tagService(service)
	}
	return ownService(service, p.class)
}

// Classes whose services have a meaning of their own.
const (
	classProgramName  = 0x64 // Logix 5000 Data Access (1756-PM020)
	classProgram      = 0x68
	classSymbol       = 0x6b
	classTemplate     = 0x6c
	classTimeSync     = 0x43
	classDLR          = 0x47
	classQoS          = 0x48
	classSecurity     = 0x5d // CIP Security, Vol 8
	classENIPSecurity = 0x5e
	classCertificates = 0x5f
	classPort         = 0xf4
	classEthernetLink = 0xf6
	classWallClock    = 0x8b // Logix 5000 WALLCLOCKTIME (1756-RM003)
	classStorage      = 0xa1 // non-volatile storage: firmware
)

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

func reads(p *cipPath) ot.Operation {
	if p.class != 0 && (infrastructure(p.class) || p.class == classSymbol || p.class == classTemplate) {
		return ot.Diagnose
	}
	return ot.Read
}

func writes(p *cipPath) ot.Operation {
	if infrastructure(p.class) {
		return ot.Configure
	}
	return ot.Write
}

func makes(p *cipPath) ot.Operation {
	switch p.class {
	case classFile:
		return ot.Transfer
	case classProgram, classSymbol, classTemplate, classProgramName:
		return ot.Program
	}
	return ot.Configure
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

// ownService is the services of a class beside the common ones.
func ownService(service uint8, class uint32) (ot.Operation, bool) {
	if service < 0x4b {
		return 0, false
	}
	switch class {
	case classConnectionManager: // Vol 1 table 3-5.4
		switch service {
		case 0x56, 0x57, 0x5a: // Get, Search Connection Data, Get_Connection_Owner
			return ot.Diagnose, true
		}
		return 0, false
	case classFile: // Vol 1 5-42: Initiate_Upload .. Clear_File
		return ot.Transfer, service <= 0x51
	case classTemplate, classProgramName, classProgram:
		return tagService(service)
	case classStorage:
		return ot.Firmware, true
	case classTCPIP, classEthernetLink: // Get_And_Clear of Vol 2 5-5
		return ot.Diagnose, true
	}
	return 0, false
}
