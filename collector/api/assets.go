package api

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
	"demarc/internal/identity"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of acts on assets, as the journal names them.
const (
	ActMerge = "asset.merge"
	ActSplit = "asset.split"
	ActSet   = "asset.set"
)

// fields that people set, with the values that a field may have; nil is any
// text.
var fields = map[string][]string{
	"name": nil, "owner": nil, "place": nil, "notes": nil, "retired": {"yes"},
	"criticality": {"low", "medium", "high", "critical"}, "role": roleNames(),
}

func roleNames() []string {
	var names []string
	for _, r := range ot.Roles() {
		names = append(names, string(r))
	}
	return append(names, string(ot.UnknownRole))
}

// Bounds of what people may write.
const (
	maxMerged = 64   // assets put together at once
	maxText   = 4096 // bytes of a value or reason
)

// MergeAssets puts assets together.
func (s *Service) MergeAssets(ctx context.Context, r *demarcv1.MergeAssetsRequest) (*demarcv1.MergeAssetsResponse, error) {
	ids := slices.Compact(slices.Sorted(slices.Values(r.GetAssets())))
	if len(ids) < 2 || len(ids) > maxMerged {
		return nil, status.Errorf(codes.InvalidArgument, "name two assets to put together, at most %d", maxMerged)
	}
	body := &demarcv1.AssetAct{Reason: r.GetReason()}
	for _, id := range ids {
		of, err := s.own(ctx, id)
		if err != nil {
			return nil, err
		}
		if of[0].Part != "" {
			return nil, status.Errorf(codes.InvalidArgument, "%s is a part of another asset: only whole devices are put together", id)
		}
		if len(body.Of) > 0 && body.Of[0].GetSite() != of[0].Site {
			return nil, status.Errorf(codes.InvalidArgument, "%s stands at another site: assets of one site can be one device", id)
		}
		body.Of = append(body.Of, protoOf(of)...)
	}
	if err := s.doToAssets(ctx, ActMerge, body, strings.Join(ids, " "), r.GetReason()); err != nil {
		return nil, err
	}
	a, err := s.assetAt(body.Of[0])
	return &demarcv1.MergeAssetsResponse{Asset: a}, err
}

// SplitAsset takes addresses out of an asset.
func (s *Service) SplitAsset(ctx context.Context, r *demarcv1.SplitAssetRequest) (*demarcv1.SplitAssetResponse, error) {
	of, err := s.own(ctx, r.GetAsset())
	if err != nil {
		return nil, err
	}
	if of[0].Part != "" {
		return nil, status.Error(codes.InvalidArgument, "a part has no address of its own: name the device that it stands in")
	}
	body := &demarcv1.AssetAct{Reason: r.GetReason()}
	var stay *identity.Of
	taken := map[string]bool{}
	for i := range of {
		text := addressText(of[i].Address)
		if slices.ContainsFunc(r.GetAddresses(), func(a string) bool { return sameAddress(a, text) }) {
			body.Of, taken[text] = append(body.Of, protoOf(of[i:i+1])...), true
		} else if stay == nil {
			stay = &of[i]
		}
	}
	for _, a := range r.GetAddresses() {
		if !taken[canonical(a)] {
			return nil, status.Errorf(codes.InvalidArgument, "%s sent nothing under %q itself: it can be split at %s", r.GetAsset(), a, known(of))
		}
	}
	if len(body.Of) == 0 || stay == nil {
		return nil, status.Errorf(codes.InvalidArgument, "name some of the addresses of %s, and not all: %s", r.GetAsset(), known(of))
	}
	if err := s.doToAssets(ctx, ActSplit, body, r.GetAsset()+" "+strings.Join(r.GetAddresses(), " "), r.GetReason()); err != nil {
		return nil, err
	}
	answer := &demarcv1.SplitAssetResponse{}
	for _, x := range []*demarcv1.AssetAddress{protoOf([]identity.Of{*stay})[0], body.Of[0]} {
		a, err := s.assetAt(x)
		if err != nil {
			return nil, err
		}
		answer.Assets = append(answer.Assets, a)
	}
	return answer, nil
}

// SetAsset sets what people know of an asset.
func (s *Service) SetAsset(ctx context.Context, r *demarcv1.SetAssetRequest) (*demarcv1.SetAssetResponse, error) {
	values, ok := fields[r.GetField()]
	switch {
	case !ok:
		return nil, status.Errorf(codes.InvalidArgument, "field %q is not known: name, owner, criticality, place, notes, role or retired", r.GetField())
	case len(r.GetValue()) > maxText:
		return nil, status.Errorf(codes.InvalidArgument, "a value of %d bytes: at most %d", len(r.GetValue()), maxText)
	case values != nil && r.GetValue() != "" && !slices.Contains(values, r.GetValue()):
		return nil, status.Errorf(codes.InvalidArgument, "%s %q is not known: use %s", r.GetField(), r.GetValue(), strings.Join(values, ", "))
	}
	of, err := s.own(ctx, r.GetAsset())
	if err != nil {
		return nil, err
	}
	body := &demarcv1.AssetAct{Of: protoOf(of[:1]), Field: r.GetField(), Value: strings.TrimSpace(strings.ToValidUTF8(r.GetValue(), "")), Reason: r.GetReason()}
	if err := s.doToAssets(ctx, ActSet, body, r.GetAsset(), fmt.Sprintf("%s = %q. %s", body.Field, body.Value, body.Reason)); err != nil {
		return nil, err
	}
	if of[0].Part != "" {
		a, _ := s.Plant.Asset(r.GetAsset())
		return &demarcv1.SetAssetResponse{Asset: a}, nil
	}
	a, err := s.assetAt(body.Of[0])
	return &demarcv1.SetAssetResponse{Asset: a}, err
}

// doToAssets puts an act on assets into the journal and waits for it.
func (s *Service) doToAssets(ctx context.Context, kind string, body *demarcv1.AssetAct, on, detail string) error {
	if len(body.GetReason()) > maxText {
		return status.Errorf(codes.InvalidArgument, "a reason of %d bytes: at most %d", len(body.GetReason()), maxText)
	}
	by := s.act(ctx, strings.Replace(kind, ".", " ", 1), on, strings.TrimSpace(detail))
	if err := s.Plant.Act(ctx, body.Of[0].GetSite(), kind, body, by); err != nil {
		return failed(err)
	}
	s.Log.Info("asset changed by a person", "act", kind, "on", on, "by", by.Who)
	s.Plant.Changes().Bump()
	return nil
}

// assetKeepers say what an asset is.
var assetKeepers = []store.Role{store.Engineer, store.Analyst}

// own are the addresses of an asset that the caller may say something of: with
// a role over its site, or over each boundary that it stands in.
func (s *Service) own(ctx context.Context, id string) ([]identity.Of, error) {
	p, seen := Caller(ctx), s.within(ctx)
	of, err := seen.addresses(id)
	if err != nil {
		return nil, err
	}
	a, _ := seen.Plant.Asset(id)
	if whole, ok := seen.Plant.Asset(a.GetParent()); ok {
		a = whole
	}
	if p.At(a.GetSite(), assetKeepers...) {
		return of, nil
	}
	for _, x := range a.GetPlaces() {
		if b := x.GetBoundary(); b == "" || !p.Over(b, s.sitesOf(b), assetKeepers...) {
			return nil, status.Errorf(codes.PermissionDenied, "%s may not change %s: it needs %s over %s, and %s %s", p.Who(), id, roleWords(assetKeepers), cmp.Or(b, "site "+a.GetSite()), p.Who(), p.words())
		}
	}
	if len(a.GetPlaces()) == 0 {
		return nil, status.Errorf(codes.PermissionDenied, "%s may not change %s, which stands in no boundary: it needs %s over site %s", p.Who(), id, roleWords(assetKeepers), a.GetSite())
	}
	return of, nil
}

func (s *Service) addresses(id string) ([]identity.Of, error) {
	of := s.Plant.Addresses(id)
	if len(of) > 0 {
		return of, nil
	}
	if _, ok := s.Plant.Asset(id); ok {
		return nil, status.Errorf(codes.FailedPrecondition, "%s sent nothing under an address of its own yet: there is nothing that could be named", id)
	}
	return nil, status.Errorf(codes.NotFound, "no asset has the id %q: see `demarc-collector get assets`", id)
}

// assetAt is the asset that stands at an address now.
func (s *Service) assetAt(x *demarcv1.AssetAddress) (*demarcv1.Asset, error) {
	text := addressText(x.GetAddress())
	for _, a := range s.Plant.Assets() {
		if a.GetParent() != "" || !slices.Contains(append(slices.Clone(a.GetIps()), a.GetMacs()...), text) {
			continue
		}
		for _, of := range s.Plant.Addresses(a.GetId()) {
			if of.Site == x.GetSite() && of.Address.GetSegment() == x.GetAddress().GetSegment() && addressText(of.Address) == text {
				return a, nil
			}
		}
	}
	return nil, status.Errorf(codes.Internal, "done, and no asset stands at %s now", text)
}

func protoOf(all []identity.Of) []*demarcv1.AssetAddress {
	out := make([]*demarcv1.AssetAddress, len(all))
	for i, x := range all {
		out[i] = &demarcv1.AssetAddress{Site: x.Site, Address: x.Address, Part: x.Part, Anchor: x.Anchor}
	}
	return out
}

func addressText(a *demarcv1.Address) string {
	if ip, ok := netip.AddrFromSlice(a.GetIp()); ok {
		return ip.Unmap().String()
	}
	return net.HardwareAddr(a.GetMac()).String()
}

func canonical(text string) string {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Unmap().String()
	}
	if m, err := net.ParseMAC(text); err == nil {
		return m.String()
	}
	return text
}

func sameAddress(a, b string) bool { return canonical(a) == b }

func known(of []identity.Of) string {
	var all []string
	for _, x := range of {
		all = append(all, addressText(x.Address))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}
