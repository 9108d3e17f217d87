package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// restOf serves services over REST, as p calls, and returns what the audit log
// gets.
func restOf(t *testing.T, register func(grpc.ServiceRegistrar), p *Principal) (*httptest.Server, *[]store.Act) {
	t.Helper()
	audit := &[]store.Act{}
	g := &Guard{Find: OfContext, Log: slog.New(slog.DiscardHandler), Audit: func(_ context.Context, a store.Act) error { *audit = append(*audit, a); return nil }}
	conn := NewLocal(g.Unary, g.Stream)
	register(conn)
	rest, err := REST(conn)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest.ServeHTTP(w, r.WithContext(As(r.Context(), *p)))
	}))
	t.Cleanup(server.Close)
	return server, audit
}

// call sends a request and returns the status and the body as JSON.
func call(t *testing.T, server *httptest.Server, method, path, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // read whole below
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s %s: %d, no JSON: %q", method, path, a.StatusCode, raw)
	}
	return a.StatusCode, out
}

func anybody() *Principal { return &Principal{Name: "ana", Roles: AllRoles(), Via: "session"} }

func TestRESTIsTheServiceAsJSON(t *testing.T) {
	s, p := newService(t)
	p.connections = []*demarcv1.JudgedConnection{judged("a", "internal", "10.20.4.9", "line4", "line4", 9), judged("b", "unauthorized", "10.9.0.1", "", "line4", 1)}
	server, _ := restOf(t, s.Register, anybody())
	code, out := call(t, server, "GET", "/api/v1/connections?page_size=1&boundary=line4", "")
	rows, _ := out["connections"].([]any)
	if code != 200 || len(rows) != 1 || out["total"] != 2.0 || out["next_page_token"] == "" {
		t.Fatalf("%d %v", code, out)
	}
	row, _ := rows[0].(map[string]any)
	if row["id"] != "b" || row["client_boundary"] != "" || fmt.Sprint(row["findings"]) != "[]" {
		t.Errorf("names of the contract, with default values: %v", row)
	}
	if code, out = call(t, server, "GET", "/api/v1/connections?page_size=1&boundary=line4&page_token="+fmt.Sprint(out["next_page_token"]), ""); code != 200 || out["next_page_token"] != "" {
		t.Errorf("%d %v", code, out)
	}
	if code, out = call(t, server, "GET", "/api/v1/explain?id=b", ""); code != 200 || out["connection"] == nil {
		t.Errorf("%d %v", code, out)
	}
	if code, out = call(t, server, "GET", "/api/v1/openapi.json", ""); code != 200 || out["swagger"] != "2.0" {
		t.Errorf("%d %v", code, out)
	}
}

func TestRESTErrorsSayWhat(t *testing.T) {
	s, _ := newService(t)
	server, _ := restOf(t, s.Register, anybody())
	deep := `{"act":` + strings.Repeat(`{"act":`, 20000) + `1` + strings.Repeat(`}`, 20001)
	for _, c := range []struct {
		method, path, body string
		code               int
		what               string
	}{
		{"GET", "/api/v1/assets?boundarie=line4", "", 400, "boundary"},
		{"GET", "/api/v1/assets?page_size=x", "", 400, "page_size"},
		{"GET", "/api/v1/assets?page_size=-1", "", 400, "page_size"},
		{"GET", "/api/v1/assets?boundary=line4&boundary=dmz", "", 400, "boundary"},
		{"GET", "/api/v1/assets?boundary=x", "", 400, "in no document"},
		{"GET", "/api/v1/explain?id=x", "", 404, "nothing is named"},
		{"GET", "/api/v1/nothing", "", 404, ""},
		{"DELETE", "/api/v1/assets", "", 405, ""},
		{"POST", "/api/v1/assets/merge", `{"assets":["a"],"raeson":"x"}`, 400, "raeson"},
		{"POST", "/api/v1/assets/merge", `{"assets":`, 400, ""},
		{"POST", "/api/v1/assets/merge", `{"assets":["` + strings.Repeat("a", maxBody) + `"]}`, 413, "too large"},
		{"POST", "/api/v1/windows/move", deep, 400, ""},
	} {
		code, out := call(t, server, c.method, c.path, c.body)
		text := fmt.Sprint(out["message"])
		if code != c.code || !strings.Contains(text, c.what) || out["code"] == nil || len(text) > 1000 {
			t.Errorf("%s %s: %d %.300v, want %d %q", c.method, c.path, code, out, c.code, c.what)
		}
	}
	// What a form of another page can send is never an act.
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/assets/merge", strings.NewReader(`{"assets":["a","b"]}`))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("X-HTTP-Method-Override", "GET")
		a, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %d", kind, a.StatusCode)
		}
	}
}

// Every method but the agents' has a path: a service that is not taken up, or a
// rule that is missing, shows here.
func TestEveryMethodHasAPath(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(demarcv1.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, p := range doc.Paths {
		for _, m := range p {
			documented = append(documented, m.OperationID)
		}
	}
	for _, m := range methods(t) {
		if !slices.Contains(documented, string(m.Name())) {
			t.Errorf("%s has no rule in proto/demarc/v1/rest.yaml: what is its path?", m.FullName())
		}
	}
}

// TestAccessMatrixOverREST calls every path as every role: what is refused is
// what the table refuses, and stands in the audit log once.
func TestAccessMatrixOverREST(t *testing.T) {
	type rule struct {
		method, path, body string
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
		}
	}
	if err := json.Unmarshal(demarcv1.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	rules := map[string]rule{}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			body := ""
			if method != "get" && method != "delete" {
				body = "{}"
			}
			rules[op.OperationID] = rule{strings.ToUpper(method), variable.ReplaceAllString(path, "x"), body}
		}
	}
	who := &Principal{}
	server, audit := restOf(t, func(r grpc.ServiceRegistrar) { (&Service{}).Register(hollow{r}) }, who)
	calls := 0
	for _, m := range methods(t) {
		if m.IsStreamingServer() {
			continue
		}
		r, ok := rules[string(m.Name())]
		if !ok {
			continue // told by TestEveryMethodHasAPath
		}
		for _, p := range callers() {
			*who, *audit = p, nil
			want, refusals := 405, 0 // let through to a method that is not there
			if refusal(fullMethod(m), p) != "" {
				want, refusals = 403, 1
				if p.Name == "" {
					want = 401
				}
			}
			code, out := call(t, server, r.method, r.path, r.body)
			if code != want || len(*audit) != refusals {
				t.Errorf("%s %s as %q: %d %v, want %d; %d in the audit log", r.method, r.path, p.Name, code, out, want, len(*audit))
			}
			calls++
		}
	}
	if calls < 200 {
		t.Errorf("%d calls: the paths are not walked", calls)
	}
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// hollow registers services whose methods do nothing once they are let in.
type hollow struct{ grpc.ServiceRegistrar }

func (h hollow) RegisterService(d *grpc.ServiceDesc, service any) {
	empty := *d
	empty.Methods = nil
	for _, m := range d.Methods {
		info := &grpc.UnaryServerInfo{Server: service, FullMethod: "/" + d.ServiceName + "/" + m.MethodName}
		empty.Methods = append(empty.Methods, grpc.MethodDesc{MethodName: m.MethodName, Handler: func(_ any, ctx context.Context, _ func(any) error, guard grpc.UnaryServerInterceptor) (any, error) {
			return guard(ctx, nil, info, func(context.Context, any) (any, error) { return nil, status.Error(codes.Unimplemented, "let in") })
		}})
	}
	h.ServiceRegistrar.RegisterService(&empty, service)
}

func TestLocalStreams(t *testing.T) {
	s, p := newService(t)
	server, _ := restOf(t, s.Register, anybody())
	a, err := server.Client().Get(server.URL + "/api/v1/watch")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // it is cut off
	lines := json.NewDecoder(a.Body)
	var got [2]struct {
		Result struct{ Change string }
	}
	for i := range got {
		if err := lines.Decode(&got[i]); err != nil || got[i].Result.Change == "" {
			t.Fatal(got[i], err)
		}
		p.changes.Bump()
	}
	if got[0] == got[1] {
		t.Errorf("the same change twice: %v", got)
	}
}
