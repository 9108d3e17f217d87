package table

import (
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// csvHead names the columns of InventoryCSV. The first says what a row is: of
// an asset the columns up to level are filled, of a connection those from
// client on; id, segment, vlans, protocols and times are of both.
var csvHead = []string{
	"record", "id", "segment", "vlans", "first_seen", "last_seen", "protocols",
	"kind", "parent", "ips", "macs", "names", "vendor", "product", "model", "firmware", "hardware", "serial", "os", "roles", "level",
	"client", "server", "client_asset", "server_asset", "transport", "port", "grade", "direction_basis", "opened_by", "outcome", "related_to",
	"client_packets", "server_packets", "client_bytes", "server_bytes", "sessions", "operations", "security", "tls", "policy", "subject", "server_name",
}

// InventoryCSV prints one row for each asset, then one for each connection; the
// first column, record, says which. Lists within a cell are parted by spaces,
// names by semicolons.
func InventoryCSV(w io.Writer, inv *demarcv1.Inventory) error {
	t := Table{Head: csvHead}
	for _, a := range inv.GetAssets() {
		t.add(assetCells(a))
	}
	for _, c := range inv.GetConnections() {
		t.add(connectionCells(c))
	}
	return t.WriteCSV(w)
}

func (t *Table) add(cells map[string]string) {
	row := make([]string, len(t.Head))
	for i, name := range t.Head {
		row[i] = cells[name]
	}
	t.Rows = append(t.Rows, row)
}

func assetCells(a *demarcv1.Asset) map[string]string {
	roles := make([]string, len(a.GetRoles()))
	for i, r := range a.GetRoles() {
		roles[i] = r.GetRole()
	}
	speaks := make([]string, len(a.GetProtocols()))
	for i, p := range a.GetProtocols() {
		speaks[i] = p.GetName() + "/" + p.GetAs()
	}
	return map[string]string{
		"record": "asset", "id": a.GetId(), "segment": a.GetSegment(), "vlans": vlans(a.GetVlans()), "first_seen": iso(a.FirstSeen), "last_seen": iso(a.LastSeen),
		"protocols": strings.Join(speaks, " "), "kind": a.GetKind(), "parent": a.GetParent(), "ips": strings.Join(a.GetIps(), " "),
		"macs": strings.Join(a.GetMacs(), " "), "names": strings.Join(a.GetNames(), "; "), "vendor": a.GetVendor(), "product": a.GetProduct(),
		"model": a.GetModel(), "firmware": a.GetFirmware(), "hardware": a.GetHardware(), "serial": a.GetSerial(), "os": a.GetOs(),
		"roles": strings.Join(roles, " "), "level": level(a),
	}
}

func connectionCells(c *demarcv1.Connection) map[string]string {
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	f := c.GetSecurityFacts()
	return map[string]string{
		"record": "connection", "id": c.GetId(), "segment": c.GetSegment(), "vlans": vlans(c.GetVlans()), "first_seen": iso(c.FirstSeen), "last_seen": iso(c.LastSeen),
		"protocols": c.GetProtocol(), "client": c.GetClient(), "server": c.GetServer(), "client_asset": c.GetClientAsset(), "server_asset": c.GetServerAsset(),
		"transport": c.GetTransport(), "port": n(uint64(c.GetPort())), "grade": c.GetGrade(), "direction_basis": c.GetDirectionBasis(),
		"opened_by": c.GetOpenedBy(), "outcome": c.GetOutcome(), "related_to": c.GetRelatedTo(), "client_packets": n(c.GetClientPackets()),
		"server_packets": n(c.GetServerPackets()), "client_bytes": n(c.GetClientBytes()), "server_bytes": n(c.GetServerBytes()),
		"sessions": n(c.GetSessions()), "operations": operations(c), "security": c.GetSecurity(), "tls": f.GetTls(), "policy": f.GetPolicy(),
		"subject": f.GetSubject(), "server_name": f.GetServerName(),
	}
}

func iso(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339Nano)
}
