package reading

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Modbus says what is read over Modbus.
type Modbus struct {
	Port           int        `yaml:"port"`           // default 502
	Units          string     `yaml:"units"`          // "1, 10-12"; default 255, the device itself
	Identification string     `yaml:"identification"` // none, basic, regular, extended; default basic
	ServerID       bool       `yaml:"serverID"`       // function 17
	SunSpec        bool       `yaml:"sunSpec"`        // the common model
	Registers      []Register `yaml:"registers"`
}

// Register is a value of a device's name plate that stands in registers.
type Register struct {
	Attribute string `yaml:"attribute"` // vendor, model, firmware, serial, ...
	Unit      int    `yaml:"unit"`      // default: each of Units
	Register  int    `yaml:"register"`  // address, counted from 0
	Count     int    `yaml:"count"`     // registers, 1 to 125
	Type      string `yaml:"type"`      // text, number, hex; default text
	Input     bool   `yaml:"input"`     // input registers, function 4; else holding, function 3
}

// maxUnits is how many units a scan of one device may ask.
const maxUnits = 32

func (m *Modbus) check() error {
	units, err := m.UnitList()
	switch {
	case m.Port < 0 || m.Port > 65535:
		return fmt.Errorf("port: %d is none: 1 to 65535", m.Port)
	case err != nil:
		return fmt.Errorf("units: %w", err)
	case len(units) > maxUnits:
		return fmt.Errorf("units: %d of them, at most %d are asked", len(units), maxUnits)
	case !slices.Contains([]string{"", "none", "basic", "regular", "extended"}, m.Identification):
		return fmt.Errorf("identification: %q is not known: none, basic, regular or extended", m.Identification)
	case m.Identification == "none" && !m.ServerID && !m.SunSpec && len(m.Registers) == 0:
		return errors.New("identification: none leaves nothing to read: say serverID, sunSpec or registers")
	case len(m.Registers) > 64:
		return fmt.Errorf("registers: %d of them, at most 64 are read", len(m.Registers))
	}
	for i, r := range m.Registers {
		switch {
		case r.Attribute == "" || len(r.Attribute) > 64 || strings.Trim(r.Attribute, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "":
			return fmt.Errorf("registers[%d].attribute: %q is no name of lower-case letters, digits, dots, as in serial", i, r.Attribute)
		case r.Unit < 0 || r.Unit > 255:
			return fmt.Errorf("registers[%d].unit: %d lies not between 0 and 255", i, r.Unit)
		case r.Count < 1 || r.Count > 125:
			return fmt.Errorf("registers[%d].count: %d lies not between 1 and 125", i, r.Count)
		case r.Register < 0 || r.Register+r.Count > 65536:
			return fmt.Errorf("registers[%d].register: %d to %d lies not between 0 and 65535", i, r.Register, r.Register+r.Count-1)
		case !slices.Contains([]string{"", "text", "number", "hex"}, r.Type):
			return fmt.Errorf("registers[%d].type: %q is not known: text, number or hex", i, r.Type)
		case r.Type == "number" && r.Count > 4:
			return fmt.Errorf("registers[%d].count: a number has at most 4 registers", i)
		}
	}
	return nil
}

// UnitList reads "1, 10-12"; without it the device itself, 255.
func (m *Modbus) UnitList() ([]byte, error) {
	if m.Units == "" {
		return []byte{255}, nil
	}
	var units []byte
	for part := range strings.SplitSeq(m.Units, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseUint(from, 10, 8)
		b := a
		if ranged && err == nil {
			b, err = strconv.ParseUint(to, 10, 8)
		}
		if err != nil || b < a {
			return nil, fmt.Errorf("%q is no unit and no range of them (0 to 255), as in 1, 10-12", strings.TrimSpace(part))
		}
		for u := a; u <= b; u++ {
			if !slices.Contains(units, byte(u)) {
				units = append(units, byte(u))
			}
		}
	}
	return units, nil
}
