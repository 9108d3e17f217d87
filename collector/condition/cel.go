package condition

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
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
func (o *Operations) field(class string) *int64 {
	return map[string]*int64{
		"read": &o.Read, "write": &o.Write, "control": &o.Control, "program": &o.Program, "firmware": &o.Firmware, "configure": &o.Configure,
		"subscribe": &o.Subscribe, "alarm": &o.Alarm, "diagnose": &o.Diagnose, "authenticate": &o.Authenticate, "transfer": &o.Transfer,
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

// parse checks an expression and makes it ready. What could cost too much is
// refused here, and stopped when it runs.
func parse(text string) (cel.Program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	if strings.Count(text, ".exists")+strings.Count(text, ".all")+strings.Count(text, ".map")+strings.Count(text, ".filter") > 4 {
		return nil, errors.New("more than four loops: write several conditions")
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		return nil, fmt.Errorf("column %d: %s", e.Location.Column()+1, e.Message)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("it gives %s, and must give true or false", ast.OutputType())
	}
	return env.Program(ast, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost))
}

// require holds every connection in scope to the expression.
func (k *judge) require() {
	k.out.subject = true
	program, err := parse(k.c.Require)
	if err != nil {
		k.out.unknown = append(k.out.unknown, "the expression is not read: "+err.Error())
		return
	}
	k.subject(nil, func(c *demarcv1.JudgedConnection, a answer) {
		holds, why := k.evaluate(program, c)
		k.hold(c, a, holds, why)
	})
}

// evaluate takes an expression with the least and the most that its counts may
// be: where the two differ, it cannot be told.
func (k *judge) evaluate(program cel.Program, c *demarcv1.JudgedConnection) (answer, string) {
	low, why := k.run(program, c, func(n count) int64 { return n.Low })
	high, _ := k.run(program, c, func(n count) int64 { return n.High })
	if low != high {
		return maybe, " how much of it was counted in the window"
	}
	return low, why
}

func (k *judge) run(program cel.Program, c *demarcv1.JudgedConnection, of func(count) int64) (answer, string) {
	x, hidden := k.seen(c, of)
	client, h := assetOf("client", k.client(c).asset)
	hidden = append(hidden, h...)
	server, h := assetOf("server", k.server(c).asset)
	hidden = append(hidden, h...)
	vars, err := cel.PartialVars(map[string]any{"connection": x, "client": client, "server": server}, hidden...)
	if err != nil {
		return maybe, ": " + err.Error()
	}
	v, _, err := program.Eval(vars)
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

// seen is a connection as expressions see it, with what of it is not known.
func (k *judge) seen(c *demarcv1.JudgedConnection, of func(count) int64) (*Connection, []*cel.AttributePatternType) {
	d, p := c.GetConnection(), k.w.Policy
	x := &Connection{
		Client: d.GetClient(), Server: d.GetServer(), From: c.GetClientBoundary(), To: c.GetServerBoundary(),
		FromDomain: p.Domain(c.GetClientBoundary()), ToDomain: p.Domain(c.GetServerBoundary()), Transport: d.GetTransport(), Port: int64(d.GetPort()),
		Protocol: d.GetProtocol(), OpenedBy: d.GetOpenedBy(), Outcome: d.GetOutcome(), Security: d.GetSecurity(),
		TLS: d.GetSecurityFacts().GetTls(), Verdict: c.GetVerdict().GetVerdict(),
	}
	var hidden []*cel.AttributePatternType
	hide := func(unknown bool, path ...string) {
		if unknown {
			p := cel.AttributePattern("connection")
			for _, q := range path {
				p = p.QualString(q)
			}
			hidden = append(hidden, p)
		}
	}
	hide(x.From == "", "from")
	hide(x.FromDomain == "", "from_domain")
	hide(x.To == "", "to")
	hide(x.ToDomain == "", "to_domain")
	hide(!identified(d), "protocol")
	hide(k.openedBy(c, "inside") == maybe, "opened_by")
	hide(x.Security == "", "security")
	hide(x.TLS == "", "tls")
	hide(x.Verdict == "" || x.Verdict == "undecided", "verdict")
	decoded := k.decoded(c)
	for i, class := range ot.OperationNames() {
		n := k.operations(c, ot.Operation(i), decoded)
		if f := x.Operations.field(class); f != nil {
			*f = of(n)
		}
		hide(n.Unknown && n.Low == 0, "operations", class)
	}
	return x, hidden
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
