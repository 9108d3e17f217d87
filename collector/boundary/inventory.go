package boundary

// Inventory is paper: the hardware, software, services or interconnections that
// were authorized (CM-8). It is never an observation.
type Inventory struct {
	Meta
	List       string `doc:"list,need" oneof:"hardware software services interconnections"`
	Boundary   Ref    `doc:"boundary"` // whose list it is; a hardware list is also found by components
	Source     string `doc:"source"`
	AsOf       Date   `doc:"asOf"`
	ApprovedBy string `doc:"approvedBy"`
	File       string `doc:"file"` // where the rows came from; apply reads it where there are none
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

// components holds a boundary to the list that was authorized for it.
func (c *checker) components(b *Boundary) {
	r := b.Components.Inventory
	if !known(c, r, "Inventory", c.inventories) {
		return
	}
	v := c.inventories[r.Name]
	switch {
	case v.List != "hardware" && v.List != "":
		c.problem(r.At, "components of "+b.Name+" name "+v.Name+", which lists "+v.List, "name a hardware list: it says which devices were authorized")
	case v.ApprovedBy == "":
		c.warn(v.At, "inventory "+v.Name+" says not who approved it, and is held against what stands in "+b.Name, "add approvedBy:")
	}
}

// inventory holds what a list names to the documents.
func (c *checker) inventory(v *Inventory) {
	if v.Boundary.Name != "" {
		known(c, v.Boundary, "boundary", c.boundaries)
	}
	if v.List != "services" && v.List != "interconnections" {
		return
	}
	for _, r := range v.Rows {
		for _, name := range []string{r.From, r.To} {
			if name != "" {
				known(c, Ref{r.At, name}, "boundary", c.boundaries, Internet)
			}
		}
	}
}
