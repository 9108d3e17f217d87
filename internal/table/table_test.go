package table

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

func write(t *testing.T, x Table, width int) string {
	t.Helper()
	var b strings.Builder
	if err := x.Write(&b, width); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestColumns(t *testing.T) {
	x := Table{Head: []string{"NAME", "EMPTY", "COUNT"}, Right: []bool{2: true}, Rows: [][]string{{"制御盤", "", "7"}, {"plc", "", "1234567"}}}
	want := "" +
		"NAME      COUNT\n" +
		"制御盤        7\n" +
		"plc     1234567\n"
	if got := write(t, x, 0); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCutNeverWraps(t *testing.T) {
	long := strings.Repeat("制御 long ", 40)
	x := Table{Head: []string{"A", "B", "C"}, Rows: [][]string{{long, "10.20.4.10", long}, {"short", "10.20.4.11", "x"}}}
	for _, width := range []int{40, 60, 120} {
		for line := range strings.Lines(write(t, x, width)) {
			if n := cells(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("width %d: %d cells: %s", width, n, line)
			}
		}
		if got := write(t, x, width); !strings.Contains(got, "…") || !strings.Contains(got, "10.20.4.10 ") {
			t.Errorf("width %d:\n%s", width, got)
		}
	}
}

func TestWrap(t *testing.T) {
	x := Table{Head: []string{"NAME", "READS", "OVER"}, Wrap: []bool{1: true}, Rows: [][]string{{"modbus", "device identification, operations", "tcp"}, {"arp", "addresses", "ethernet"}}}
	want := "" +
		"NAME    READS                   OVER\n" +
		"modbus  device identification,  tcp\n" +
		"        operations\n" +
		"arp     addresses               ethernet\n"
	if got := write(t, x, 40); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := write(t, x, 0); strings.Count(got, "\n") != 3 {
		t.Errorf("without a width a row is one line, got\n%s", got)
	}
	if got := fold("制御 supercalifragilistic x", 6); len(got) != 3 || got[1] != "supercalifragilistic" {
		t.Errorf("fold: %q", got)
	}
}

// What a device says of itself must not move the cursor or break the line.
func TestWireTextIsPlain(t *testing.T) {
	x := Table{Head: []string{"NAME"}, Rows: [][]string{{"a\x1b[2Jb\nc\u202ed\xff"}}}
	if got := write(t, x, 0); got != "NAME\na [2Jb c d\uFFFD\n" {
		t.Errorf("got %q", got)
	}
}

func TestCells(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "制": 2, "ｱ": 1, "Ａ": 2, "…": 1} {
		if got := cells(s); got != want {
			t.Errorf("cells(%q) = %d, want %d", s, got, want)
		}
	}
	if got := cut("制御盤", 4); got != "制…" {
		t.Errorf("cut: %q", got)
	}
}

func TestCSVIsInert(t *testing.T) {
	var b strings.Builder
	x := Table{Head: []string{"a", "b"}, Rows: [][]string{{"=cmd()", "x,\"y\"\nz"}}}
	if err := x.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != "'=cmd()" || rows[1][1] != "x,\"y\"\nz" {
		t.Errorf("%v %q", err, rows)
	}
}

func sample() *demarcv1.Inventory {
	level := int32(1)
	at := timestamppb.New(time.Unix(1_700_000_000, 0))
	return &demarcv1.Inventory{
		Captures: []*demarcv1.Capture{{File: "line4.pcap", Packets: 1, Bytes: 1234, FirstSeen: at, LastSeen: timestamppb.New(at.AsTime().Add(90 * time.Second))}},
		Assets: []*demarcv1.Asset{
			{
				Id: "a-1", Kind: "device", Ips: []string{"10.20.4.10", "fe80::1"}, Macs: []string{"00:0e:8c:00:00:01"}, Names: []string{"plc-l4-1"}, Vendor: "Siemens",
				Product: "S7-300", Model: "6ES7 315-2EH14-0AB0", Firmware: "V3.2.6", Roles: []*demarcv1.AssetRole{{Role: "plc", Grade: "identity"}, {Role: "mes", Grade: "hint"}},
				Level: &level, Protocols: []*demarcv1.AssetProtocol{{Name: "s7comm", As: "server"}, {Name: "ntp", As: "client"}}, Vlans: []uint32{104},
			},
			{Id: "a-2", Kind: "part", Parent: "a-1", Names: []string{"slot/3"}, Model: "1756-IB16"},
			{
				Id: "a-3", Kind: "router", Macs: []string{"00:1b:1b:00:00:03"}, Vendor: "Hirschmann",
				Facts: []*demarcv1.Fact{{Attribute: "vendor", Value: "Hirschmann", Source: "mac.prefix", Grade: "hint"}},
			},
		},
		Connections: []*demarcv1.Connection{
			{
				Client: "10.20.4.50", Server: "10.20.4.10", Transport: "tcp", Port: 102, Protocol: "s7comm", Grade: "content", DirectionBasis: "syn", Outcome: "exchanged",
				Operations: map[string]uint64{"write": 1, "read": 8}, Security: "none", ClientPackets: 10, ServerPackets: 9, ClientBytes: 900, ServerBytes: 1200,
			},
			{Client: "10.20.4.50", Server: "10.20.4.11", Transport: "tcp", Port: 502, Protocol: "modbus", Grade: "hint", DirectionBasis: "port", Outcome: "refused"},
			{Client: "00:1b:1b:00:00:03", Server: "01:80:c2:00:00:0e", Transport: "ethernet", Port: 0x88cc, Protocol: "unknown", DirectionBasis: "unknown"},
			{
				Client: "10.20.4.50", Server: "10.20.4.10", Transport: "tcp", Port: 4840, Protocol: "opcua", Grade: "content", DirectionBasis: "syn",
				Security: "sign-and-encrypt", SecurityFacts: &demarcv1.SecurityFacts{Policy: "Basic256Sha256"},
			},
		},
		Losses: []*demarcv1.Loss{{Reason: "truncated-file", From: at, To: at, Count: 1, Detail: "last record"}},
	}
}

func TestInventory(t *testing.T) {
	var b strings.Builder
	if err := Inventory(&b, sample(), 0); err != nil {
		t.Fatal(err)
	}
	const want = `line4.pcap: 1 packet, 1.2 kB, 2023-11-14 22:13:20 UTC, 1m30s

ASSETS (3)
ADDRESS            MAC                NAME      DEVICE                                     ROLE       LEVEL  PROTOCOLS                VLAN
10.20.4.10 +1      00:0e:8c:00:00:01  plc-l4-1  Siemens S7-300 6ES7 315-2EH14-0AB0 V3.2.6  plc, mes?  1      serves s7comm; uses ntp  104
  └ slot/3                                      1756-IB16
00:1b:1b:00:00:03                               Hirschmann?

CONNECTIONS (4)
CLIENT                  SERVER             PORT        PROTOCOL  OPERATIONS      SECURITY                         OUTCOME    PACKETS   BYTES
10.20.4.50         ->   10.20.4.10         tcp 102     s7comm    read 8 write 1  none                             exchanged       19  2.1 kB
10.20.4.50         ->?  10.20.4.11         tcp 502     modbus?                                                    refused          0     0 B
00:1b:1b:00:00:03  --   01:80:c2:00:00:0e  eth 0x88cc                                                                              0     0 B
10.20.4.50         ->   10.20.4.10         tcp 4840    opcua                     sign-and-encrypt Basic256Sha256                   0     0 B
? only a hint; -- direction not known

LOSSES (1): not seen, or not kept
WHEN                 REASON          COUNT  DETAIL
2023-11-14 22:13:20  truncated-file      1  last record
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	if err := Inventory(&b, sample(), 120); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := cells(strings.TrimSuffix(line, "\n")); n > 120 {
			t.Errorf("%d cells: %s", n, line)
		}
	}
}

func TestEmptyInventory(t *testing.T) {
	var b strings.Builder
	if err := Inventory(&b, &demarcv1.Inventory{}, 80); err != nil {
		t.Fatal(err)
	}
	if want := "No asset: no device that can be named sent a frame.\n\nNo connection.\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
}

func TestInventoryCSV(t *testing.T) {
	var b strings.Builder
	if err := InventoryCSV(&b, sample()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 8 {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	cell := func(row int, name string) string {
		for i, h := range rows[0] {
			if h == name {
				return rows[row][i]
			}
		}
		t.Fatalf("no column %s", name)
		return ""
	}
	for _, c := range []struct {
		row        int
		name, want string
	}{
		{1, "record", "asset"},
		{1, "ips", "10.20.4.10 fe80::1"},
		{1, "roles", "plc mes"},
		{1, "level", "1"},
		{1, "protocols", "s7comm/server ntp/client"},
		{2, "parent", "a-1"},
		{4, "record", "connection"},
		{4, "operations", "read 8 write 1"},
		{4, "port", "102"},
		{7, "policy", "Basic256Sha256"},
		{1, "client", ""},
	} {
		if got := cell(c.row, c.name); got != c.want {
			t.Errorf("row %d %s: got %q, want %q", c.row, c.name, got, c.want)
		}
	}
}

type failing struct{}

var errFull = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	if err := Inventory(failing{}, sample(), 0); !errors.Is(err, errFull) {
		t.Errorf("Inventory: %v", err)
	}
	if err := InventoryCSV(failing{}, sample()); !errors.Is(err, errFull) {
		t.Errorf("InventoryCSV: %v", err)
	}
	if err := (Table{Head: []string{"A"}, Rows: [][]string{{"x"}}}).Write(failing{}, 0); !errors.Is(err, errFull) {
		t.Errorf("Write: %v", err)
	}
}

func TestHours(t *testing.T) {
	for d, want := range map[time.Duration]string{
		168 * time.Hour: "168h", 90 * time.Minute: "1h30m", 20 * time.Second: "20s", time.Hour + 20*time.Second: "1h0m20s", 10 * time.Minute: "10m", 0: "0s",
	} {
		if got := Hours(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
