package identity

import "demarc/internal/ot"

// Hypervisor is what a virtual machine's card says that it runs on. The prefix
// of its MAC belongs to the hypervisor's maker, who did not make the device.
const Hypervisor ot.Attribute = "hypervisor"

// hypervisors give these prefixes to the cards of virtual machines, as their
// makers document.
var hypervisors = map[[3]byte]string{
	{0x00, 0x05, 0x69}: "VMware", {0x00, 0x0c, 0x29}: "VMware", {0x00, 0x1c, 0x14}: "VMware", {0x00, 0x50, 0x56}: "VMware",
	{0x00, 0x15, 0x5d}: "Hyper-V",
	{0x08, 0x00, 0x27}: "VirtualBox",
	{0x52, 0x54, 0x00}: "QEMU/KVM",
	{0x00, 0x16, 0x3e}: "Xen",
	{0x00, 0x1c, 0x42}: "Parallels",
	{0x50, 0x6b, 0x8d}: "Nutanix AHV",
}

// hypervisor names what a virtual machine with card m runs on; "" where the
// prefix does not say that it is one.
func hypervisor(m MAC) string { return hypervisors[[3]byte(m[:3])] }
