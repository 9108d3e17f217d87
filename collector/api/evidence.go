package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// pieceTime is how long the other end may take for a piece of a file.
const pieceTime = 2 * time.Minute

// packageFile answers with the inspection package as a file.
func packageFile(client demarcv1.ExportServiceClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked := &demarcv1.ExportEvidenceRequest{}
		if err := (strictQuery{}).Parse(asked, r.URL.Query(), utilities.NewDoubleArray(nil)); err != nil {
			RESTError(w, status.Error(codes.InvalidArgument, err.Error()))
			return
		}
		stream, err := client.ExportEvidence(r.Context(), asked)
		sendFile(w, EvidenceName(asked), "application/zip", stream, err)
	}
}

// sendFile answers with a file that comes in pieces.
func sendFile[P interface{ GetData() []byte }](w http.ResponseWriter, name, kind string, stream interface{ Recv() (P, error) }, err error) {
	if err != nil {
		RESTError(w, err)
		return
	}
	piece, err := stream.Recv()
	if err != nil {
		RESTError(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	tellMissing(w.Header(), piece)
	deadline := http.NewResponseController(w)
	for ; err == nil; piece, err = stream.Recv() {
		_ = deadline.SetWriteDeadline(time.Now().Add(pieceTime)) // a server that cannot has its own
		if _, err := w.Write(piece.GetData()); err != nil {
			return
		}
	}
	if !errors.Is(err, io.EOF) {
		panic(http.ErrAbortHandler) // what was sent is no whole file: let it not look like one
	}
}

// missingHeader says beside a file what a person must still fill in, each line
// as the value of a query has it.
const (
	missingHeader = "Demarc-Missing"
	maxMissing    = 4096 // octets: others hold headers to 8 kB
)

func tellMissing(h http.Header, piece any) {
	left, ok := piece.(interface{ GetMissing() []string })
	if !ok {
		return
	}
	size := 0
	for i, line := range left.GetMissing() {
		line = url.QueryEscape(line)
		if size += len(missingHeader) + len(line); size > maxMissing {
			h.Add(missingHeader, url.QueryEscape(fmt.Sprintf("and %d more, which the command lists", len(left.GetMissing())-i)))
			return
		}
		h.Add(missingHeader, line)
	}
}

// EvidenceName is what a package is called that nobody named.
func EvidenceName(r *demarcv1.ExportEvidenceRequest) string {
	return fileName(r.GetAsOf(), "evidence", r.GetAuthorization(), r.GetBoundary()) + ".zip"
}

func fileName(asOf *timestamppb.Timestamp, parts ...string) string {
	if asOf != nil {
		parts = append(parts, asOf.AsTime().UTC().Format("20060102T150405Z"))
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "-")
}
