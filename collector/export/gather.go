package export

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// facts are what a package tells, as far as its summary does.
type facts struct {
	*subject
	Title      string
	Software   string
	Keeps      string
	Conditions []*demarcv1.Condition
	Agreements []*demarcv1.Agreement
	Findings   []*demarcv1.GetFindingResponse
	Traffic    []*traffic
	Missing    []string // lists that are not on paper, in words
	Versions   []*version
	Log        Log
	index      []line

	WithoutSlices bool // of what was recorded, only who did and its hash
}

// line is one file of the index.
type line struct{ Name, Words string }

// traffic counts the connections that touch a boundary.
type traffic struct {
	Boundary string
	Assets   int
	Verdicts map[string]int
	Unseen   map[string]int // what of them was not observable, in words
}

func (t *traffic) count(c *demarcv1.JudgedConnection) {
	t.Verdicts[c.GetVerdict().GetVerdict()]++
	for _, term := range c.GetVerdict().GetTerms() {
		if term.GetState() == "not-observable" {
			t.Unseen[term.GetTerm()]++
		}
	}
}

// version is a policy version, as far as it concerns the package.
type version struct {
	Version uint64    `json:"version"`
	Applied time.Time `json:"applied"`
	Changes []change  `json:"changes"`
}

// change is a document that a version brought, changed or took away.
type change struct {
	Document string `json:"document"`
	Change   string `json:"change"` // new, changed, removed
	SHA256   string `json:"sha256,omitempty"`
}

// put adds a file and its line of the index.
func (f *facts) put(p *packer, name, words string, write func(io.Writer) error) error {
	f.index = append(f.index, line{name, words})
	return p.file(name, write)
}

// gather writes everything but the words for people.
func (f *facts) gather(ctx context.Context, p *packer, log store.Audit, whole bool) error {
	for _, step := range []func(context.Context, *packer) error{f.decided, f.judged, f.recorded, f.seen, f.documents, f.history} {
		if err := step(ctx, p); err != nil {
			return err
		}
	}
	show := func(*store.Act) bool { return true }
	if !whole {
		show = about(f.names())
	}
	return f.put(p, auditName, "every act of people and agents on the collector until then, one a line, chained by hash", func(w io.Writer) (err error) {
		f.Log, err = writeAudit(ctx, w, log, f.at.AsTime(), show)
		p.manifest.Audit = f.Log
		return err
	})
}

// names are what an act may be on that the package shows to everybody.
func (f *facts) names() map[string]bool {
	all := map[string]bool{}
	for _, n := range slices.Concat(f.decisions(), f.places()) {
		all[n] = true
	}
	for _, c := range f.Conditions {
		all[c.GetId()] = true
	}
	for _, x := range f.Findings {
		all[x.GetFinding().GetId()] = true
	}
	return all
}

// decided writes what people decided.
func (f *facts) decided(ctx context.Context, p *packer) error {
	if err := f.put(p, "authorizations.json", "the decision and those that it leans on: how they stand, on what record, and what was decided on them since", listed(slices.Concat(f.authorizations, f.lenders))); err != nil {
		return err
	}
	if err := f.put(p, "boundaries.json", "what was authorized: the boundaries, who answers for them, and what was heard of them over the last day", listed(f.boundaries)); err != nil {
		return err
	}
	if err := f.eachAgreement(ctx, func(a *demarcv1.Agreement) error { f.Agreements = append(f.Agreements, a); return nil }); err != nil {
		return err
	}
	return f.put(p, "agreements.json", "what was agreed to be exchanged with others, by whom, to when, and what was seen of it", listed(f.Agreements))
}

// judged writes what was computed of conditions and findings.
func (f *facts) judged(ctx context.Context, p *packer) (err error) {
	if f.Conditions, err = f.conditions(ctx); err != nil {
		return err
	}
	if err := f.put(p, "conditions.json", "each condition: its state and why, what it stands on, what could be seen of it, and how it stood before", listed(f.Conditions)); err != nil {
		return err
	}
	if f.Findings, err = f.findings(ctx); err != nil {
		return err
	}
	for _, x := range f.Findings {
		x.AsOf = nil // the manifest says it
	}
	return f.put(p, "findings.json", "what somebody must decide or has decided, the most severe first, each with its history", listed(f.Findings))
}

// seen writes what was heard of each boundary, page by page.
func (f *facts) seen(ctx context.Context, p *packer) error {
	for _, b := range f.places() {
		t := &traffic{Boundary: b, Verdicts: map[string]int{}, Unseen: map[string]int{}}
		f.Traffic = append(f.Traffic, t)
		err := f.put(p, "connections-"+b+".json", "every connection that begins or ends in "+b+": the verdict with each of its terms, the documents that it stands on, and what of it could not be seen",
			list(func(do func(*demarcv1.JudgedConnection) error) error {
				return each(ctx, f.at, f.lists.ListConnections, &demarcv1.ListConnectionsRequest{Boundary: b}, (*demarcv1.ListConnectionsResponse).GetConnections, func(c *demarcv1.JudgedConnection) error {
					t.count(c)
					return do(c)
				})
			}))
		if err != nil {
			return err
		}
		err = f.put(p, "assets-"+b+".json", "every device that was heard in "+b+", what it says that it is, and how that is known",
			list(func(do func(*demarcv1.Asset) error) error {
				return each(ctx, f.at, f.lists.ListAssets, &demarcv1.ListAssetsRequest{Boundary: b}, (*demarcv1.ListAssetsResponse).GetAssets, func(a *demarcv1.Asset) error {
					t.Assets++
					return do(a)
				})
			}))
		if err != nil {
			return err
		}
		held, err := f.lists.Reconcile(ctx, &demarcv1.ReconcileRequest{Boundary: b, AsOf: f.at})
		if err != nil {
			return err
		}
		for _, m := range held.GetMissing() {
			f.Missing = append(f.Missing, b+": "+m)
		}
		if err := f.put(p, "inventory-"+b+".json", "the lists that were authorized for "+b+" (hardware, software, services, agreements) held against what was heard", listed(held.GetRows())); err != nil {
			return err
		}
		leaving, err := f.lists.ListRegulated(ctx, &demarcv1.ListRegulatedRequest{Boundary: b, AsOf: f.at})
		if err != nil {
			return err
		}
		if len(leaving.GetFlows()) == 0 {
			continue
		}
		if err := f.put(p, "regulated-"+b+".json", "where regulated records leave "+b+", and how long they are to be kept", listed(leaving.GetFlows())); err != nil {
			return err
		}
	}
	return nil
}

// documents writes those in force, as they were read.
func (f *facts) documents(ctx context.Context, p *packer) error {
	if f.as.GetPolicyVersion() == 0 {
		return nil
	}
	now, _, err := f.written(ctx, f.as.GetPolicyVersion())
	if err != nil {
		return err
	}
	for _, d := range now {
		name := "documents/" + strings.ToLower(d.GetKind()) + "-" + d.GetName() + ".yaml"
		if err := f.put(p, name, d.GetKind()+" "+d.GetName()+", as policy version "+fmt.Sprint(f.as.GetPolicyVersion())+" has it", text(d.GetText())); err != nil {
			return err
		}
	}
	return nil
}

// written lists the documents of a policy version that the package is about.
func (f *facts) written(ctx context.Context, version uint64) (documents []*demarcv1.PolicyDocument, applied time.Time, err error) {
	documents, err = all(ctx, f.at, f.lists.ListDocuments, &demarcv1.ListDocumentsRequest{PolicyVersion: version}, func(a *demarcv1.ListDocumentsResponse) []*demarcv1.PolicyDocument {
		applied = a.GetApplied().AsTime()
		return a.GetDocuments()
	})
	documents = slices.DeleteFunc(concerning(documents, f.decisions(), f.places(), namesOf(f.lenders, (*demarcv1.Authorization).GetName)), func(d *demarcv1.PolicyDocument) bool { return d.GetName() == "" })
	return documents, applied, err
}

// history writes what each policy version changed of these documents.
func (f *facts) history(ctx context.Context, p *packer) error {
	f.Versions = []*version{}
	before := map[string]string{}
	for n := uint64(1); n <= f.as.GetPolicyVersion(); n++ {
		documents, applied, err := f.written(ctx, n)
		if err != nil {
			return err
		}
		v := &version{Version: n, Applied: applied.UTC()}
		var changed bytes.Buffer
		now := map[string]string{}
		for _, d := range documents {
			name := document(d)
			now[name] = d.GetText()
			was, had := before[name]
			if had && was == d.GetText() {
				continue
			}
			sum := sha256.Sum256([]byte(d.GetText()))
			v.Changes = append(v.Changes, change{name, map[bool]string{true: "changed", false: "new"}[had], hex.EncodeToString(sum[:])})
			if changed.Len() > 0 {
				changed.WriteString("---\n")
			}
			changed.WriteString(d.GetText())
		}
		for name := range before {
			if _, there := now[name]; !there {
				v.Changes = append(v.Changes, change{Document: name, Change: "removed"})
			}
		}
		slices.SortFunc(v.Changes, func(a, b change) int { return cmp.Compare(a.Document, b.Document) })
		before = now
		if len(v.Changes) == 0 {
			continue
		}
		f.Versions = append(f.Versions, v)
		if changed.Len() == 0 {
			continue
		}
		if err := f.put(p, fmt.Sprintf("policy/version-%05d.yaml", n), fmt.Sprintf("the documents that version %d brought or changed", n), text(changed.String())); err != nil {
			return err
		}
	}
	return f.put(p, "policy.json", "the versions of the documents until then that changed one of those here: when, and what", func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", " ")
		return out.Encode(f.Versions)
	})
}

// text writes a text as it is.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}
