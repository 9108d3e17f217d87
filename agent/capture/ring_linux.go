package capture

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// ringBlock is what the kernel hands over at a time. Every retirement of
	// a block that is not full wastes the rest of it, hence not larger; a frame that
	// the card has joined from several (GRO) still fits.
	ringBlock   = 256 << 10
	defaultRing = 32 << 20
	// retire is how many milliseconds a frame waits at most for its block to fill.
	retire = 8
)

// ring is a TPACKET_V3 receive ring (Linux Documentation/networking/packet_mmap.rst):
// blocks of frames in memory shared with the kernel, each owned by one side at
// a time, as its status word says.
type ring struct {
	fd    int
	mem   []byte
	at    int    // block that is next, or being read
	block []byte // being read; nil when the kernel owns block at
	off   int    // next frame in block
	left  uint32 // frames left in block
}

// mapRing makes a ring of about size bytes.
func (r *ring) mapRing(size int) error {
	if size == 0 {
		size = defaultRing
	}
	blocks := max(2, size/ringBlock)
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("the kernel has no TPACKET_V3, which came with Linux 3.2: %w", err)
	}
	const frame = 2048 // of no meaning in version 3, but checked
	req := unix.TpacketReq3{
		Block_size: ringBlock, Block_nr: uint32(blocks),
		Frame_size: frame, Frame_nr: uint32(blocks * (ringBlock / frame)),
		Retire_blk_tov: retire,
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return fmt.Errorf("a receive ring of %d KiB: make it smaller: %w", blocks*ringBlock>>10, err)
	}
	mem, err := unix.Mmap(r.fd, 0, blocks*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping the receive ring: %w", err)
	}
	r.mem = mem
	return nil
}

// header is the description at the front of a block.
func (r *ring) header() *unix.TpacketHdrV1 {
	const desc = 8 // version and offset to private data come before
	b := r.mem[r.at*ringBlock:]
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&b[desc])) //nolint:gosec // memory shared with the kernel, laid out by its ABI
}

// ready takes the next block over if the kernel has handed it to us.
func (r *ring) ready() bool {
	h := r.header()
	if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
		return false
	}
	r.block = r.mem[r.at*ringBlock : (r.at+1)*ringBlock]
	r.off, r.left = int(h.Offset_to_first_pkt), h.Num_pkts
	return true
}

// release gives the block that was read back to the kernel.
func (r *ring) release() {
	if r.block == nil {
		return
	}
	atomic.StoreUint32(&r.header().Block_status, unix.TP_STATUS_KERNEL)
	r.block, r.left = nil, 0
	r.at = (r.at + 1) % (len(r.mem) / ringBlock)
}

// frame consumes the next frame of the block: its header, its bytes, and the
// packet type of its sockaddr_ll. A header that points outside the block ends
// the block.
func (r *ring) frame() (h *unix.Tpacket3Hdr, data []byte, kind uint8) {
	const size = int(unsafe.Sizeof(unix.Tpacket3Hdr{}))
	const typeAt = size + 10 // of sll_pkttype: the header's size is a multiple of its alignment
	r.left--
	if r.off < 0 || r.off+typeAt >= len(r.block) {
		r.left = 0
		return nil, nil, 0
	}
	h = (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.block[r.off])) //nolint:gosec // memory shared with the kernel, laid out by its ABI
	kind = r.block[r.off+typeAt]
	from := r.off + int(h.Mac)
	to := from + int(h.Snaplen)
	r.off += int(h.Next_offset)
	if to > len(r.block) {
		r.left = 0
		return nil, nil, 0
	}
	return h, r.block[from:to:to], kind
}

// Close ends the capture; the interface leaves promiscuous mode with it.
func (r *ring) Close() error {
	if r.fd < 0 {
		return nil
	}
	var err error
	if r.mem != nil {
		err = unix.Munmap(r.mem)
	}
	if e := unix.Close(r.fd); err == nil {
		err = e
	}
	r.fd, r.mem, r.block, r.left = -1, nil, nil, 0
	return err
}
