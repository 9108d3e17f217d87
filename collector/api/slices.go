package api

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/recorded"
	"demarc/collector/store"
	"demarc/internal/slice"
	demarcv1 "demarc/proto/demarc/v1"
)

// sliceReaders may have the frames themselves, which may hold what a plant makes.
var sliceReaders = []store.Role{store.Engineer, store.Analyst, store.ISSM, store.SystemOwner}

var sliceList = list[*demarcv1.RecordedSlice]{
	order: "received desc",
	columns: map[string]column[*demarcv1.RecordedSlice]{
		"received":   func(k key, s *demarcv1.RecordedSlice) key { return k.time(s.GetReceived()) },
		"connection": func(k key, s *demarcv1.RecordedSlice) key { return k.text(s.GetConnection()) },
		"agent":      func(k key, s *demarcv1.RecordedSlice) key { return k.text(s.GetAgent()) },
		"frames":     func(k key, s *demarcv1.RecordedSlice) key { return k.number(uint64(s.GetFrames())) },
	},
	id: func(k key, s *demarcv1.RecordedSlice) key { return k.exact(s.GetId()) },
}

// ListSlices lists what was recorded, less the frames.
func (s *Service) ListSlices(ctx context.Context, r *demarcv1.ListSlicesRequest) (*demarcv1.ListSlicesResponse, error) {
	s = s.within(ctx)
	all, err := s.slicesOf(r)
	if err != nil {
		return nil, err
	}
	p, err := sliceList.page(r, all, func(*demarcv1.RecordedSlice) bool { return true })
	return &demarcv1.ListSlicesResponse{Slices: p.rows, NextPageToken: p.next, Total: p.total}, err
}

// slicesOf are the slices that the caller sees of what a request names.
func (s *Service) slicesOf(r *demarcv1.ListSlicesRequest) (all []*demarcv1.RecordedSlice, err error) {
	var connections []string
	switch {
	case r.GetFinding() != "" && r.GetConnection() != "":
		return nil, status.Error(codes.InvalidArgument, "name a finding or a connection, not both")
	case r.GetFinding() != "":
		f, ok := s.Plant.Finding(r.GetFinding())
		if !ok {
			return nil, status.Errorf(codes.NotFound, "no finding has the id %q: see `demarc-collector get findings`", r.GetFinding())
		}
		connections = slices.Concat(f.GetConnections(), f.GetPast())
	case r.GetConnection() != "":
		if _, _, ok := s.Plant.Connection(r.GetConnection()); !ok {
			return nil, status.Errorf(codes.NotFound, "no connection has the id %q: see `demarc-collector get connections`", r.GetConnection())
		}
		connections = []string{r.GetConnection()}
	default:
		for _, x := range s.Slices.All() {
			if s.showsSlice(x) {
				all = append(all, protoSlice(x))
			}
		}
		return all, nil
	}
	for _, c := range connections {
		for _, x := range s.Slices.Of(c) {
			if s.showsSlice(x) {
				all = append(all, protoSlice(x))
			}
		}
	}
	return all, nil
}

// showsSlice reports whether the caller sees the connection of a slice, or the
// whole site where that connection is gone.
func (s *Service) showsSlice(x *recorded.Slice) bool {
	_, _, ok := s.Plant.Connection(x.Slice.Connection)
	return ok || s.seen == nil || s.seen.site(x.Site)
}

func protoSlice(x *recorded.Slice) *demarcv1.RecordedSlice {
	return &demarcv1.RecordedSlice{
		Id: x.ID(), Connection: x.Slice.Connection, Site: x.Site, Agent: x.Agent, Interface: x.Interface, Segment: x.Segment, Sha256: x.Manifest.SHA256,
		Bytes: uint64(x.Size), Frames: uint32(x.Frames), LeftOff: uint32(x.LeftOff), Payload: x.Payload, // checked when it came
		First: stamp(x.First), Last: stamp(x.Last), Sealed: stamp(x.Sealed), Received: stamp(x.Received), Number: x.Number,
	}
}

// GetSlice returns a slice with its frames, to whoever may look into what was
// recorded there.
func (s *Service) GetSlice(ctx context.Context, r *demarcv1.GetSliceRequest) (*demarcv1.GetSliceResponse, error) {
	s = s.within(ctx)
	x := s.Slices.Find(r.GetId())
	if x == nil || !s.showsSlice(x) {
		return nil, status.Errorf(codes.NotFound, "no slice has the id %q: see `demarc-collector get slices`", r.GetId())
	}
	if !s.mayReadSlice(ctx, x) {
		p := Caller(ctx)
		return nil, status.Errorf(codes.PermissionDenied, "%s may not have the frames of connection %s: it needs %s over one of its boundaries", p.Who(), x.Slice.Connection, roleWords(sliceReaders))
	}
	data, err := s.Slices.Data(ctx, x)
	if err != nil {
		return nil, failed(err)
	}
	act := s.act(ctx, "slice export", x.Slice.Connection, fmt.Sprintf("%s: %d frames that agent %s recorded, SHA-256 %s", x.ID(), x.Frames, x.Agent, x.Manifest.SHA256))
	if err := s.Store.AppendAudit(ctx, act); err != nil {
		return nil, failed(err)
	}
	return &demarcv1.GetSliceResponse{
		Slice: protoSlice(x), Data: data, Manifest: x.Slice.Manifest, Signature: x.Signature, Certificate: x.Certificate, Authority: s.Authority.Certificate().Raw,
	}, nil
}

func (s *Service) mayReadSlice(ctx context.Context, x *recorded.Slice) bool {
	p := Caller(ctx)
	if p.At(x.Site, sliceReaders...) {
		return true
	}
	_, j, ok := s.Plant.Connection(x.Slice.Connection)
	return ok && slices.ContainsFunc([]string{j.GetClientBoundary(), j.GetServerBoundary()}, func(b string) bool {
		return b != "" && p.Over(b, s.sitesOf(b), sliceReaders...)
	})
}

// SlicesAt lists the slices of connections that came until a moment, for those
// who may have them.
func (s *Service) SlicesAt(ctx context.Context, connections []string, at time.Time) (all []*recorded.Slice) {
	s = s.within(ctx)
	for _, c := range connections {
		for _, x := range s.Slices.Of(c) {
			if !x.Received.After(at) && s.showsSlice(x) {
				all = append(all, x)
			}
		}
	}
	return all
}

// MayReadSlice reports whether the caller may have the frames of a slice.
func (s *Service) MayReadSlice(ctx context.Context, x *recorded.Slice) bool {
	return s.within(ctx).mayReadSlice(ctx, x)
}

// sliceLines name what was recorded of a connection, as evidence.
func (s *Service) sliceLines(connection string) (lines []string) {
	for _, x := range s.Slices.Of(connection) {
		what := "headers alone"
		if x.Payload == slice.All {
			what = "whole"
		}
		lines = append(lines, fmt.Sprintf("Recorded: slice %s, %d frames, %s, from %s to %s, by agent %s on %s, sealed %s; SHA-256 %s.",
			x.ID(), x.Frames, what, when(x.First), when(x.Last), x.Agent, x.Interface, when(x.Sealed), x.Manifest.SHA256))
	}
	none := s.Slices.None(connection)
	for _, agent := range slices.Sorted(maps.Keys(none)) {
		lines = append(lines, "Not recorded by agent "+agent+": "+none[agent]+".")
	}
	return lines
}

// sliceFile answers with the frames of a slice as a file, or signed: with what
// shows who recorded them, in one zip.
func sliceFile(client demarcv1.SliceServiceClient, signed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got, err := client.GetSlice(r.Context(), &demarcv1.GetSliceRequest{Id: r.PathValue("id")})
		if err != nil {
			RESTError(w, err)
			return
		}
		name, kind, data := SliceName(got.GetSlice()), "application/octet-stream", got.GetData()
		if signed {
			if data, err = zipped(got); err != nil {
				RESTError(w, err)
				return
			}
			name, kind = name+".zip", "application/zip"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		_, _ = w.Write(data)
	}
}

func zipped(s *demarcv1.GetSliceResponse) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range SliceFiles(s) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: SliceName(s.GetSlice()) + f.Ending, Method: zip.Deflate, Modified: s.GetSlice().GetSealed().AsTime()})
		if err == nil {
			_, err = w.Write(f.Data)
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

// SliceFile is one of those that a slice is handed out as. Ending follows the
// name of the frames.
type SliceFile struct {
	Ending string
	Data   []byte
}

// SliceFiles are what the agent signed, its signature, the certificates of the
// agent and of the authority that signed it, and last the frames.
func SliceFiles(s *demarcv1.GetSliceResponse) []SliceFile {
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.GetCertificate()}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.GetAuthority()})...)
	return []SliceFile{{".json", s.GetManifest()}, {".sig", s.GetSignature()}, {".crt", chain}, {"", s.GetData()}}
}

// SliceName is what the file of a slice is called that nobody named.
func SliceName(s *demarcv1.RecordedSlice) string {
	return strings.TrimPrefix(s.GetConnection()+"-", "-") + s.GetId() + ".pcapng"
}
