package api

import (
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	demarcv1 "demarc/proto/demarc/v1"
)

// kinds of files that Export makes, by format, for a browser.
var kinds = map[string]string{
	"pdf":  "application/pdf",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"csv":  "text/csv; charset=utf-8",

	"oscal-ar": jsonKind, "oscal-poam": jsonKind, "oscal-ssp": jsonKind, "hdf": jsonKind, "scn": jsonKind,
}

const jsonKind = "application/json"

// exportFile answers with a file that Export makes.
func exportFile(client demarcv1.ExportServiceClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked := &demarcv1.ExportRequest{}
		if err := (strictQuery{}).Parse(asked, r.URL.Query(), utilities.NewDoubleArray(nil)); err != nil {
			RESTError(w, status.Error(codes.InvalidArgument, err.Error()))
			return
		}
		asked.Format = r.PathValue("format")
		stream, err := client.Export(r.Context(), asked)
		sendFile(w, ExportName(asked), kinds[asked.GetFormat()], stream, err)
	}
}

// ExportName is what a file is called that nobody named.
func ExportName(r *demarcv1.ExportRequest) string {
	first, ending := "demarc", r.GetFormat()
	if kinds[r.GetFormat()] == jsonKind {
		first, ending = r.GetFormat(), "json"
	}
	return fileName(r.GetAsOf(), first, r.GetAuthorization(), r.GetBoundary(), r.GetConnection(), r.GetList()) + "." + ending
}
