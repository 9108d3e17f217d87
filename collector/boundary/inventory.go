package boundary

// Inventory is paper: the hardware, software, services or interconnections that
// were authorized (CM-8). It is never an observation.
type Inventory struct {
	Meta
	List       string `doc:"list,need" oneof:"hardware software services interconnections"`
	Source     string `doc:"source"`
	AsOf       Date   `doc:"asOf"`
	ApprovedBy string `doc:"approvedBy"`
	File       string `doc:"file"` // where the rows came from
	Rows       []Row  `doc:"rows"`
}

// Row is one line of an Inventory; each list uses its own keys of it.
type Row struct {
	At
	Name     string    `doc:"name"`
	Vendor   string    `doc:"vendor"`
	Model    string    `doc:"model"`
	Serial   string    `doc:"serial"`
	Firmware string    `doc:"firmware"`
	Version  string    `doc:"version"`
	MACs     []MAC     `doc:"macs"`
	IPs      []Address `doc:"ips"`
	Location string    `doc:"location"`
	Owner    string    `doc:"owner"`
	Protocol string    `doc:"protocol"`
	Ports    Ports     `doc:"ports"`
	From     string    `doc:"from"`
	To       string    `doc:"to"`
}

// rowKeys names the keys that say which thing a row of each list is: one of
// them must be there.
var rowKeys = map[string]string{
	"hardware":         "name, serial, macs or ips",
	"software":         "name",
	"services":         "protocol",
	"interconnections": "from and to",
}

func (v *Inventory) check(d *decoder) {
	if v.File == "" && len(v.Rows) == 0 {
		d.problem(v.At, "inventory "+v.Name+" has neither rows nor a file", "write rows: with one mapping for each line of the list")
	}
	for _, r := range v.Rows {
		if keys := rowKeys[v.List]; keys != "" && !r.names(v.List) {
			d.problem(r.At, "a row of "+v.Name+" that says not what it is", "add "+keys)
		}
	}
}

func (r *Row) names(list string) bool {
	switch list {
	case "services":
		return r.Protocol != ""
	case "interconnections":
		return r.From != "" && r.To != ""
	case "software":
		return r.Name != ""
	}
	return r.Name != "" || r.Serial != "" || len(r.MACs)+len(r.IPs) > 0
}
