package api

import (
	"context"
	"slices"
	"strings"

	"demarc/collector/store"
)

// Scope is what a method concerns, and so what a role's limits are held
// against: by the table below for Whole, else by the method itself, which knows
// the site or boundary that it is asked about.
type Scope string

// Scopes of methods.
const (
	Whole    Scope = "whole"    // the collector: a role with limits does not do
	Site     Scope = "site"     // what stands at a site
	Boundary Scope = "boundary" // what stands in a boundary, or is decided over it
	Own      Scope = "own"      // what is the caller's own: no role is needed
)

// rule says who may call a method.
type rule struct {
	scope Scope
	roles []store.Role
}

// readers are all roles: each reads, within its limits.
var readers = store.Roles()

func only(s Scope, roles ...store.Role) rule { return rule{s, roles} }

// access holds every method of every service that people and programs call: a
// method without a line cannot be called at all. It is the one place that says
// who may do what; what depends on the boundary asked about is held to the
// same roles by the act itself.
var access = map[string]rule{
	"/demarc.v1.AccountService/WhoAmI":         {Own, nil},
	"/demarc.v1.AccountService/ListUsers":      only(Whole, store.Admin, store.Auditor),
	"/demarc.v1.AccountService/AddUser":        only(Whole, store.Admin),
	"/demarc.v1.AccountService/ChangeUser":     only(Whole, store.Admin),
	"/demarc.v1.AccountService/SetPassword":    {Own, nil},
	"/demarc.v1.AccountService/CreateApiToken": {Own, nil},
	"/demarc.v1.AccountService/ListApiTokens":  {Own, nil},
	"/demarc.v1.AccountService/RevokeApiToken": {Own, nil},

	"/demarc.v1.ProposalService/ListProposals":   {Boundary, readers},
	"/demarc.v1.ProposalService/ConfirmProposal": only(Boundary, store.Official, store.Representative, store.ISSM),
	"/demarc.v1.ProposalService/RejectProposal":  only(Boundary, store.Official, store.Representative, store.ISSM),
	"/demarc.v1.AuditService/ListAudit":          only(Whole, store.Admin, store.Auditor),
	"/demarc.v1.AuditService/VerifyAudit":        only(Whole, store.Admin, store.Auditor),

	"/demarc.v1.CollectorService/GetStatus":           {Own, nil},
	"/demarc.v1.CollectorService/Apply":               only(Boundary, store.ISSM),
	"/demarc.v1.CollectorService/CreateToken":         only(Site, store.Engineer, store.Admin),
	"/demarc.v1.CollectorService/AdmitAgent":          only(Site, store.Engineer, store.Admin),
	"/demarc.v1.CollectorService/ImportBundle":        only(Site, store.Engineer, store.Admin),
	"/demarc.v1.CollectorService/CreateSignInLink":    {Own, readers},
	"/demarc.v1.CollectorService/ListSites":           {Site, readers},
	"/demarc.v1.CollectorService/ListBoundaries":      {Boundary, readers},
	"/demarc.v1.CollectorService/ListAssets":          {Boundary, readers},
	"/demarc.v1.CollectorService/ListConnections":     {Boundary, readers},
	"/demarc.v1.CollectorService/ListFindings":        {Boundary, readers},
	"/demarc.v1.CollectorService/ListAgents":          {Site, readers},
	"/demarc.v1.CollectorService/RevokeAgent":         only(Site, store.Engineer, store.Admin),
	"/demarc.v1.CollectorService/MergeAssets":         {Boundary, assetKeepers},
	"/demarc.v1.CollectorService/SplitAsset":          {Boundary, assetKeepers},
	"/demarc.v1.CollectorService/SetAsset":            {Boundary, assetKeepers},
	"/demarc.v1.CollectorService/Explain":             {Boundary, readers},
	"/demarc.v1.CollectorService/Watch":               {Boundary, readers},
	"/demarc.v1.CollectorService/ListAuthorizations":  {Boundary, readers},
	"/demarc.v1.CollectorService/DecideAuthorization": only(Boundary, store.Official, store.Representative, store.ISSM),
	"/demarc.v1.CollectorService/ListDocuments":       {Boundary, readers},
	"/demarc.v1.CollectorService/ListNotices":         {Boundary, readers},
	"/demarc.v1.CollectorService/MoveWindow":          only(Boundary, store.Engineer),
	"/demarc.v1.CollectorService/Attest":              only(Boundary, store.SystemOwner),
	"/demarc.v1.CollectorService/ListConditions":      {Boundary, readers},
	"/demarc.v1.CollectorService/Gate":                {Boundary, readers},
	"/demarc.v1.CollectorService/Backup":              only(Whole, store.Admin),

	// The package is of all that it names, so that the roles must reach it all.
	"/demarc.v1.ExportService/ExportEvidence": only(Boundary, store.Auditor, store.ISSM, store.SystemOwner, store.Official, store.Representative),
	// What it writes, lists show as well: the roles must reach all of it here too.
	"/demarc.v1.ExportService/Export": {Boundary, readers},

	// Which act needs which role: triage.
	"/demarc.v1.FindingService/ActOnFindings": only(Boundary, store.Engineer, store.Analyst, store.ISSM, store.SystemOwner, store.Official, store.Representative),
	"/demarc.v1.FindingService/GetFinding":    {Boundary, readers},
	"/demarc.v1.FindingService/TakeSnapshot":  only(Boundary, store.SystemOwner, store.ISSM, store.Official, store.Representative),
	"/demarc.v1.FindingService/ListSnapshots": {Boundary, readers},
	"/demarc.v1.FindingService/ListDrift":     {Boundary, readers},
	"/demarc.v1.FindingService/MergeSnapshot": only(Boundary, store.SystemOwner, store.ISSM, store.Official, store.Representative),

	// Drafting documents only reads.
	"/demarc.v1.ProposeService/Propose":      {Boundary, readers},
	"/demarc.v1.ProposeService/ProposeReuse": {Boundary, readers},

	// Paper against the wire only reads.
	"/demarc.v1.PaperService/Reconcile":        {Boundary, readers},
	"/demarc.v1.PaperService/ListPaths":        {Boundary, readers},
	"/demarc.v1.PaperService/ListRegulated":    {Boundary, readers},
	"/demarc.v1.PaperService/ListCrossings":    {Boundary, readers},
	"/demarc.v1.PaperService/ListRemoteAccess": {Boundary, readers},
	"/demarc.v1.PaperService/ListSecondPaths":  {Boundary, readers},
	"/demarc.v1.PaperService/ListAgreements":   {Boundary, readers},
	"/demarc.v1.PaperService/ListCalendar":     {Boundary, readers},
	"/demarc.v1.PastService/ListChanges":       {Boundary, readers},

	"/demarc.v1.ProbeService/PlanProbe":     only(Site, store.Engineer),
	"/demarc.v1.ProbeService/ApproveProbe":  only(Site, store.Engineer),
	"/demarc.v1.ProbeService/WithdrawProbe": only(Site, store.Engineer),
	"/demarc.v1.ProbeService/KillProbes":    only(Site, append([]store.Role{store.Engineer}, killers...)...),
	"/demarc.v1.ProbeService/ResumeProbes":  only(Site, store.Engineer),
	"/demarc.v1.ProbeService/ListProbes":    {Site, readers},

	// What was recorded may hold what the plant makes: who looks into findings.
	"/demarc.v1.SliceService/ListSlices": {Boundary, readers},
	"/demarc.v1.SliceService/GetSlice":   only(Boundary, sliceReaders...),

	"/demarc.v1.UploadService/ListUploads": {Site, readers},
	"/demarc.v1.UploadService/BeginUpload": only(Site, store.Engineer, store.Admin),
	"/demarc.v1.UploadService/LoadExample": only(Whole, store.ISSM),
}

// refusal says in words why p may not call a method, "" if p may.
func refusal(method string, p Principal) string {
	r, known := access[method]
	name := method[strings.LastIndexByte(method, '/')+1:]
	switch {
	case !known:
		return "nobody may call " + method + ": it has no line in the table of who may do what"
	case p.Name == "":
		return name + " needs a caller who is known: sign in"
	case len(r.roles) == 0 || r.scope == Whole && p.Everywhere(r.roles...):
		return ""
	case !slices.ContainsFunc(r.roles, p.Has):
		return p.Name + " may not do this (" + name + "): it needs " + roleWords(r.roles) + ", and " + p.Name + " " + p.words() +
			". An admin gives roles: demarc-collector user role"
	case r.scope == Whole:
		return p.Name + " may not do this (" + name + "): it concerns the whole collector, and the role of " + p.Name + " has limits"
	}
	return ""
}

// May reports whether the caller may call a method.
func May(ctx context.Context, method string) bool { return refusal(method, Caller(ctx)) == "" }

// Unreached lists those of boundaries over which the caller has no role that
// may call a method.
func (s *Service) Unreached(ctx context.Context, method string, boundaries []string) []string {
	p := Caller(ctx)
	return slices.DeleteFunc(slices.Clone(boundaries), func(b string) bool { return p.Over(b, s.sitesOf(b), access[method].roles...) })
}

// refusals are the methods that p may not call, without their package, and why.
func refusals(p Principal) map[string]string {
	all := map[string]string{}
	for method, r := range access {
		switch {
		case refusal(method, p) == "":
			continue
		case slices.ContainsFunc(r.roles, p.Has):
			all[strings.TrimPrefix(method, "/demarc.v1.")] = "concerns the whole collector, and your role has limits"
		default:
			all[strings.TrimPrefix(method, "/demarc.v1.")] = "needs " + roleWords(r.roles)
		}
	}
	return all
}

// roleWords is "engineer or admin".
func roleWords(roles []store.Role) string {
	if len(roles) == len(readers) {
		return "any role"
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
	return strings.Join(names, "")
}

// roleList names all roles.
func roleList() string {
	var names []string
	for _, r := range store.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
