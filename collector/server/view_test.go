package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/ingest"
	"demarc/collector/store"
)

type noAgents struct{ heardOf }

func (noAgents) Health() map[string]ingest.Health { return nil }
func (noAgents) Drop(string, string)              {}

// TestRolesSeeWithinTheirLimits calls every method that reads, from the
// contract, as somebody whose role is limited: nothing that stands outside may
// show in any answer.
func TestRolesSeeWithinTheirLimits(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	before := timestamppb.New(l.now)
	l.pass(time.Hour)
	const hidden, shown = "10.60.9.91", "10.50.1.94" // corporate; dmz
	l.send("a", flow(hidden, "10.20.4.93", 102, "s7comm", l.now))
	l.send("a", flow(hidden, "10.60.9.92", 445, "smb", l.now))
	l.send("a", flow(hidden, "10.20.4.93", 3389, "rdp", l.now))
	l.send("a", flow("10.20.4.95", shown, 443, "tls", l.now))
	guard := &api.Guard{Find: api.OfContext, Audit: func(context.Context, store.Act) error { return nil }, Log: slog.New(slog.DiscardHandler)}
	conn := api.NewLocal(guard.Unary, guard.Stream)
	past := newPasts(l.store, l.clock, "test", slog.New(slog.DiscardHandler))
	t.Cleanup(past.close)
	api.New(api.Config{Plant: l.engine, Past: past, Clock: l.clock, Store: l.store, Agents: noAgents{}, Log: slog.New(slog.DiscardHandler)}).Register(conn)

	whole := api.Principal{Name: "all", Roles: []store.Grant{{Role: store.Auditor}}}
	for name, p := range map[string]api.Principal{
		"a boundary":   {Name: "dana", Roles: []store.Grant{{Role: store.Auditor, Boundaries: []string{"dmz"}}}},
		"another site": {Name: "sam", Roles: []store.Grant{{Role: store.Engineer, Sites: []string{"austin"}}}},
	} {
		secrets := 0
		for _, method := range reads(t) {
			ask := func(p api.Principal, id string) (string, error) {
				in, out := message(t, method.Input()), message(t, method.Output())
				if f := method.Input().Fields().ByName("id"); f != nil && id != "" {
					in.Set(f, protoreflect.ValueOfString(id))
				}
				if method.Name() == "ListChanges" {
					in.Set(method.Input().Fields().ByName("from"), protoreflect.ValueOfMessage(before.ProtoReflect()))
				}
				err := conn.Invoke(api.As(t.Context(), p), "/"+string(method.Parent().FullName())+"/"+string(method.Name()), in.Interface(), out.Interface())
				return protojson.Format(out.Interface()), err
			}
			ids := []string{""}
			if n := method.Name(); n == "Explain" || n == "GetFinding" {
				ids = append(ids, "corporate", "Boundary/corporate")
				for _, c := range l.engine.Connections() {
					if c.GetConnection().GetClient() == hidden {
						ids = append(ids, c.GetId())
						ids = append(ids, c.GetFindings()...)
					}
				}
			}
			for _, id := range ids {
				all, err := ask(whole, id)
				if err == nil && strings.Contains(all, hidden) {
					secrets++
				}
				text, err := ask(p, id)
				if code := status.Code(err); code != codes.OK && code != codes.InvalidArgument && code != codes.NotFound && code != codes.PermissionDenied {
					t.Errorf("%s of %s: %v", method.Name(), name, err)
				}
				if strings.Contains(text, hidden) || strings.Contains(text, "corporate") && id != "" {
					t.Errorf("%s(%s) shows %s what is outside: %s", method.Name(), id, name, text)
				}
				if method.Name() == "ListAssets" && strings.Contains(text, shown) != (name == "a boundary") {
					t.Errorf("%s: %s", name, text)
				}
			}
		}
		if secrets < 5 {
			t.Errorf("only %d answers hold what is to be hidden: the test cannot fail", secrets)
		}
	}
}

// reads are the methods of the contract that change nothing and answer once.
func reads(t *testing.T) (all []protoreflect.MethodDescriptor) {
	t.Helper()
	protoregistry.GlobalFiles.RangeFilesByPackage("demarc.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for s, j := f.Services().Get(i), 0; j < s.Methods().Len(); j++ {
				m := s.Methods().Get(j)
				for _, prefix := range []string{"List", "Get", "Explain", "Gate", "Reconcile"} {
					if s.Name() != "UplinkService" && strings.HasPrefix(string(m.Name()), prefix) && !m.IsStreamingServer() {
						all = append(all, m)
					}
				}
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("%d methods that read: they are not walked", len(all))
	}
	return all
}

func message(t *testing.T, d protoreflect.MessageDescriptor) protoreflect.Message {
	t.Helper()
	x, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return x.New()
}
