package api

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc"
	"demarc/collector/boundary"
	"demarc/collector/store"
	"demarc/collector/upload"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// uploaders may bring captures.
var uploaders = []store.Role{store.Engineer, store.Admin}

// ListUploads lists captures that came by hand.
func (s *Service) ListUploads(ctx context.Context, _ *demarcv1.ListUploadsRequest) (*demarcv1.ListUploadsResponse, error) {
	answer := &demarcv1.ListUploadsResponse{MaxBytes: uint64(max(0, s.Uploads.MaxBytes)), Unable: s.Uploads.Unable(), NoExample: s.noExample(ctx)}
	p := Caller(ctx)
	for _, u := range s.Uploads.List() {
		if p.At(u.Site, readers...) {
			answer.Uploads = append(answer.Uploads, protoUpload(&u))
		}
	}
	return answer, nil
}

func protoUpload(u *upload.Upload) *demarcv1.Upload {
	return &demarcv1.Upload{
		Id: u.ID, Name: u.Name, Site: u.Site, Segment: u.Segment, By: u.By, State: u.State, Bytes: uint64(u.Bytes), Done: uint64(max(0, u.Done)),
		Words: strings.ToValidUTF8(u.Words, "?"), Begun: stamp(u.Begun), Ended: stamp(u.Ended),
	}
}

// BeginUpload makes room for a capture.
func (s *Service) BeginUpload(ctx context.Context, r *demarcv1.BeginUploadRequest) (*demarcv1.BeginUploadResponse, error) {
	site, err := s.siteOf(r.GetSite())
	if err != nil {
		return nil, err
	}
	if err := s.mayAt(ctx, site, uploaders...); err != nil {
		return nil, err
	}
	if r.GetSegment() != "" {
		if err := pki.CheckName(r.GetSegment()); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "segment: %v", err)
		}
	}
	if len(r.GetName()) > maxPath || !utf8.ValidString(r.GetName()) || strings.ContainsAny(r.GetName(), "\n\r\x00") {
		return nil, status.Errorf(codes.InvalidArgument, "name: a file's name has %d bytes at most, and no line breaks", maxPath)
	}
	var modified time.Time
	if m := r.GetModified(); m != nil {
		if err := m.CheckValid(); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "modified: %v", err)
		}
		modified = m.AsTime()
	}
	u, err := s.Uploads.Begin(site, r.GetSegment(), r.GetName(), Caller(ctx).Who(), int64(min(r.GetBytes(), 1<<62)), modified)
	if err != nil {
		return nil, uploadError(err)
	}
	if err := s.Store.AppendAudit(ctx, s.act(ctx, "capture upload", u.Name, words("site", site, "segment", u.Segment))); err != nil {
		return nil, failed(err)
	}
	return &demarcv1.BeginUploadResponse{Upload: protoUpload(&u)}, nil
}

// TakeUpload takes the bytes of a capture that the caller began, at and what
// follows.
func (s *Service) TakeUpload(ctx context.Context, id string, at int64, from io.Reader) error {
	return uploadError(s.Uploads.Receive(id, Caller(ctx).Who(), at, from))
}

func uploadError(err error) error {
	if no, ok := errors.AsType[upload.ErrRefused](err); ok {
		return status.Error(codes.FailedPrecondition, no.Error())
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// exampleSite is where the captures of the example plant come from.
const exampleSite = "houston"

// noExample says why the example plant cannot be loaded.
func (s *Service) noExample(ctx context.Context) string {
	agents, err := s.Store.Agents(ctx)
	switch {
	case s.AuthorityMode != "none":
		return "what it authorizes would wait for an official here: give it a collector of its own, with authority: none"
	case s.Plant.Policy().Version() != 0:
		return "documents are there already, and the example would come beside them: give it a collector and a data directory of its own"
	case err != nil || len(agents) > 0 || s.Plant.Applied() > 0:
		return "agents have reported already, and the example would come beside what they heard: give it a collector and a data directory of its own"
	}
	return s.Uploads.Unable()
}

// LoadExample applies the example plant's documents and has its captures read.
func (s *Service) LoadExample(ctx context.Context, _ *demarcv1.LoadExampleRequest) (*demarcv1.LoadExampleResponse, error) {
	if why := s.noExample(ctx); why != "" {
		return nil, status.Error(codes.FailedPrecondition, "the example plant is not loaded: "+why)
	}
	files, captures, err := s.unpackExample()
	if err != nil {
		return nil, failed(err)
	}
	applied, err := s.Plant.Apply(ctx, files, ApplyOptions{By: s.act(ctx, "policy apply", "", "the example plant")})
	if err != nil {
		return nil, s.refused(ctx, err, "LoadExample")
	}
	for _, c := range captures {
		if err := s.Uploads.Take(exampleSite, c.segment, c.path, Caller(ctx).Who()); err != nil {
			return nil, uploadError(err)
		}
	}
	return &demarcv1.LoadExampleResponse{PolicyVersion: applied.GetPolicyVersion(), Captures: uint32(len(captures))}, nil
}

// exampleCapture is one on this machine's disk, and where it was captured.
type exampleCapture struct{ path, segment string }

// unpackExample reads the example's documents and lays its captures down.
func (s *Service) unpackExample() (files []boundary.File, captures []exampleCapture, err error) {
	documents, err := fs.Glob(demarc.Example, "deploy/example/*.yaml")
	if err != nil {
		return nil, nil, err
	}
	for _, name := range documents {
		text, err := demarc.Example.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, boundary.File{Path: path.Base(name), Content: text})
	}
	const plant = "testdata/plant/"
	text, err := demarc.Example.ReadFile(plant + "segments.yaml")
	if err != nil {
		return nil, nil, err
	}
	var list yaml.MapSlice
	if err := yaml.Unmarshal(text, &list); err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(s.Uploads.Dir, "example")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	for _, x := range list {
		name, _ := x.Key.(string)
		segment, _ := x.Value.(string)
		raw, err := demarc.Example.ReadFile(plant + name)
		if err != nil {
			return nil, nil, err
		}
		to := filepath.Join(dir, name)
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			return nil, nil, err
		}
		captures = append(captures, exampleCapture{to, segment})
	}
	return files, captures, nil
}
