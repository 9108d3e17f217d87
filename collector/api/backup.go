package api

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	demarcv1 "demarc/proto/demarc/v1"
)

// StoreName is the store's file in the data directory and in a backup.
const StoreName = "demarc.db"

// Backup writes the store and the keys to a new tar file. Unpacked into an
// empty data directory it is the collector as it was.
func (s *Service) Backup(ctx context.Context, r *demarcv1.BackupRequest) (*demarcv1.BackupResponse, error) {
	if !filepath.IsAbs(r.GetPath()) {
		return nil, status.Errorf(codes.InvalidArgument, "backup to %q: an absolute path is needed", r.GetPath())
	}
	if _, err := os.Lstat(r.GetPath()); err == nil {
		return nil, status.Errorf(codes.AlreadyExists, "%s is there already: choose another file", r.GetPath())
	}
	size, err := s.backup(ctx, r.GetPath())
	if err != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "backup: %v", err)
	}
	if err := s.Store.AppendAudit(ctx, s.act(ctx, "backup", r.GetPath(), fmt.Sprintf("%d bytes", size))); err != nil {
		return nil, failed(err)
	}
	return &demarcv1.BackupResponse{Bytes: uint64(size)}, nil
}

// backup gathers in a directory beside the file, which takes its name last.
func (s *Service) backup(ctx context.Context, path string) (size int64, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".demarc-backup-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	copied := filepath.Join(dir, StoreName)
	if err := s.Store.Backup(ctx, copied); err != nil {
		return 0, err
	}
	keys, err := filepath.Glob(filepath.Join(s.Keys, "*"))
	if err != nil {
		return 0, err
	}
	slices.Sort(keys)
	whole := filepath.Join(dir, "backup.tar")
	f, err := os.OpenFile(whole, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in a directory made above
	if err != nil {
		return 0, err
	}
	w := tar.NewWriter(f)
	err = pack(w, copied, StoreName)
	for _, key := range keys {
		err = errors.Join(err, pack(w, key, "pki/"+filepath.Base(key)))
	}
	if err = errors.Join(err, w.Close(), f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	info, err := os.Stat(whole)
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(whole, path)
}

func pack(w *tar.Writer, path, name string) error {
	f, err := os.Open(path) //nolint:gosec // the collector's own file
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
