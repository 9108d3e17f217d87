package api

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"demarc/collector/store"
)

var update = flag.Bool("update", false, "write testdata anew")

// methods walks the contract: every method that people and programs call.
// Agents have a service of their own, and certificates for it.
func methods(t *testing.T) []protoreflect.MethodDescriptor {
	t.Helper()
	var all []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("demarc.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			if s.Name() == "UplinkService" {
				continue
			}
			for j := range s.Methods().Len() {
				all = append(all, s.Methods().Get(j))
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("%d methods in the contract: they are not walked", len(all))
	}
	slices.SortFunc(all, func(a, b protoreflect.MethodDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return all
}

func fullMethod(m protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
}

func TestEveryMethodHasALine(t *testing.T) {
	there := map[string]bool{}
	for _, m := range methods(t) {
		there[fullMethod(m)] = true
		if _, ok := access[fullMethod(m)]; !ok {
			t.Errorf("%s has no line in access.go: who may call it?", fullMethod(m))
		}
	}
	for name, r := range access {
		if !there[name] {
			t.Errorf("%s is in access.go and in no service", name)
		}
		if len(r.roles) == 0 && r.scope != Own {
			t.Errorf("%s has no roles: nobody could be refused", name)
		}
	}
}

// callers of the matrix: one for each role without limits, one without any.
func callers() []Principal {
	var all []Principal
	for _, r := range store.Roles() {
		all = append(all, Principal{Name: string(r), Roles: []store.Grant{{Role: r}}, Via: "test"})
	}
	return append(all, Principal{Name: "no-role", Via: "test"}, Principal{})
}

// guarded is a server of every method behind a guard; a call names its caller.
// A method that lets the caller through answers Unimplemented: what it would
// do is of no interest here.
func guarded(t *testing.T) (*grpc.ClientConn, *[]store.Act) {
	t.Helper()
	known := map[string]Principal{}
	for _, p := range callers() {
		known[p.Name] = p
	}
	var mu sync.Mutex
	audit := &[]store.Act{}
	g := &Guard{
		Log: slog.New(slog.DiscardHandler),
		Find: func(ctx context.Context) (Principal, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			return known[strings.Join(md.Get("caller"), "")], nil
		},
		Audit: func(_ context.Context, a store.Act) error {
			mu.Lock()
			defer mu.Unlock()
			*audit = append(*audit, a)
			return nil
		},
	}
	s := grpc.NewServer(g.Options()...)
	services := map[string]*grpc.ServiceDesc{}
	for _, m := range methods(t) {
		name := string(m.Parent().FullName())
		d := services[name]
		if d == nil {
			d = &grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil)}
			services[name] = d
		}
		d.Streams = append(d.Streams, grpc.StreamDesc{StreamName: string(m.Name()), ServerStreams: true, Handler: func(any, grpc.ServerStream) error {
			return status.Error(codes.Unimplemented, "let through")
		}})
	}
	for _, d := range services {
		s.RegisterService(d, struct{}{})
	}
	l := bufconn.Listen(1 << 16)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return l.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, audit
}

// TestAccessMatrix calls every method as every role. What comes of it stands
// in testdata/access.golden, which a person reads: a new line there is a
// decision on who may do what.
func TestAccessMatrix(t *testing.T) {
	conn, audit := guarded(t)
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Who may call what: + may, . is refused. Made by go test ./collector/api -run TestAccessMatrix -update; read it.\n")
	refused := 0
	for _, m := range methods(t) {
		var may []string
		for _, p := range callers() {
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			err := conn.Invoke(metadata.AppendToOutgoingContext(ctx, "caller", p.Name), fullMethod(m), dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output()))
			stop()
			switch code := status.Code(err); {
			case code == codes.Unimplemented:
				if p.Name == "" {
					t.Errorf("%s lets in who is not known", m.Name())
				}
				may = append(may, "+"+p.Name)
			case code == codes.PermissionDenied && strings.Contains(err.Error(), p.Name), code == codes.Unauthenticated && p.Name == "":
				refused++
			default:
				t.Fatalf("%s as %q: %v", m.Name(), p.Name, err)
			}
		}
		fmt.Fprintf(&b, "%s/%s\n   ", m.Parent().Name(), m.Name())
		for _, p := range callers()[:len(callers())-1] {
			if slices.Contains(may, "+"+p.Name) {
				fmt.Fprintf(&b, " +%s", p.Name)
			} else {
				fmt.Fprintf(&b, " .")
			}
		}
		b.WriteByte('\n')
	}
	if len(*audit) != refused {
		t.Errorf("%d refusals and %d in the audit log", refused, len(*audit))
	}
	const golden = "testdata/access.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, b.Bytes()) {
		t.Errorf("who may call what is not what %s says (-update, and read the difference):\n%s", golden, b.String())
	}
}

// TestRolesKeepApart holds the table to AUTHORITY's sentences, whatever its
// lines say.
func TestRolesKeepApart(t *testing.T) {
	// What only reads, or is the caller's own.
	harmless := func(method string) bool {
		name := method[strings.LastIndexByte(method, '/')+1:]
		for _, prefix := range []string{"List", "Get", "Search", "Explain", "Gate", "Watch", "Verify", "Export", "Propose", "Reconcile"} {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return access[method].scope == Own
	}
	acts := 0
	for method, r := range access {
		if harmless(method) {
			continue
		}
		acts++
		if slices.Contains(r.roles, store.Auditor) {
			t.Errorf("%s: an auditor reads", method)
		}
		if slices.Contains(r.roles, store.Admin) && r.scope == Boundary {
			t.Errorf("%s: an admin does nothing on a boundary", method)
		}
	}
	if acts < 5 {
		t.Errorf("%d acts: the table is not walked", acts)
	}
}

func TestGuardAnswersOfTheWholeJournal(t *testing.T) {
	caught := make(chan struct{})
	g := &Guard{Log: slog.New(slog.DiscardHandler), Caught: caught}
	p := Principal{Name: "ana", Roles: []store.Grant{{Role: store.Auditor}}, Via: "session"}
	enter := func(ctx context.Context) error {
		_, err := g.Enter(ctx, "/demarc.v1.CollectorService/ListBoundaries", p)
		return err
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := enter(short); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "still applies its journal") {
		t.Errorf("before it is applied: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { close(caught) })
	if err := enter(t.Context()); err != nil {
		t.Errorf("once it is applied: %v", err)
	}
}

func TestGuardTellsARefusalOnceAMinute(t *testing.T) {
	now, n := time.Unix(0, 0), 0
	g := &Guard{Log: slog.New(slog.DiscardHandler), Clock: func() time.Time { return now }, Audit: func(context.Context, store.Act) error { n++; return nil }}
	p := Principal{Name: "ana", Roles: []store.Grant{{Role: store.Auditor}}, Via: "session"}
	for range 1000 {
		_, err := g.Enter(t.Context(), "/demarc.v1.CollectorService/Apply", p)
		if status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), "ana may not do this (Apply): it needs issm, and ana is auditor") {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d audit entries for one caller in a loop", n)
	}
	now = now.Add(2 * time.Minute)
	if _, err := g.Enter(t.Context(), "/demarc.v1.CollectorService/Apply", p); err == nil || n != 2 {
		t.Errorf("%v, %d entries", err, n)
	}
	for i := range 5000 {
		p.Name = fmt.Sprint(i)
		_, _ = g.Enter(t.Context(), "/demarc.v1.CollectorService/Apply", p)
	}
	if len(g.told) > maxTold {
		t.Errorf("%d remembered", len(g.told))
	}
}

func TestLimitsOfRoles(t *testing.T) {
	site := Principal{Name: "a", Roles: []store.Grant{{Role: store.Official, Sites: []string{"houston"}}, {Role: store.Admin, Boundaries: []string{"line4"}}}}
	for _, c := range []struct {
		boundary string
		sites    []string
		over     bool
	}{
		{"line4", []string{"houston"}, true},
		{"both", []string{"houston", "austin"}, false},
		{"far", []string{"austin"}, false},
		{"outside", nil, false},
	} {
		if got := site.Over(c.boundary, c.sites, store.Official); got != c.over {
			t.Errorf("official at houston over %s: %v", c.boundary, got)
		}
	}
	if !site.Over("line4", nil, store.Admin) || site.Over("line5", nil, store.Admin) || site.Everywhere(store.Admin) || site.At("houston", store.Admin) || !site.At("houston", store.Official) {
		t.Error("limits to boundaries")
	}
	if why := refusal("/demarc.v1.CollectorService/Backup", site); !strings.Contains(why, "has limits") {
		t.Errorf("a backup by an admin of one boundary: %q", why)
	}
	if why := refusal("/demarc.v1.CollectorService/Nothing", Principal{Name: "x", Roles: AllRoles()}); why == "" {
		t.Error("a method without a line was let through")
	}
}
