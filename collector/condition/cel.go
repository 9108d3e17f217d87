package condition

import (
	"reflect"
	"strconv"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Limits of an expression.
const (
	maxExpression = 4096
	maxDepth      = 48
	maxCost       = 100_000
)

// Connection is what an expression sees of a connection. A field that is not
// established is unknown, never empty.
type Connection struct {
	Client     string     `cel:"client"`      // address
	Server     string     `cel:"server"`      // address
	From       string     `cel:"from"`        // boundary of the client
	To         string     `cel:"to"`          // boundary of the server
	FromDomain string     `cel:"from_domain"` // ot, dmz, it, external
	ToDomain   string     `cel:"to_domain"`
	Transport  string     `cel:"transport"`
	Port       int64      `cel:"port"`
	Protocol   string     `cel:"protocol"`
	OpenedBy   string     `cel:"opened_by"` // client, server
	Outcome    string     `cel:"outcome"`   // exchanged, one-sided
	Security   string     `cel:"security"`  // none, sign, sign-and-encrypt
	TLS        string     `cel:"tls"`       // "1.2"
	Verdict    string     `cel:"verdict"`
	Operations Operations `cel:"operations"` // counted in the window
}

// Operations has every class.
type Operations struct {
	Read         int64 `cel:"read"`
	Write        int64 `cel:"write"`
	Control      int64 `cel:"control"`
	Program      int64 `cel:"program"`
	Firmware     int64 `cel:"firmware"`
	Configure    int64 `cel:"configure"`
	Subscribe    int64 `cel:"subscribe"`
	Alarm        int64 `cel:"alarm"`
	Diagnose     int64 `cel:"diagnose"`
	Authenticate int64 `cel:"authenticate"`
	Transfer     int64 `cel:"transfer"`
}

// field returns the field of a class.
func (o *Operations) field(class ot.Operation) *int64 {
	return [...]*int64{
		ot.Read: &o.Read, ot.Write: &o.Write, ot.Control: &o.Control, ot.Program: &o.Program, ot.Firmware: &o.Firmware, ot.Configure: &o.Configure,
		ot.Subscribe: &o.Subscribe, ot.Alarm: &o.Alarm, ot.Diagnose: &o.Diagnose, ot.Authenticate: &o.Authenticate, ot.Transfer: &o.Transfer,
	}[class]
}

// Asset is what an expression sees of the client's or the server's device.
type Asset struct {
	Roles    []string `cel:"roles"`
	Names    []string `cel:"names"`
	Vendor   string   `cel:"vendor"`
	Model    string   `cel:"model"`
	Firmware string   `cel:"firmware"`
	Level    int64    `cel:"level"`
}

// environment is closed: three variables, the standard functions, no more.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(types.ParseStructTags(true), reflect.TypeFor[*Connection](), reflect.TypeFor[*Operations](), reflect.TypeFor[*Asset]()),
		cel.Variable("connection", cel.ObjectType("condition.Connection")),
		cel.Variable("client", cel.ObjectType("condition.Asset")),
		cel.Variable("server", cel.ObjectType("condition.Asset")),
		cel.ParserRecursionLimit(maxDepth), cel.ParserExpressionSizeLimit(maxExpression),
	)
})

// require holds every connection in scope to the expression.
func (k *judge) require() {
	k.out.subject = true
	e, err := parse(k.c.Require)
	if err != nil {
		k.out.unknown = append(k.out.unknown, "the expression is not read: "+err.Error())
		return
	}
	same := map[string]holding{}
	k.subject(nil, func(c *demarcv1.JudgedConnection, a answer) {
		x := k.looked(e, c)
		key := x.key()
		h, known := same[key]
		if !known {
			h.answer, h.why = x.evaluate()
			same[key] = h
		}
		k.hold(c, a, h.answer, h.why)
	})
}

// holding is what an expression says of all connections of which what it reads
// is the same.
type holding struct {
	answer
	why string
}

// look is what an expression reads of a connection.
type look struct {
	*expression
	connection     Connection
	counts         []count // of its operations
	client, server *demarcv1.Asset
	hidden         []string // fields of the connection that are not known
}

// looked takes what an expression reads of a connection.
func (k *judge) looked(e *expression, c *demarcv1.JudgedConnection) *look {
	d, p := c.GetConnection(), k.w.Policy
	l := &look{expression: e, connection: Connection{
		Client: d.GetClient(), Server: d.GetServer(), From: c.GetClientBoundary(), To: c.GetServerBoundary(),
		FromDomain: p.Domain(c.GetClientBoundary()), ToDomain: p.Domain(c.GetServerBoundary()), Transport: d.GetTransport(), Port: int64(d.GetPort()),
		Protocol: d.GetProtocol(), OpenedBy: d.GetOpenedBy(), Outcome: d.GetOutcome(), Security: d.GetSecurity(),
		TLS: d.GetSecurityFacts().GetTls(), Verdict: c.GetVerdict().GetVerdict(),
	}}
	if e.readsOf("client") {
		l.client = k.client(c).asset
	}
	if e.readsOf("server") {
		l.server = k.server(c).asset
	}
	x := &l.connection
	hide := func(field string, unknown bool) {
		if unknown && e.read("connection."+field) {
			l.hidden = append(l.hidden, field)
		}
	}
	hide("from", x.From == "")
	hide("from_domain", x.FromDomain == "")
	hide("to", x.To == "")
	hide("to_domain", x.ToDomain == "")
	hide("protocol", !identified(d))
	if e.read("connection.opened_by") {
		hide("opened_by", k.openedBy(c, "inside") == maybe)
	}
	hide("security", x.Security == "")
	hide("tls", x.TLS == "")
	hide("verdict", x.Verdict == "" || x.Verdict == "undecided")
	if len(e.operations) > 0 {
		decoded := k.decoded(c)
		for _, o := range e.operations {
			l.counts = append(l.counts, k.operations(c, o, decoded))
		}
	}
	return l
}

// key is the same for two connections of which an expression reads the same.
func (l *look) key() string {
	b := make([]byte, 0, 256)
	x := &l.connection
	for _, f := range [...]struct{ field, value string }{
		{"client", x.Client},
		{"server", x.Server},
		{"from", x.From},
		{"to", x.To},
		{"from_domain", x.FromDomain},
		{"to_domain", x.ToDomain},
		{"transport", x.Transport},
		{"protocol", x.Protocol},
		{"opened_by", x.OpenedBy},
		{"outcome", x.Outcome},
		{"security", x.Security},
		{"tls", x.TLS},
		{"verdict", x.Verdict},
	} {
		if l.read("connection." + f.field) {
			b = append(strconv.AppendQuote(b, f.value), ',')
		}
	}
	if l.read("connection.port") {
		b = append(strconv.AppendInt(b, x.Port, 10), ',')
	}
	for _, n := range l.counts {
		b = strconv.AppendInt(append(strconv.AppendInt(b, n.Low, 10), '-'), n.High, 10)
		b = append(strconv.AppendBool(b, n.Unknown), ',')
	}
	for _, field := range l.hidden {
		b = append(append(b, field...), ',')
	}
	b = append(strconv.AppendQuote(b, l.client.GetId()), l.server.GetId()...)
	return string(b)
}

// evaluate takes an expression with the least and the most that its counts may
// be: where the two differ, it cannot be told.
func (l *look) evaluate() (answer, string) {
	low, why := l.run(func(n count) int64 { return n.Low })
	if len(l.counts) == 0 {
		return low, why
	}
	if high, _ := l.run(func(n count) int64 { return n.High }); low != high {
		return maybe, " how much of it was counted in the window"
	}
	return low, why
}

func (l *look) run(of func(count) int64) (answer, string) {
	var hidden []*cel.AttributePatternType
	for _, field := range l.hidden {
		hidden = append(hidden, cel.AttributePattern("connection").QualString(field))
	}
	x := l.connection
	for i, o := range l.operations {
		n := l.counts[i]
		*x.Operations.field(o) = of(n)
		if n.Unknown && n.Low == 0 {
			hidden = append(hidden, cel.AttributePattern("connection").QualString("operations").QualString(o.String()))
		}
	}
	client, h := assetOf("client", l.client)
	hidden = append(hidden, h...)
	server, h := assetOf("server", l.server)
	hidden = append(hidden, h...)
	vars, err := cel.PartialVars(map[string]any{"connection": &x, "client": client, "server": server}, hidden...)
	if err != nil {
		return maybe, ": " + err.Error()
	}
	v, _, err := l.Eval(vars)
	switch {
	case types.IsUnknown(v):
		return maybe, " whether it is as required: not all that this asks for was seen"
	case err != nil:
		return maybe, ": " + err.Error()
	case v == types.True:
		return yes, ""
	case v == types.False:
		return no, " breaks the rule"
	}
	return maybe, ": it gives neither true nor false"
}

// assetOf is a device as expressions see it; without one, all of it is unknown.
func assetOf(name string, a *demarcv1.Asset) (*Asset, []*cel.AttributePatternType) {
	x := &Asset{Names: a.GetNames(), Vendor: a.GetVendor(), Model: a.GetModel(), Firmware: a.GetFirmware(), Level: int64(a.GetLevel())}
	for _, r := range a.GetRoles() {
		if r.GetRole() != "unknown" && r.GetGrade() != "hint" {
			x.Roles = append(x.Roles, r.GetRole())
		}
	}
	if a == nil {
		return x, []*cel.AttributePatternType{cel.AttributePattern(name)}
	}
	var hidden []*cel.AttributePatternType
	for field, unknown := range map[string]bool{
		"roles": len(x.Roles) == 0, "names": len(x.Names) == 0, "vendor": x.Vendor == "", "model": x.Model == "", "firmware": x.Firmware == "", "level": a.Level == nil,
	} {
		if unknown {
			hidden = append(hidden, cel.AttributePattern(name).QualString(field))
		}
	}
	return x, hidden
}
