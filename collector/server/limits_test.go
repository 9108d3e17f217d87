package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/export"
	"demarc/collector/store"
	"demarc/collector/upload"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// ownOnly are acts on what is the caller's own, of which no role and no limit
// tells anything.
var ownOnly = []string{"CreateApiToken", "CreateSignInLink", "RevokeApiToken", "SetPassword", "WhoAmI"}

// onlyRead are methods that change nothing, beside those that their names tell:
// other tests hold their answers to limits.
var onlyRead = []string{"Export", "Propose", "ProposeReuse", "VerifyAudit", "Watch"}

// TestActsStayWithinLimits calls every method of the contract that does
// something, aimed at one site and its boundaries, as somebody who has every
// role, but over another site or another boundary: each is refused, and none is
// to somebody without limits.
func TestActsStayWithinLimits(t *testing.T) {
	p := newProbing(t, "enforced")
	p.enforced = true
	p.now = p.now.Add(time.Hour)
	p.send("a", flow("10.20.4.50", "10.20.4.10", 102, "s7comm", p.now))
	p.send("a", flow("10.50.1.20", "10.20.4.10", 80, "http", p.now))
	const ato = "---\napiVersion: demarc/v1\nkind: Authorization\nmetadata: {name: line4-ato}\nspec: {decision: ato, boundaries: [line4], granted: 2026-01-01, expires: 2027-01-01, conditions: [{id: C1, statement: Locked., attest: {by: system-owner, every: 90d}}]}\n"
	per := strings.Replace(agreement, "  services:", "  activation: per-window\n  openers: [whole]\n  services:", 1)
	p.inForce(plantDocs, per, ato)
	pending := func(name string) string {
		a, err := p.say("ivo", api.ApplyOptions{}, strings.Replace(agreement, "line4-to-historian", name, 1))
		p.must(err)
		return a.GetPending().GetId()
	}
	toConfirm, toReject := pending("another"), pending("third")
	schedule, err := p.plan(p.as("ana", store.Engineer), some)
	p.must(err)
	asset := map[string]string{}
	for _, a := range p.Assets() {
		asset[strings.Join(a.GetIps(), " ")] = a.GetId()
	}
	finding := p.Findings()[slices.IndexFunc(p.Findings(), func(f *demarcv1.Finding) bool { return f.GetToBoundary() == "line4" })]

	requests := map[string]proto.Message{
		"Apply":               &demarcv1.ApplyRequest{Documents: []*demarcv1.Document{{Path: "x.yaml", Content: []byte(strings.Replace(agreement, "line4-to-historian", "fourth", 1))}}},
		"CreateToken":         &demarcv1.CreateTokenRequest{Site: "houston"},
		"AdmitAgent":          &demarcv1.AdmitAgentRequest{Site: "houston", Csr: []byte{1}},
		"ImportBundle":        &demarcv1.ImportBundleRequest{},
		"RevokeAgent":         &demarcv1.RevokeAgentRequest{Agent: "c1"},
		"MergeAssets":         &demarcv1.MergeAssetsRequest{Assets: []string{asset["10.20.4.50"], asset["10.20.4.10"]}},
		"SplitAsset":          &demarcv1.SplitAssetRequest{Asset: asset["10.20.4.10"], Addresses: []string{"10.20.4.10"}},
		"SetAsset":            &demarcv1.SetAssetRequest{Asset: asset["10.50.1.20"], Field: "owner", Value: "x"},
		"DecideAuthorization": &demarcv1.DecideAuthorizationRequest{DryRun: true, Act: &demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "line4-ato", Reason: "r"}},
		"MoveWindow":          &demarcv1.MoveWindowRequest{DryRun: true, Act: &demarcv1.WindowAct{Kind: "open", Window: "w", Interconnection: "line4-to-historian", Type: "maintenance", ApprovedBy: "whole", Until: timestamppb.New(p.now.Add(time.Hour))}},
		"Attest":              &demarcv1.AttestRequest{Attestation: &demarcv1.Attestation{Authorization: "line4-ato", Condition: "C1", Statement: "s"}},
		"ConfirmProposal":     &demarcv1.ConfirmProposalRequest{Id: toConfirm},
		"RejectProposal":      &demarcv1.RejectProposalRequest{Id: toReject, Reason: "r"},
		"ActOnFindings":       &demarcv1.ActOnFindingsRequest{Kind: "comment", Act: &demarcv1.FindingAct{Comment: "x", Targets: []*demarcv1.FindingTarget{{Id: finding.GetId(), Revision: finding.GetRevision()}}}},
		"TakeSnapshot":        &demarcv1.TakeSnapshotRequest{Authorization: "line4-ato", Reason: "r"},
		"MergeSnapshot":       &demarcv1.MergeSnapshotRequest{Authorization: "line4-ato", Reason: "r", DryRun: true},
		"PlanProbe":           &demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: &demarcv1.ProbeReads{Modbus: &demarcv1.ProbeModbusReads{}}},
		"ApproveProbe":        &demarcv1.ApproveProbeRequest{Id: schedule.GetId()},
		"WithdrawProbe":       &demarcv1.WithdrawProbeRequest{Id: schedule.GetId()},
		"KillProbes":          &demarcv1.KillProbesRequest{Site: "houston"},
		"ResumeProbes":        &demarcv1.ResumeProbesRequest{Site: "houston", Reason: "r"},
		"BeginUpload":         &demarcv1.BeginUploadRequest{Site: "houston", Name: "x.pcap", Bytes: 10},
		"ExportEvidence":      &demarcv1.ExportEvidenceRequest{Authorization: "line4-ato"},
		// Of the whole collector.
		"LoadExample": &demarcv1.LoadExampleRequest{}, "Backup": &demarcv1.BackupRequest{}, "AddUser": &demarcv1.AddUserRequest{User: &demarcv1.User{Name: "new"}}, "ChangeUser": &demarcv1.ChangeUserRequest{Name: "new"},
	}

	conn := p.served()
	every := func(limit store.Grant) (all []store.Grant) {
		for _, r := range store.Roles() {
			limit.Role = r
			all = append(all, limit)
		}
		return all
	}
	defer p.looping()()
	for _, m := range actsOf(t) {
		in, ok := requests[string(m.Name())]
		if !ok {
			t.Errorf("%s does something, and no request to it is tried here", m.Name())
			continue
		}
		call := func(who api.Principal) error { return answered(t, api.As(t.Context(), who), conn, m, proto.Clone(in)) }
		for name, limit := range map[string]store.Grant{"another site": {Sites: []string{"alpha"}}, "another boundary": {Boundaries: []string{"corporate"}}} {
			err := call(api.Principal{Name: "sam", Kind: store.Person, Roles: every(limit), Via: "session"})
			if code := status.Code(err); code != codes.PermissionDenied && code != codes.NotFound && !unseen(err) {
				t.Errorf("%s by somebody of %s: %v", m.Name(), name, err)
			}
		}
		err := call(api.Principal{Name: "whole", Full: "whole", Kind: store.Person, Roles: every(store.Grant{}), Via: "session"})
		if code := status.Code(err); code == codes.PermissionDenied || code == codes.NotFound || unseen(err) {
			t.Errorf("%s by somebody without limits: %v", m.Name(), err)
		}
	}
}

// Whatever is left out of a request, somebody without limits gets an answer:
// a request ends no collector.
func TestEmptyRequestsAreAnswered(t *testing.T) {
	p := newProbing(t, "enforced")
	conn := p.served()
	defer p.looping()()
	all := slices.Concat(actsOf(t), reads(t))
	for _, m := range all {
		err := answered(t, owner(t), conn, m, message(t, m.Input()).Interface())
		if code := status.Code(err); code == codes.Unimplemented || code == codes.Internal {
			t.Errorf("%s: %v", m.Name(), err)
		}
	}
	if len(all) < 40 {
		t.Errorf("%d methods answered", len(all))
	}
}

// answered calls a method, of a stream to its first answer.
func answered(t *testing.T, ctx context.Context, conn grpc.ClientConnInterface, m protoreflect.MethodDescriptor, in proto.Message) error { //nolint:revive // t comes first in tests
	t.Helper()
	method, out := "/"+string(m.Parent().FullName())+"/"+string(m.Name()), message(t, m.Output()).Interface()
	if !m.IsStreamingServer() {
		return conn.Invoke(ctx, method, in, out)
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return err
	}
	if err := errors.Join(stream.SendMsg(in), stream.CloseSend()); err != nil {
		return err
	}
	return stream.RecvMsg(out)
}

// served is every method behind the guard, as a collector has them.
func (p *probing) served() *api.Local {
	p.t.Helper()
	authority, err := pki.Open(filepath.Join(p.t.TempDir(), "pki"), p.clock)
	p.must(err)
	quiet := slog.New(slog.DiscardHandler)
	guard := &api.Guard{Find: api.OfContext, Audit: func(context.Context, store.Act) error { return nil }, Log: quiet}
	conn := api.NewLocal(guard.Unary, guard.Stream)
	past := newPasts(p.store, p.clock, "test", quiet)
	p.t.Cleanup(past.close)
	s := api.New(api.Config{
		Store: p.store, Plant: p.engine, Past: past, Agents: p.agents, Clock: p.clock, AuthorityMode: "enforced", Authority: authority, Log: quiet,
		Uploads: upload.New(upload.Config{Dir: p.t.TempDir(), Program: "/bin/false", MaxBytes: 100, Clock: p.clock}),
	})
	s.Register(conn)
	demarcv1.RegisterExportServiceServer(conn, export.New(export.Config{Lists: s, Store: p.store, Authority: authority, Log: quiet, Clock: p.clock, Version: "test", Keeps: keeps}))
	return conn
}

// unseen is how a name outside of the caller's limits is refused.
func unseen(err error) bool {
	return status.Code(err) == codes.InvalidArgument && strings.Contains(err.Error(), "is in no document")
}

// actsOf are the methods of the contract that do something.
func actsOf(t *testing.T) (all []protoreflect.MethodDescriptor) {
	t.Helper()
	reading := reads(t)
	protoregistry.GlobalFiles.RangeFilesByPackage("demarc.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for s, j := f.Services().Get(i), 0; j < s.Methods().Len(); j++ {
				m := s.Methods().Get(j)
				if s.Name() == "UplinkService" || slices.ContainsFunc(reading, func(r protoreflect.MethodDescriptor) bool { return r.FullName() == m.FullName() }) ||
					slices.Contains(ownOnly, string(m.Name())) || slices.Contains(onlyRead, string(m.Name())) {
					continue
				}
				all = append(all, m)
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("%d methods that do something: they are not walked", len(all))
	}
	return all
}

func TestAuditLogIsSearched(t *testing.T) {
	p := newProbing(t, "enforced")
	ask := func(r *demarcv1.ListAuditRequest) (all []string) {
		a, err := p.ListAudit(owner(t), r)
		p.must(err)
		for _, e := range a.GetEntries() {
			all = append(all, e.GetWhat())
		}
		return all
	}
	_, err := do(owner(t), p, p.KillProbes, &demarcv1.KillProbesRequest{Site: "houston", Reason: "Smoke in the cabinet"})
	p.must(err)
	if all := ask(&demarcv1.ListAuditRequest{}); len(all) < 5 {
		t.Fatalf("the log holds %q: nothing could be left out", all)
	}
	for words, want := range map[string][]string{"smoke HOUSTON": {"probe kill"}, "smoke alpha": nil} {
		if got := ask(&demarcv1.ListAuditRequest{Search: words}); !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", words, got, want)
		}
	}
	if _, err := p.ListAudit(owner(t), &demarcv1.ListAuditRequest{Search: strings.Repeat("x ", 100)}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("%v", err)
	}
}
