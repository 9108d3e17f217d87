package upload

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Receive takes the bytes of an upload that by began, at and what follows, and
// puts it into the queue when all are there. What arrived stays when the rest
// does not: it goes on from there.
func (d *Desk) Receive(id, by string, at int64, from io.Reader) error {
	u, err := d.arrive(id, by, at)
	if err != nil {
		return err
	}
	n, err := d.keep(&u, at, from)
	d.change(id, func(x *Upload) {
		x.arriving = false
		switch {
		case n > u.Bytes:
			err = ErrRefused(fmt.Sprintf("more than the %d bytes that were announced arrived", u.Bytes))
			d.end(x, Failed, err.Error())
		case n < u.Bytes:
			x.Done = n
			x.Words = interrupted(x, why(err))
			err = ErrRefused(x.Words)
		case err == nil:
			x.State, x.Done = Waiting, 0
			if err = d.record(x); err != nil {
				d.end(x, Failed, err.Error())
			}
		}
	})
	if err == nil {
		d.queue <- id // holds as many as may be open
	}
	return err
}

// arrive claims an upload for one sender.
func (d *Desk) arrive(id, by string, at int64) (u Upload, err error) {
	err = ErrRefused("there is no such upload of yours that waits for its bytes: begin again")
	d.change(id, func(x *Upload) {
		switch {
		case x.By != by || x.State != Receiving:
		case x.arriving:
			err = ErrRefused("its bytes arrive already, from somewhere else")
		case x.Done != at:
			err = ErrRefused(fmt.Sprintf("%d bytes of it are here: go on from there, not from %d", x.Done, at))
		default:
			x.arriving, x.Words, u, err = true, "", *x, nil
		}
	})
	return u, err
}

// keep writes what arrives behind the first at bytes, and returns how many are
// there then: one more than announced where more came.
func (d *Desk) keep(u *Upload, at int64, from io.Reader) (n int64, err error) {
	f, err := os.OpenFile(u.Path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return at, fmt.Errorf("keep the capture: %w", err)
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	if _, err = f.Seek(at, io.SeekStart); err != nil {
		return at, err
	}
	n, err = io.Copy(counted{f, func(n int64) { d.change(u.ID, func(x *Upload) { x.Done += n }) }}, io.LimitReader(from, u.Bytes-at+1))
	return at + n, err
}

// interrupted says how to go on.
func interrupted(u *Upload, why string) string {
	return fmt.Sprintf("%d of %d bytes arrived (%s): drop it again, and it goes on from there", u.Done, u.Bytes, why)
}

func why(err error) string {
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the connection ended"
	}
	return err.Error()
}

type counted struct {
	io.Writer
	tell func(n int64)
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.tell(int64(n))
	return n, err
}
