package api

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// presentOnly refuses a list as of a time: what is there now is no answer to
// that.
func presentOnly(asOf *timestamppb.Timestamp) error {
	if asOf == nil {
		return nil
	}
	return status.Error(codes.Unimplemented, "lists as of a time are not built yet: leave as_of out")
}
