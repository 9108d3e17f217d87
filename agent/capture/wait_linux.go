package capture

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const statsInterval = time.Second

// wait returns nil when a block is ready, ErrTick after TickInterval without
// one, and else why there will be none.
func (s *live) wait(f *Frame) error {
	now := time.Now()
	for end := now.Add(TickInterval); ; now = time.Now() {
		left := end.Sub(now)
		if left <= 0 {
			*f = Frame{Time: now.UnixNano()}
			return ErrTick
		}
		if err := s.poll(left); err != nil {
			return err
		}
		if s.ready() {
			return nil
		}
	}
}

// poll sleeps until a block is ready, at most d.
func (s *live) poll(d time.Duration) error {
	p := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN | unix.POLLERR}} // a file descriptor is small
	t := unix.NsecToTimespec(int64(d))
	switch n, err := unix.Ppoll(p, &t, nil); {
	case errors.Is(err, unix.EINTR), err == nil && n == 0:
		return nil
	case err != nil:
		return fmt.Errorf("interface %s: poll: %w", s.iface.Name, err)
	}
	if p[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) == 0 {
		return nil
	}
	return s.socketError()
}

// socketError takes the error that the socket holds. A link that went down
// comes back by itself; an interface that was removed does not.
func (s *live) socketError() error {
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("interface %s: %w", s.iface.Name, err)
	}
	switch e := unix.Errno(code); e {
	case 0:
		return nil
	case unix.ENETDOWN, unix.ENETUNREACH:
		s.stats.Downs++
		return s.gone()
	default:
		return fmt.Errorf("interface %s: %w", s.iface.Name, e)
	}
}

// gone is an error once the interface has been removed.
func (s *live) gone() error {
	if _, err := net.InterfaceByIndex(s.index); err != nil {
		return fmt.Errorf("interface %s: was removed while it was captured on", s.iface.Name)
	}
	return nil
}

// second reads the kernel's counters once a second: they are of 32 bits, and
// loss must be told while it can still be dated.
func (s *live) second(now time.Time) {
	if now.Sub(s.statsTime) >= statsInterval {
		s.statsTime = now
		s.readStats()
	}
}

// readStats adds what the kernel counted since the last call.
func (s *live) readStats() {
	k, err := unix.GetsockoptTpacketStatsV3(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return
	}
	s.stats.Drops += uint64(k.Drops)
	s.stats.Freezes += uint64(k.Freeze_q_cnt)
}
