package sheet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"demarc/collector/boundary"
)

const emass = `Export of baseline,,,,,
,,,,,
Component Type,Hostname,IP Address,MAC Address,Manufacturer,Model Number,Serial Number,OS/iOS/FW Version,Location,Extra
PLC,plc-l4-1,192.168.1.10,00-0E-8C-12-34-56,Siemens AG,6ES7 315-2EH14-0AB0,S C-X4U,V3.2.6,Cabinet 3,x

Server,scada-l4,"10.20.4.10; 10.20.4.11",,Dell,N/A,,,,
`

func TestReadCSV(t *testing.T) {
	rows, left, err := Read("hw.csv", []byte(emass), "hardware")
	if err != nil {
		t.Fatal(err)
	}
	v := &boundary.Inventory{List: "hardware", Rows: rows}
	v.Name = "hw"
	want := `apiVersion: demarc/v1
kind: Inventory
metadata: {name: hw}
spec:
  list: hardware
  rows:
    - {name: "plc-l4-1", vendor: "Siemens AG", model: "6ES7 315-2EH14-0AB0", serial: "S C-X4U", firmware: "V3.2.6", location: "Cabinet 3", macs: ["00:0e:8c:12:34:56"], ips: ["192.168.1.10"]}
    - {name: "scada-l4", vendor: "Dell", ips: ["10.20.4.10", "10.20.4.11"]}
`
	if got := string(v.Text()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if strings.Join(left, ",") != "Component Type,Extra" {
		t.Errorf("left %v", left)
	}
	if _, err := boundary.Read([]boundary.File{{Path: "hw.yaml", Content: v.Text()}}); err != nil {
		t.Errorf("what was written is not read: %v", err)
	}
}

func TestReadServices(t *testing.T) {
	rows, _, err := Read("pps.csv", []byte("\ufeffSource;Destination;Service;Port\nline4;dmz;OPC UA;TCP/4840\ndmz;line4;Modbus/TCP;502, 503\nline4;dmz;HTTPS;443/tcp\nline4;dmz;dcerpc;49152-65535\n"), "services")
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range rows {
		got += r.From + " " + r.To + " " + r.Protocol + " " + r.Ports.String() + "\n"
	}
	want := "line4 dmz opcua port 4840\ndmz line4 modbus port 502, 503\nline4 dmz tls port 443\nline4 dmz dcerpc port 49152-65535\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestReadXLSX(t *testing.T) {
	f := excelize.NewFile()
	for cell, text := range map[string]string{"A1": "Software Name", "B1": "Version", "C1": "Software Vendor", "A2": "TIA Portal", "B2": "17", "C2": "Siemens", "A4": "WinCC", "B4": "7.5"} {
		if err := f.SetCellStr("Sheet1", cell, text); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	rows, _, err := Read("sw.xlsx", b.Bytes(), "software")
	if err != nil || len(rows) != 2 || rows[0].Name != "TIA Portal" || rows[0].Version != "17" || rows[1].Vendor != "" {
		t.Errorf("%v %v", rows, err)
	}
	_, _, err = Read("sw.xlsx", b.Bytes(), "hardware")
	if err == nil || !strings.Contains(err.Error(), "is the header of a hardware list: it needs columns such as name, vendor") {
		t.Errorf("%v", err)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ list, text, want string }{
		"an address":        {"hardware", "Name,IP\na,10.0.0.1\nb,10.0.0.300\n", `hw: line 3, column 2 (ips): "10.0.0.300" is not an IP address`},
		"a MAC address":     {"hardware", "Name,MAC\na,00:11:22\n", `line 2, column 2 (macs): "00:11:22" is not a whole MAC address`},
		"a port":            {"services", "Protocol,Port\nopcua,70000\n", `line 2, column 2 (ports): "70000" is not a port`},
		"a protocol":        {"services", "Protocol,Port\nopcau,4840\n", `did you mean opcua?`},
		"no name":           {"hardware", "Name,Vendor,Serial\n,Siemens,\n", "line 2, column 1: a row that says not what it is: it needs name, serial, macs or ips"},
		"no header":         {"hardware", "1,2,3\n4,5,6\n", "is the header of a hardware list"},
		"nothing":           {"hardware", "", "is the header of a hardware list"},
		"a header alone":    {"hardware", "Name,Serial\n", "it has a header and no rows"},
		"quotes":            {"hardware", "Name,Serial\n\"a,b\n", "check its quotes"},
		"binary":            {"hardware", "a\x00b", "neither XLSX nor text"},
		"half an XLSX":      {"hardware", "PK\x03\x04rubbish", "cannot be read as XLSX"},
		"another list":      {"furniture", "a", `no list is called "furniture"`},
		"a long cell":       {"hardware", "Name,Serial\n" + strings.Repeat("x", maxCell+1) + ",1\n", "line 2 has a cell of more than"},
		"many rows":         {"hardware", "Name,Serial\n" + strings.Repeat("a,1\n", maxRows+1), "more than 20000 rows"},
		"a boundary's name": {"services", "Protocol,To\nopcua,Line 4!\n", `line 2, column 2 (to): "line 4!" is not a name`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Read("hw", []byte(c.text), c.list); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(emass), "hardware")
	f.Add([]byte("Protocol;Port\nopcua;4840\n"), "services")
	f.Add([]byte("PK\x03\x04"), "software")
	f.Add([]byte("From\tTo\na\tb\n"), "interconnections")
	f.Fuzz(func(t *testing.T, content []byte, list string) {
		rows, _, err := Read("x", content, list)
		if err != nil {
			return
		}
		v := &boundary.Inventory{List: list, Rows: rows}
		v.Name = "x"
		text := v.Text()
		if len(text) > 1<<20 {
			return
		}
		back, err := boundary.ReadInventory(boundary.File{Path: "x.yaml", Content: text})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if string(back.Text()) != string(text) {
			t.Fatalf("read back\n%s\nas\n%s", text, back.Text())
		}
	})
}
